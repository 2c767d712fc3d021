from pathlib import Path

import cv2
import numpy as np
import pytest

from posestream.stream.sources.images import ImageSource
from posestream.stream.sources.source import DecodeError, SourceError
from tests.clips import number_of, picture, written


def save(path: Path, number: int, width: int = 320, height: int = 240) -> Path:
    assert cv2.imwrite(str(path), picture(number, width, height)[:, :, ::-1])
    return path


def numbers(source: ImageSource) -> list[int | None]:
    """The numbers of all images; None for an unreadable one."""
    found: list[int | None] = []
    while True:
        try:
            frame = source.read()
        except DecodeError:
            found.append(None)
            continue
        if frame is None:
            return found
        found.append(number_of(written(frame)))


def opened(path: Path) -> ImageSource:
    source = ImageSource(path)
    source.open()
    return source


def test_a_folder_gives_every_image_once_in_natural_order(tmp_path: Path) -> None:
    names = ["1.png", "2.jpg", "10.bmp", "11.webp", "a2.TIF", "a10.jpeg"]
    for number, name in enumerate(names):
        save(tmp_path / name, number)
    (tmp_path / "notes.txt").write_text("not an image")
    source = opened(tmp_path)
    assert numbers(source) == list(range(6))
    assert [path.name for path in source.paths] == names


def test_one_image_is_a_source_of_one_frame(tmp_path: Path) -> None:
    assert numbers(opened(save(tmp_path / "one.png", 5))) == [5]


def test_each_image_has_its_own_size_even_an_odd_one(tmp_path: Path) -> None:
    sizes = [(320, 240), (241, 199), (640, 480)]
    for number, size in enumerate(sizes):
        save(tmp_path / f"{number}.png", number, *size)
    source = opened(tmp_path)
    frames = list(iter(source.read, None))
    assert [(frame.geometry.width, frame.geometry.height) for frame in frames] == sizes
    np.testing.assert_array_equal(written(frames[1]), picture(1, 241, 199)[:, :, ::-1])


def test_grey_and_transparent_images_become_bgr(tmp_path: Path) -> None:
    grey = picture(3)[:, :, 0]
    cv2.imwrite(str(tmp_path / "0.png"), grey)
    cv2.imwrite(str(tmp_path / "1.png"), np.dstack([grey, grey, grey, np.full_like(grey, 128)]))
    assert numbers(opened(tmp_path)) == [3, 3]


def test_an_unreadable_image_is_an_error_that_names_it_and_the_next_follows(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / f"{number}.png", number)
    (tmp_path / "1.png").write_bytes(b"this is no image")
    (tmp_path / "2.png").write_bytes(b"")
    assert numbers(opened(tmp_path)) == [0, None, None, 3]
    source = opened(tmp_path)
    source.read()
    with pytest.raises(DecodeError, match=r"1\.png"):
        source.read()


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no image in this folder"):
        opened(tmp_path)


def test_a_missing_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such image"):
        opened(tmp_path / "gone.png")
