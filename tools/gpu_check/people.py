"""Real people to measure with: those of the demo's photographs, or of a folder of the user's."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.engines.backends.onnxruntime import OnnxBackend
from posestream.engines.batches import Batch
from posestream.engines.codecs import codec_for
from posestream.engines.geometry import crop_around, whole_frame
from posestream.engines.pixels import Preprocessor
from posestream.engines.plan import Region
from posestream.engines.results import Boxes
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import find
from tools.benchmark.figures import NotMeasuredError
from tools.benchmark.footage import Picture, demo_frame
from tools.gpu_check import weight_files
from tools.gpu_check.unit import Bench

SURE = 0.5  # of a detector's boxes
PICTURES, FEW_PICTURES = 66, 2
DEMO = (640, 480), 10  # size of the demo's pictures, and how many frames lie between two of them
ENLARGED = 1.05  # boxes, before they are cut out


class Shown(NamedTuple):
    """A picture, with the boxes (N, 4) of its people, left top right bottom in its pixels."""

    picture: Picture
    boxes: NDArray[np.float32]


def people_of(bench: Bench) -> list[Shown]:
    """`people_in` the photographs that were given, or the demo's. Raises NotMeasuredError."""
    return people_in(pictures_of(bench.images, FEW_PICTURES if bench.quick else PICTURES))


def pictures_of(folder: str, count: int) -> Iterator[Picture]:
    """Up to `count` images of a folder, or of "" frames of the demo. Raises NotMeasuredError."""
    if not folder:
        size, apart = DEMO
        yield from (demo_frame(apart * index, size) for index in range(count))
        return
    paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not paths:
        raise NotMeasuredError(f"{folder} holds no .jpg or .png files")
    for path in paths[:count]:
        picture = cv2.imread(str(path))
        if picture is not None:
            yield np.asarray(picture, np.uint8)


def people_in(pictures: Iterable[Picture]) -> list[Shown]:
    """Each picture with its people, found on the CPU by the detector. Raises NotMeasuredError without its weights."""
    spec = find("nanodet")
    detector, codec, cut = OnnxBackend(spec, weight_files.of("nanodet").file), codec_for(spec), Preprocessor(spec.input)
    shown = []
    for picture in pictures:
        region, size_hw = whole_frame(spec.input, picture.shape[:2])
        image = np.empty((1, *spec.input.image_shape(size_hw)), spec.input.tensor.dtype)
        cut(picture, "bgr24", region, image[0])
        outputs = [np.empty(shape, np.float32) for shape in detector.output_shapes(image.shape)]
        detector.run([Batch(image, outputs)])
        boxes = codec.decode(outputs, [region], size_hw)
        assert isinstance(boxes, Boxes)
        shown.append(Shown(picture, boxes.above(SURE).xyxy))
    return shown


def crops(spec: ModelSpec, people: Iterable[Shown]) -> tuple[NDArray[np.generic], list[Region]]:
    """The images (N, ...) of all people for a network that sees one of them at a time, and where they were cut.

    Raises NotMeasuredError where there is nobody.
    """
    cut, images, regions = Preprocessor(spec.input), [], []
    size_hw = spec.input.size_hw
    assert size_hw is not None, f"{spec.name} takes no crops"
    for picture, boxes in people:
        for box in boxes:
            regions.append(crop_around(box, spec.input, ENLARGED))
            images.append(np.empty(spec.input.image_shape(size_hw), spec.input.tensor.dtype))
            cut(picture, "bgr24", regions[-1], images[-1])
    if not images:
        raise NotMeasuredError("nobody is to be seen in the pictures")
    return np.stack(images), regions
