"""ONNX in all runtimes computes what torch computes, at every batch size."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.engines.architectures import create, reduced
from posestream.engines.exceptions import WeightsError
from posestream.engines.pixels import Preprocessor
from posestream.engines.plan import Region
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.download.photographs import photographs
from posestream.engines.zoo.literature import SPECS
from tests.engines.architectures.exporting import in_runtimes, with_lively_weights

TOLERANCE = 1e-4  # of an output's largest magnitude

REDUCED = {spec.architecture.name: spec for spec in reversed(SPECS) if spec.architecture}.values()  # the first of each


@pytest.fixture(scope="module")
def photo() -> Path:
    try:
        return photographs()[0]
    except WeightsError as error:
        pytest.skip(str(error))


def name_of(spec: ModelSpec) -> str:
    return spec.name


def random_images(spec: ModelSpec, batch: int, size_hw: tuple[int, int]) -> NDArray[np.float32]:
    return np.random.default_rng(batch).standard_normal((batch, 3, *size_hw)).astype(np.float32)


def size_for(spec: ModelSpec, multiple_px: int) -> tuple[int, int]:
    """The input's fixed size, or for a variable one another than that of the export's example."""
    return spec.input.size_hw or (multiple_px * max(2, 96 // multiple_px), multiple_px * max(3, 160 // multiple_px))


@pytest.mark.parametrize("spec", REDUCED, ids=name_of)
def test_a_reduced_network_gives_the_same_in_every_runtime_as_in_torch(spec: ModelSpec, photo: Path) -> None:
    assert spec.architecture is not None
    name, variant = spec.architecture.name, spec.architecture.variant
    options = {**spec.architecture.options, **reduced(name, variant)}
    network = with_lively_weights(create(name, variant, **options))
    runtimes = in_runtimes(network, spec)
    size_hw = size_for(spec, network.multiple_px)
    for batch in (1, 3):
        assert runtimes.greatest_error(random_images(spec, batch, size_hw)) < TOLERANCE
    assert runtimes.greatest_error(photographed(spec, photo, size_hw)) < TOLERANCE


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("spec", SPECS, ids=name_of)
def test_a_network_at_full_size_gives_the_same_on_noise_and_on_a_photo(spec: ModelSpec, photo: Path) -> None:
    assert spec.architecture is not None
    network = with_lively_weights(
        create(spec.architecture.name, spec.architecture.variant, **spec.architecture.options)
    )
    runtimes = in_runtimes(network, spec)
    size_hw = size_for(spec, network.multiple_px)
    assert runtimes.greatest_error(random_images(spec, 2, size_hw)) < TOLERANCE
    assert runtimes.greatest_error(photographed(spec, photo, size_hw)) < TOLERANCE


def photographed(spec: ModelSpec, photo: Path, size_hw: tuple[int, int]) -> NDArray[np.float32]:
    """The whole photo through the model's own preprocessing."""
    picture = cv2.imread(str(photo))
    assert picture is not None
    images = np.empty((1, 3, *size_hw), np.float32)
    region = Region(-0.5, -0.5, picture.shape[1], picture.shape[0])
    Preprocessor(spec.input)(np.asarray(picture, np.uint8), "bgr24", region, images[0])
    return images
