"""Two runs side by side, with the interval that chance would give their difference."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.tools.datasets import files
from tools.datasets import coco_annotations as coco_files
from tools.datasets.readers import read
from tools.evaluate.__main__ import main

PEOPLE = 200


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    return files.mpii_truth(tmp_path / "truth.mat", people=PEOPLE)


def predicted(path: Path, truth: Path, wrong: float, seed: int = 0) -> Path:
    """Its own truth with a part of the joints far off."""
    rng = np.random.default_rng(seed)
    keypoints = np.nan_to_num(read("mpii", truth).keypoints()) + 1
    keypoints[rng.random(keypoints.shape[:2]) < wrong] += 500
    with h5py.File(path, "w") as file:
        file["preds"] = keypoints
    return path


def difference(capsys: pytest.CaptureFixture[str], truth: Path, one: Path, other: Path) -> dict[str, float]:
    given = ["--dataset", "mpii", "--annotations", truth, "--predictions", one, "--against", other, "--json"]
    assert main([str(each) for each in given]) == 0
    return json.loads(capsys.readouterr().out)["against"]["difference"]  # type: ignore[no-any-return]


def test_a_difference_that_is_there_is_outside_of_chance(
    tmp_path: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    better, worse = predicted(tmp_path / "a.h5", truth, 0.1), predicted(tmp_path / "b.h5", truth, 0.2, seed=1)
    found = difference(capsys, truth, better, worse)
    assert found["value"] == pytest.approx(10, abs=2)
    assert 0 < found["low"] < found["value"] < found["high"]


def test_a_run_beside_itself_differs_by_nothing(
    tmp_path: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = predicted(tmp_path / "a.h5", truth, 0.1)
    found = difference(capsys, truth, same, same)
    assert (found["low"], found["value"], found["high"]) == (0, 0, 0)


def test_two_runs_alike_differ_by_no_more_than_chance(
    tmp_path: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = (predicted(tmp_path / f"{seed}.h5", truth, 0.1, seed) for seed in (0, 1))
    found = difference(capsys, truth, one, other)
    assert found["low"] < 0 < found["high"]


def test_the_interval_is_the_same_each_time(tmp_path: Path, truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (predicted(tmp_path / f"{seed}.h5", truth, 0.1, seed) for seed in (0, 1))
    assert difference(capsys, truth, one, other) == difference(capsys, truth, one, other)


def test_coco_is_compared_by_ap_over_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = files.coco(tmp_path / "truth.json")
    person = read("coco", truth).images[0].people[0]
    right = np.column_stack([np.nan_to_num(person.keypoints), np.ones(17)])
    coco_files.write(tmp_path / "right.json", [(1, right, 1.0)])
    coco_files.write(tmp_path / "wrong.json", [(1, right + 300, 1.0)])
    given = ["--annotations", truth, "--predictions", tmp_path / "right.json", "--against", tmp_path / "wrong.json"]
    assert main([*map(str, given), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["against"]["difference"]
    assert (found["figure"], found["value"]) == ("AP", pytest.approx(1))


def test_limbs_have_no_interval(tmp_path: Path, truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same = predicted(tmp_path / "a.h5", truth, 0.1)
    given = ["--dataset", "mpii", "--annotations", truth, "--predictions", same, "--against", same, "--metric", "pcp"]
    assert main([str(each) for each in given]) == 2
    assert "--against: no interval is made for pcp of mpii" in capsys.readouterr().err
