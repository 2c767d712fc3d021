"""Images with people in them as the networks want them, made from the two photographs."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import MODELS
from posestream.engines.zoo.download.photographs import photographs


def people(height_px: int, width_px: int) -> NDArray[np.uint8]:
    """(H, W, 3) BGR: the astronaut, her mirror image and the cameraman, side by side, then scaled by leaving out."""
    astronaut, cameraman = (cv2.imread(str(path), cv2.IMREAD_COLOR) for path in photographs())
    assert astronaut is not None
    assert cameraman is not None
    scene = np.concatenate([astronaut, astronaut[:, ::-1], cameraman], axis=1)
    rows = np.arange(height_px) * scene.shape[0] // height_px
    columns = np.arange(width_px) * scene.shape[1] // width_px
    return np.ascontiguousarray(scene[rows][:, columns]).astype(np.uint8)


def one_person(side_px: int) -> NDArray[np.uint8]:
    """(side, side, 3) BGR: the astronaut."""
    return people(side_px, side_px * 3)[:, :side_px]


SIZES_HW = {"movenet-multipose": (128, 384), "openpose-mobilenet-thin": (128, 384)}
"""For the networks that take any size: small, and not square."""


def images(spec: ModelSpec) -> NDArray[Any]:
    """(1, ...) what `spec` takes: one person for a top-down model, three for others."""
    height, width = spec.input.size_hw or SIZES_HW[spec.name]
    scene = one_person(height) if spec.name.startswith("movenet-") and spec.input.size_hw else people(height, width)
    return prepared(spec, scene)


def prepared(spec: ModelSpec, scene: NDArray[np.uint8]) -> NDArray[Any]:
    """(1, ...) a BGR scene in the colours, values and layout of the network's input."""
    pixels = scene[..., ::-1] if spec.input.colour == "rgb" else scene
    values = (pixels - np.array(spec.input.mean, np.float32)) / np.array(spec.input.std, np.float32)
    batch = values[None].transpose(0, 3, 1, 2) if spec.input.layout == "nchw" else values[None]
    return np.ascontiguousarray(batch.astype(spec.input.tensor.dtype))


TFJS = [spec for spec in MODELS.values() if spec.source.format == "tfjs"]
