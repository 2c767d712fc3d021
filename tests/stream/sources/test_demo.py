import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.stream.sources.demo import GEOMETRY, LOOP_FRAMES, DemoFrame, DemoSource, paint_wall, view_matrix
from posestream.stream.sources.source import SourceError
from tests.clips import written

RED, BLUE = (0, 0, 255), (255, 0, 0)


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    """Two squares, each of one colour that identifies its photograph."""
    paths = [tmp_path / "first.png", tmp_path / "second.png"]
    for path, colour in zip(paths, (RED, BLUE), strict=True):
        cv2.imwrite(str(path), np.full((512, 512, 3), colour, np.uint8))
    return paths


def seen(wall: NDArray[np.uint8], index: int) -> tuple[float, float]:
    """The shares of frame `index` that show the first and the second photograph."""
    picture = written(DemoFrame(wall, index, 0))
    first, second = ((np.abs(picture.astype(int) - colour).max(axis=2) < 9).mean() for colour in (RED, BLUE))
    return float(first), float(second)


def test_both_are_seen_together_each_alone_and_then_nobody(photographs: list[Path]) -> None:
    wall = paint_wall(photographs)
    shares = [seen(wall, index) for index in range(0, LOOP_FRAMES, 15)]
    assert any(first > 0.15 and second > 0.15 for first, second in shares)
    assert any(first > 0.5 and second < 0.1 for first, second in shares)
    assert any(second > 0.5 and first < 0.1 for first, second in shares)
    assert any(first == second == 0 for first, second in shares)


def test_it_loops_and_a_frame_depends_on_its_index_alone(photographs: list[Path]) -> None:
    wall = paint_wall(photographs)
    for index in (0, 100, 400):
        once, again = (written(DemoFrame(wall, n, 0)) for n in (index, index + LOOP_FRAMES))
        np.testing.assert_array_equal(once, again)


def test_it_moves_all_the_time_and_never_jumps() -> None:
    corners = np.array([[0, 0, 1], [639, 0, 1], [0, 479, 1], [639, 479, 1]]).T
    places_px = np.array([view_matrix(index) @ corners for index in range(LOOP_FRAMES + 1)])
    steps_px = np.abs(np.diff(places_px, axis=0)).max(axis=(1, 2))
    assert steps_px.min() > 0
    assert steps_px.max() < 30


def test_it_is_live_and_frames_come_no_sooner_than_their_time(photographs: list[Path]) -> None:
    source = DemoSource(photographs)
    before_ns = time.monotonic_ns()
    source.open()
    frames = [source.read() for _ in range(5)]
    source.close()
    assert source.live
    assert {frame.geometry for frame in frames} == {GEOMETRY}
    stamps = [frame.source_ns for frame in frames]
    assert stamps == sorted(set(stamps))
    assert all(frame.arrived_ns - frame.source_ns >= before_ns for frame in frames)


def test_a_photograph_that_is_missing_is_named(tmp_path: Path, photographs: list[Path]) -> None:
    photographs[1].unlink()
    with pytest.raises(SourceError, match=r"second\.png"):
        DemoSource(photographs).open()
