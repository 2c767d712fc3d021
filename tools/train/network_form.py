"""Which form of a network is trained: the published one, or one with other options, joints and input size."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

import torch

from posestream.engines.architectures import NAMES, ArchitectureError, create, default_variant
from posestream.engines.architectures.pose_network import Deployed, Network
from posestream.engines.skeletons import SKELETONS
from posestream.engines.spec import Architecture, InputSpec, ModelSpec
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.literature import SPECS
from tools.train import TrainError


def published(architecture: str, variant: str | None = None, skeleton: str | None = None) -> ModelSpec:
    """The model of a variant: of several the first one that has `skeleton`, or the first of all.

    Raises ArchitectureError for an architecture or variant, TrainError for a skeleton that there is not.
    """
    variant = variant or default_variant(architecture)
    if skeleton is not None and skeleton not in SKELETONS:
        raise TrainError(f"unknown skeleton {skeleton!r}: there are {', '.join(SKELETONS)}")
    wanted = (architecture, variant)
    models = [s for s in SPECS if s.architecture and (s.architecture.name, s.architecture.variant) == wanted]
    if not models:
        raise ArchitectureError(f"{architecture} has no variant {variant!r}: it has {', '.join(NAMES[architecture])}")
    return next((spec for spec in models if spec.skeleton == skeleton), models[0])


def form(
    spec: ModelSpec,
    options: Mapping[str, Any] | None = None,
    size_hw: tuple[int, int] | None = None,
    skeleton: str | None = None,
) -> ModelSpec:
    """`spec` with its architecture's `options` changed, for inputs of height and width `size_hw`, with `skeleton`.

    Inputs have one size, that of the spec unless another is given; where the spec's follow the frame, a square of its
    `side_px`. The outputs' shapes are taken from the network, which computes nothing for that. Raises ArchitectureError
    where the network cannot be made so, or takes no such input.
    """
    assert spec.architecture is not None
    size_hw = size_hw or spec.input.size_hw or _square(spec.input)
    name, variant = spec.architecture.name, spec.architecture.variant
    changed = {**spec.architecture.options, **_sizes(name, size_hw), **(options or {})}
    if skeleton is not None and skeleton != spec.skeleton:
        changed["joints"] = len(SKELETONS[skeleton])
    architecture = Architecture(name, variant, changed)
    tensor = replace(spec.input.tensor, shape=(*spec.input.tensor.shape[:2], *size_hw))
    shapes = _output_shapes(architecture, size_hw)
    if len(shapes) != len(spec.outputs):
        raise ArchitectureError(
            f"{spec.name}: the network gives {len(shapes)} outputs, its spec says {len(spec.outputs)}"
        )
    return replace(
        spec,
        input=replace(spec.input, tensor=tensor),
        outputs=tuple(replace(o, shape=(None, *shape)) for o, shape in zip(spec.outputs, shapes, strict=True)),
        skeleton=skeleton or spec.skeleton,
        architecture=architecture,
        codec_options={**spec.codec_options, **({"centred": True} if changed.get("parallel") else {})},
    )


def network_of(spec: ModelSpec) -> Network:
    """The network of a form, with random weights."""
    assert spec.architecture is not None
    return create(spec.architecture.name, spec.architecture.variant, **spec.architecture.options)


def published_as(spec: ModelSpec, network: Network) -> str:
    """The name of the model that takes the weights of this form, "" where none does."""
    model = find(spec.name)
    with torch.device("meta"):
        wanted = network_of(model).state_dict()
    given = network.state_dict()
    same = {n: t.shape for n, t in wanted.items()} == {n: t.shape for n, t in given.items()}
    return model.name if same and spec.skeleton == model.skeleton else ""


def _square(image: InputSpec) -> tuple[int, int]:
    side = -(-(image.side_px or 0) // image.multiple_px) * image.multiple_px
    return side, side


def _sizes(architecture: str, size_hw: tuple[int, int]) -> dict[str, int]:
    """The options of a network that is made for one size of images."""
    accepted = inspect.signature(import_module(f"posestream.engines.architectures.{architecture}").build).parameters
    return {option: n for option, n in zip(("height_px", "width_px"), size_hw, strict=True) if option in accepted}


def _output_shapes(architecture: Architecture, size_hw: tuple[int, int]) -> list[tuple[int, ...]]:
    """Shapes, without the batch, of the outputs that are decoded."""
    with torch.device("meta"), torch.no_grad():
        network = create(architecture.name, architecture.variant, **architecture.options)
        outputs = Deployed(network).eval()(torch.zeros(1, network.channels, *size_hw))
    return [tuple(output.shape[1:]) for output in outputs]
