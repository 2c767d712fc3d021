"""Frames as webcams send them, without a webcam."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.engines.plan import PixelFormat
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.sources.source import DecodeError, SourceError
from posestream.stream.sources.webcam.v4l2 import CameraInfo, find_again
from posestream.stream.sources.webcam.webcam import Webcam
from posestream.stream.sources.webcam.webcam_frames import JpegDecoder, JpegFrame, PixelsFrame, YuyvFrame
from tests.webcam.pictures import draw, number_in
from tests.webcam.uvc_descriptors import HEIGHT, WIDTH

Pixels = NDArray[np.uint8]
I420 = Geometry(WIDTH, HEIGHT, "i420")
SAMPLINGS = {
    "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    "4:2:2": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
}
START_OF_SCAN, HUFFMAN_TABLE = 0xDA, 0xC4


def jpeg_of(picture: Pixels, *parameters: int) -> Pixels:
    return np.asarray(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95, *parameters])[1], np.uint8).reshape(
        -1
    )


def jpeg_frame(jpeg: Pixels, geometry: Geometry = I420, decoder: JpegDecoder | None = None) -> JpegFrame:
    return JpegFrame(1, None, geometry, jpeg, decoder or JpegDecoder())


def written(frame: JpegFrame | YuyvFrame | PixelsFrame) -> Pixels:
    slot = np.zeros(frame.geometry.nbytes, np.uint8)
    frame.write(slot)
    return slot


def bgr_of(i420: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(i420.reshape(I420.shape), cv2.COLOR_YUV2BGR_I420), np.uint8)


def without_huffman_tables(jpeg: Pixels) -> Pixels:
    """A JPEG without Huffman tables, as many webcams send it to save bytes: ITU-T T.81 annex K has the tables."""
    data, kept, at = jpeg.tobytes(), jpeg.tobytes()[:2], 2
    while data[at + 1] != START_OF_SCAN:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        kept += b"" if data[at + 1] == HUFFMAN_TABLE else data[at:end]
        at = end
    return np.frombuffer(kept + data[at:], np.uint8)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_jpeg_of_any_chroma_sampling_keeps_its_colours(sampling: str) -> None:
    jpeg = jpeg_of(draw(5), cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLINGS[sampling])
    found = bgr_of(written(jpeg_frame(jpeg))).astype(int)
    assert np.abs(found - cv2.imdecode(jpeg, cv2.IMREAD_COLOR)).mean() < 1


def test_a_grey_jpeg_is_grey() -> None:
    grey = draw(5)[:, :, 0]
    found = bgr_of(written(jpeg_frame(jpeg_of(grey)))).astype(int)
    assert np.abs(found - grey[:, :, None]).mean() < 1


def test_a_jpeg_without_huffman_tables_is_read() -> None:
    jpeg = jpeg_of(draw(5))
    assert np.array_equal(written(jpeg_frame(without_huffman_tables(jpeg))), written(jpeg_frame(jpeg)))


def test_a_jpeg_without_its_last_marker_is_read() -> None:
    jpeg = jpeg_of(draw(5))
    assert np.array_equal(written(jpeg_frame(jpeg[:-2])), written(jpeg_frame(jpeg)))


@pytest.mark.parametrize("cut", [slice(0, 2000), slice(3000, 4000), slice(-3000, None)], ids=["head", "middle", "tail"])
def test_a_jpeg_that_lost_a_part_raises_and_the_next_is_read(cut: slice) -> None:
    jpeg, decoder = jpeg_of(draw(5)), JpegDecoder()
    with pytest.raises(DecodeError, match="damaged JPEG"):
        written(jpeg_frame(np.delete(jpeg, cut), decoder=decoder))
    assert number_in(bgr_of(written(jpeg_frame(jpeg, decoder=decoder)))) == 5


def test_bytes_that_are_no_jpeg_raise() -> None:
    with pytest.raises(DecodeError, match="damaged JPEG of 5000 bytes"):
        written(jpeg_frame(np.zeros(5000, np.uint8)))


def test_a_jpeg_of_another_size_raises() -> None:
    with pytest.raises(DecodeError, match="640x480 came where 320x240"):
        written(jpeg_frame(jpeg_of(draw(5)), Geometry(320, 240, "i420")))


def test_yuyv_keeps_its_luma_exactly_and_its_colours() -> None:
    yuyv = np.asarray(cv2.cvtColor(draw(5), cv2.COLOR_BGR2YUV_YUY2), np.uint8)
    slot = written(YuyvFrame(1, None, I420, yuyv))
    assert np.array_equal(slot[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH), yuyv[:, :, 0])
    assert np.abs(bgr_of(slot).astype(int) - draw(5)).mean() < 1


def test_a_short_yuyv_frame_raises() -> None:
    with pytest.raises(DecodeError, match="YUYV"):
        written(YuyvFrame(1, None, I420, np.zeros((HEIGHT - 1, WIDTH, 2), np.uint8)))


@pytest.mark.parametrize("pixel_format", ["bgr24", "i420", "nv12"])
def test_pixels_that_need_no_conversion_are_copied(pixel_format: PixelFormat) -> None:
    geometry = Geometry(WIDTH, HEIGHT, pixel_format)
    pixels = np.random.default_rng(0).integers(0, 256, geometry.shape).astype(np.uint8)
    assert np.array_equal(written(PixelsFrame(1, None, geometry, pixels)), pixels.reshape(-1))


def test_a_camera_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceError, match="/dev/video63: no"):
        Webcam(63, width=640, height=480, fps=30, pixel_format="MJPG")().open()


def seen(path: str, serial: str, port: str) -> CameraInfo:
    return CameraInfo(path, "Webcam", f"usb:046d:0825:{serial}#0", port, int(path.removeprefix("/dev/video")))


def test_twins_without_serial_numbers_are_told_apart_by_their_port() -> None:
    left, right = seen("/dev/video0", "", "1-1"), seen("/dev/video2", "", "1-2")
    now = [seen("/dev/video0", "", "1-2"), seen("/dev/video2", "", "1-1")]
    assert find_again(left, now) == now[1]
    assert find_again(right, now) == now[0]


def test_a_camera_on_another_port_is_found_where_no_twin_confuses() -> None:
    camera, moved, twin = (seen(f"/dev/video{n}", "", f"1-{n}") for n in (1, 2, 3))
    assert find_again(camera, [moved]) == moved
    assert find_again(camera, [moved, twin]) is None


def test_another_camera_is_never_taken_for_it() -> None:
    assert find_again(seen("/dev/video0", "A", "1-1"), [seen("/dev/video0", "B", "1-1")]) is None
