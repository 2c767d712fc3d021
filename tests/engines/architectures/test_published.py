"""Every network of the literature has the published size, outputs and joints."""

import functools
import math
from typing import Any

import pytest
import torch

from posestream.engines.architectures import NAMES, count, create
from posestream.engines.architectures.pose_network import Deployed, Network
from posestream.engines.backends.protocol import output_shapes
from posestream.engines.codecs import codec_for
from posestream.engines.skeletons import SKELETONS
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.literature import SPECS

# The specification's counts, (name, variant): parameters of the published form.
PARAMETERS = {
    ("jain2014", "default"): 4_186_482,
    ("cpm", "lsp"): 31_219_866,
    ("cpm", "flic"): 21_323_816,
    ("cpm", "vgg"): 29_852_058,
    ("deepercut", "r101"): 50_192_236,
    ("deepercut", "r152"): 65_835_884,
    ("hourglass", "s1"): 3_426_448,
    ("hourglass", "s2"): 6_570_400,
    ("hourglass", "s8"): 25_434_112,
    ("attention", "default"): 58_312_088,
    ("pyranet", "b"): 28_131_832,
    ("rmpe", "fastpose-r50"): 40_577_745,
    ("rmpe", "fastpose-r152"): 75_213_521,
    ("hrnet", "w32"): 28_536_113,
    ("hrnet", "w48"): 63_595_745,
    ("higherhrnet", "w32"): 28_645_331,
    ("higherhrnet", "w48"): 63_827_139,
    ("openpose", "default"): 4_091_698,
    ("rtmpose", "t"): 3_337_007,
    ("rtmpose", "s"): 5_473_251,
    ("rtmpose", "m"): 13_587_611,
    ("rtmpose", "l"): 27_660_339,
}

# Multiply-adds of convolutions and linear layers for one image of (height, width), (name, variant): published count.
MACS = {
    ("jain2014", "default"): (28.7e6, (64, 64)),
    ("cpm", "lsp"): (175.44e9, (368, 368)),
    ("cpm", "flic"): (154.50e9, (368, 368)),
    ("cpm", "vgg"): (88.42e9, (368, 368)),
    ("hourglass", "s1"): (5.15e9, (256, 256)),
    ("hourglass", "s2"): (8.33e9, (256, 256)),
    ("hourglass", "s8"): (27.44e9, (256, 256)),
    ("attention", "default"): (63.86e9, (256, 256)),
    ("pyranet", "b"): (22.83e9, (256, 256)),
    ("rmpe", "fastpose-r50"): (5.89e9, (256, 192)),
    ("rmpe", "fastpose-r152"): (13.16e9, (256, 192)),
    ("hrnet", "w32"): (7.645e9, (256, 192)),
    ("hrnet", "w48"): (15.69e9, (256, 192)),
    ("higherhrnet", "w32"): (46.2e9, (512, 512)),
    ("higherhrnet", "w48"): (149.5e9, (640, 640)),
    ("openpose", "default"): (7.66e9, (256, 456)),
    ("rtmpose", "t"): (0.355e9, (256, 192)),
    ("rtmpose", "s"): (0.676e9, (256, 192)),
    ("rtmpose", "m"): (1.917e9, (256, 192)),
    ("rtmpose", "l"): (4.142e9, (256, 192)),
}

TOLERANCE = 0.005  # of multiply-adds


def label(case: object) -> str:
    return "-".join(case) if isinstance(case, tuple) and isinstance(case[0], str) else getattr(case, "name", "")


@functools.cache
def shapes_of(name: str, variant: str, **options: Any) -> Network:
    """The network on the meta device."""
    with torch.device("meta"):
        return create(name, variant, **options)


@functools.cache
def macs(name: str, variant: str, size_hw: tuple[int, int], **options: Any) -> int:
    return count.macs(shapes_of(name, variant, **options), *size_hw)


@pytest.mark.parametrize("case", PARAMETERS, ids=label)
def test_a_network_has_exactly_the_published_number_of_parameters(case: tuple[str, str]) -> None:
    assert count.parameters(shapes_of(*case)) == PARAMETERS[case]


@pytest.mark.parametrize("case", MACS, ids=label)
def test_a_network_does_the_published_number_of_multiply_adds(case: tuple[str, str]) -> None:
    wanted, size_hw = MACS[case]
    assert math.isclose(macs(*case, size_hw), wanted, rel_tol=TOLERANCE)


def test_every_variant_of_every_network_is_a_model() -> None:
    models = {(spec.architecture.name, spec.architecture.variant) for spec in SPECS if spec.architecture}
    assert models == {(name, variant) for name, variants in NAMES.items() for variant in variants}


@pytest.mark.parametrize("spec", SPECS, ids=label)
def test_what_a_model_says_of_its_size_is_what_its_network_has(spec: ModelSpec) -> None:
    assert spec.architecture is not None and spec.publication is not None
    of = spec.architecture
    size_hw = spec.input.size_hw or spec.publication.macs_hw
    assert size_hw is not None, "where the input follows the frame, the size that multiply-adds are counted at is said"
    assert count.parameters(shapes_of(of.name, of.variant, **of.options)) == spec.publication.parameters
    assert math.isclose(macs(of.name, of.variant, size_hw, **of.options), spec.publication.macs, rel_tol=TOLERANCE)


@pytest.mark.parametrize("spec", SPECS, ids=label)
def test_a_network_gives_the_outputs_that_its_model_names(spec: ModelSpec) -> None:
    assert spec.architecture is not None and spec.publication is not None
    size_hw = spec.input.size_hw or spec.publication.macs_hw
    assert size_hw is not None
    with torch.device("meta"), torch.no_grad():
        network = shapes_of(spec.architecture.name, spec.architecture.variant, **spec.architecture.options)
        images = torch.zeros(2, 3, *size_hw)
        outputs = Deployed(network).eval()(images)
    assert [tuple(output.shape) for output in outputs] == list(output_shapes(spec, tuple(images.shape)))


@pytest.mark.parametrize("spec", SPECS, ids=label)
def test_a_model_has_a_skeleton_and_a_codec(spec: ModelSpec) -> None:
    assert spec.skeleton in SKELETONS
    assert callable(codec_for(spec).decode)
