"""Real people to measure with: those of the demo's photographs, or of a folder of the user's."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
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
from posestream.engines.zoo.download.fetch import is_cached
from posestream.engines.zoo.download.photographs import SOURCE, photographs
from posestream.stream.sources.demo import FPS, GEOMETRY, DemoFrame, hang
from tools.benchmark.footage import CODEC
from tools.gpu_check import weights
from tools.gpu_check.bench import Bench
from tools.gpu_check.findings import NotMeasuredError

SIZE = (1280, 720)  # of every camera here
FIRST, SECOND = range(180, 240), range(380, 440)  # frames of the demo that show the one person, and the other
SURE = 0.5  # of a detector's boxes
BIT_RATE = 4_000_000  # a second: an ordinary 720p camera's
PICTURES, FEW_PICTURES = 66, 2


def four_people(count: int) -> Iterator[NDArray[np.uint8]]:
    """Frames (720, 1280, 3) BGR with four people, each in a quarter of the picture. Raises NotMeasuredError."""
    ways = [list(FIRST), list(SECOND), list(SECOND)[::-1], list(FIRST)[::-1]]
    for index in range(count):
        views = [_view(_there_and_back(way, index), (SIZE[0] // 2, SIZE[1] // 2)) for way in ways]
        yield np.vstack([np.hstack(views[:2]), np.hstack(views[2:])])


def one_person(count: int) -> Iterator[NDArray[np.uint8]]:
    """Frames (720, 1280, 3) BGR with one person. Raises NotMeasuredError."""
    for index in range(count):
        yield _view(_there_and_back(list(FIRST), index), SIZE)


def write_video(path: Path, frames: Iterator[NDArray[np.uint8]], times: int) -> Path:
    """The frames as a video of 30 fps, shown so many times over; they are encoded once."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(CODEC, rate=Fraction(FPS))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt, stream.bit_rate = "yuv420p", BIT_RATE
        packets = [
            packet
            for picture in frames
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24"))
        ]
        packets += stream.encode(None)
        copies = [(bytes(packet), packet.pts or 0, packet.is_keyframe, packet.time_base) for packet in packets]
        for turn in range(times):
            for content, pts, is_keyframe, time_base in copies:
                packet = av.Packet(content)
                packet.stream, packet.time_base, packet.is_keyframe = stream, time_base, is_keyframe
                packet.pts = packet.dts = pts + round(turn * len(copies) / FPS / time_base)
                container.mux(packet)
    return path


def pictures_of(folder: Path | None, count: int) -> Iterator[NDArray[np.uint8]]:
    """Up to `count` images of a folder, or frames of the demo. Raises NotMeasuredError."""
    if folder is None:
        wall = _wall()
        for index in range(count):
            slot = np.empty(GEOMETRY.nbytes, np.uint8)
            DemoFrame(wall, index * 10, 0).write(slot)
            yield slot.reshape(GEOMETRY.shape)
        return
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not paths:
        raise NotMeasuredError(f"{folder} holds no .jpg or .png files")
    for path in paths[:count]:
        picture = cv2.imread(str(path))
        if picture is not None:
            yield np.asarray(picture, np.uint8)


def people_of(bench: Bench) -> list[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """`people_in` the photographs that were given, or the demo's. Raises NotMeasuredError."""
    folder = Path(bench.images) if bench.images else None
    return people_in(pictures_of(folder, FEW_PICTURES if bench.quick else PICTURES))


def people_in(pictures: Iterator[NDArray[np.uint8]]) -> list[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Each picture with the boxes (N, 4) of its people, left top right bottom in its pixels, found on the CPU."""
    spec = find("nanodet")
    detector, codec, cut = OnnxBackend(spec, weights.of("nanodet").file), codec_for(spec), Preprocessor(spec.input)
    found = []
    for picture in pictures:
        region, size_hw = whole_frame(spec.input, picture.shape[:2])
        image = np.empty((1, *spec.input.image_shape(size_hw)), spec.input.tensor.dtype)
        cut(picture, "bgr24", region, image[0])
        outputs = [np.empty(shape, np.float32) for shape in detector.output_shapes(image.shape)]
        detector.run([Batch(image, outputs)])
        boxes = codec.decode(outputs, [region], size_hw)
        assert isinstance(boxes, Boxes)
        found.append((picture, boxes.above(SURE).xyxy))
    return found


def crops(
    spec: ModelSpec, people: Sequence[tuple[NDArray[np.uint8], NDArray[np.float32]]]
) -> tuple[NDArray[np.generic], list[Region]]:
    """The images (N, ...) of all people for a network that sees one of them at a time, and where they were cut."""
    cut, images, regions = Preprocessor(spec.input), [], []
    size_hw = spec.input.size_hw
    assert size_hw is not None, f"{spec.name} takes no crops"
    for picture, boxes in people:
        for box in boxes:
            region = crop_around(box, spec.input, 1.05)
            image = np.empty(spec.input.image_shape(size_hw), spec.input.tensor.dtype)
            cut(picture, "bgr24", region, image)
            images.append(image)
            regions.append(region)
    if not images:
        raise NotMeasuredError("nobody is to be seen in the pictures")
    return np.stack(images), regions


@cache
def _wall() -> NDArray[np.uint8]:
    if not is_cached(SOURCE):  # fetched once, before all else: where that failed nobody tries again
        raise NotMeasuredError("the demo's photographs are not here")
    return hang(photographs())


def _there_and_back(way: Sequence[int], index: int) -> int:
    """A step of a way that is gone back when it ends, so that nothing jumps."""
    turn = index % (2 * len(way) - 2)
    return way[min(turn, 2 * len(way) - 2 - turn)]


def _view(index: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A frame of the demo, scaled to (width, height); cut at top and bottom to that aspect."""
    slot = np.empty(GEOMETRY.nbytes, np.uint8)
    DemoFrame(_wall(), index, 0).write(slot)
    used = GEOMETRY.width * size[1] // size[0]
    top = (GEOMETRY.height - used) // 2
    shown = slot.reshape(GEOMETRY.shape)[top : top + used]
    return np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_CUBIC), np.uint8)
