"""How far two runs over one video agree, where nobody knows the truth."""

from pathlib import Path

import numpy as np
import pytest

from posestream.stream.published import Person
from tests.stream.publisher import pose
from tools.evaluate.__main__ import main
from tools.evaluate.following import agreement


def person(x: float, shift_px: float = 0.0) -> Person:
    """One of 100 px, moved to the right."""
    points = np.random.default_rng(int(x)).uniform(0, 100, (17, 2)) + np.array([x + shift_px, 0])
    keypoints = np.column_stack([points, np.ones(17)]).tolist()
    return Person(id=1, skeleton="coco17", box_xyxy=(x, 0, x + 100, 100), score=0.9, keypoints=keypoints)


def test_a_run_agrees_with_itself() -> None:
    run = [pose(seq=seq, people=[person(0), person(300)]) for seq in range(4)]
    assert agreement(run, run) == pytest.approx({"AP of agreement": 1, "AR of agreement": 1})


def test_who_is_not_followed_is_missed() -> None:
    every = [pose(seq=seq, people=[person(0), person(300)]) for seq in range(4)]
    follows = [pose(seq=seq, people=[person(0)]) for seq in range(4)]
    assert agreement(every, follows)["AR of agreement"] == pytest.approx(0.5)


def test_who_is_found_elsewhere_is_somebody_else() -> None:
    every = [pose(people=[person(0)])]
    follows = [pose(people=[person(0, shift_px=60)])]
    assert agreement(every, follows)["AP of agreement"] == 0


def test_people_of_one_frame_are_not_looked_for_in_another() -> None:
    assert agreement([pose(seq=0, people=[person(0)])], [pose(seq=1, people=[person(0)])])["AP of agreement"] == 0


def test_a_video_must_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--compare", "following", "--video", str(tmp_path / "none.mp4")]) == 2
    assert "give a video with --video FILE, got" in capsys.readouterr().err
