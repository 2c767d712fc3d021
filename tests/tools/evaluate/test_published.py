"""Published predictions score as they were published; what is asked for wrongly is refused in one line."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from posestream.engines.metrics.coco_ap import FIGURES
from posestream.engines.skeletons import MPII16
from tests.tools.datasets import files
from tools.datasets import coco_annotations as coco_files
from tools.datasets.readers import read
from tools.evaluate.__main__ import main

GOLDEN = Path(__file__).parents[4] / "shared" / "data" / "golden"
needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden data is not beside the repository")

MPII_COLUMNS = ("head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")


def scored(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]


def of_mpii(capsys: pytest.CaptureFixture[str], file: str, *arguments: str) -> dict[str, Any]:
    truth = GOLDEN / "mpii_val_groundtruth.mat"
    return scored(capsys, "--dataset", "mpii", "--annotations", truth, "--predictions", GOLDEN / file, *arguments)


# ---- the golden data


@needs_golden
@pytest.mark.parametrize(
    ("file", "options", "columns", "unweighted", "pooled"),
    [
        ("mpii_val_preds_hourglass.h5", (), (95.941, 94.684, 88.529, 83.382, 87.485, 83.094, 79.050), 87.562, 88.0354),
        ("mpii_val_preds_hg_s1_b1.mat", (), (95.12, 93.61, 85.53, 79.56, 84.51, 78.28, 73.38), 84.46, 85.08),
        ("mpii_val_preds_hg_s2_b1.mat", (), (), 86.76, 87.30),
        (
            "mpii_val_groundtruth.mat",
            ("--key", "pos_pred_src"),
            (95.60, 92.71, 83.37, 76.74, 81.93, 73.36, 65.45),
            81.46,
            82.34,
        ),
    ],
)
def test_the_published_scores_on_mpii_come_out(
    capsys: pytest.CaptureFixture[str],
    file: str,
    options: tuple[str, ...],
    columns: tuple[float, ...],
    unweighted: float,
    pooled: float,
) -> None:
    score = of_mpii(capsys, file, *options)
    digits = 0.00051 if file.endswith(".h5") else 0.006  # as many as were published, some rounded twice
    for column, percent in zip(MPII_COLUMNS, columns, strict=False):
        assert score["joints"][column] == pytest.approx(percent, abs=digits)
    assert score["mean_unweighted"] == pytest.approx(unweighted, abs=digits)
    assert score["mean_pooled"] == pytest.approx(pooled, abs=digits)
    assert (score["dataset"], score["metric"], score["threshold"], score["counted"]) == ("mpii", "pckh", 0.5, 38430)
    assert list(score["joints"]) == list(MPII_COLUMNS)


@needs_golden
def test_the_pooled_mean_at_a_tenth_of_a_head_comes_out(capsys: pytest.CaptureFixture[str]) -> None:
    score = of_mpii(capsys, "mpii_val_preds_hourglass.h5", "--threshold", "0.1")
    assert score["mean_pooled"] == pytest.approx(28.647, abs=0.00051)


@needs_golden
@pytest.mark.parametrize(
    ("threshold", "published"),
    [
        ("0.2", {"elbow": 97.59, "wrist": 95.03, "shoulder": 99.31, "hip": 91.44}),
        ("0.1", {"shoulder": 97.05, "elbow": 89.76, "wrist": 87.80}),
    ],
)
def test_the_published_scores_on_flic_come_out(
    capsys: pytest.CaptureFixture[str], threshold: str, published: dict[str, float]
) -> None:
    files_given = ("--annotations", GOLDEN / "flic_valid.h5", "--predictions", GOLDEN / "flic_preds_cpm.mat")
    score = scored(capsys, "--dataset", "flic", *files_given, "--threshold", threshold)
    assert {joint: score["joints"][joint] for joint in published} == pytest.approx(published, abs=0.0051)
    assert score["metric"] == "pdj"


# ---- small files


@pytest.fixture
def mpii(tmp_path: Path) -> tuple[Path, Path]:
    """A truth of scripts, and its own joints, but the left wrist, for predictions."""
    truth = files.mpii_truth(tmp_path / "truth.mat", people=8)
    keypoints = np.nan_to_num(read("mpii", truth).keypoints()) + 1
    keypoints[:, MPII16.joints.index("right wrist")] += 500
    with h5py.File(tmp_path / "preds.h5", "w") as file:
        file["preds"] = keypoints
    return truth, tmp_path / "preds.h5"


def arguments(mpii: tuple[Path, Path], *more: str) -> list[str]:
    return ["--dataset", "mpii", "--annotations", str(mpii[0]), "--predictions", str(mpii[1]), *more]


def test_the_object_is_the_one_that_is_promised(mpii: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    score = scored(capsys, *arguments(mpii))
    assert score == {
        "dataset": "mpii",
        "metric": "pckh",
        "threshold": 0.5,
        "joints": {**dict.fromkeys(MPII_COLUMNS, 100.0), "wrist": 0.0},  # the left one is missing in this truth
        "mean_pooled": pytest.approx(100 * 12 / 13),
        "mean_unweighted": pytest.approx(100 * 12 / 13),
        "counted": 8 * 13,
    }


def test_the_origin_moves_predictions_by_a_pixel_and_is_said(
    mpii: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(mpii, "--threshold", "0.01")) == 0
    assert "pixels count from 1" in capsys.readouterr().err
    score = scored(capsys, *arguments(mpii, "--threshold", "0.01", "--origin", "0"))
    assert score["mean_pooled"] == 0


@pytest.mark.parametrize(("metric", "counted"), [("pckh", 8 * 13), ("pck", 8 * 13), ("pdj", 8 * 13), ("pcp", 8 * 9)])
def test_every_metric_of_single_people_is_there(
    mpii: tuple[Path, Path], capsys: pytest.CaptureFixture[str], metric: str, counted: int
) -> None:
    score = scored(capsys, *arguments(mpii, "--metric", metric))
    assert (score["metric"], score["counted"]) == (metric, counted)
    assert score["mean_pooled"] == pytest.approx(100 * (counted - 8) / counted)


def test_the_table_has_the_columns_of_papers(mpii: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(mpii)) == 0
    printed = capsys.readouterr().out
    assert "mpii, PCKh@0.5 of 104 joints, percent" in printed
    assert [column for column in MPII_COLUMNS if column in printed] == list(MPII_COLUMNS)


def test_several_people_an_image_on_mpii_by_the_names_of_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = files.mpii_release(tmp_path / "mpii.mat")
    person = read("mpii", truth).images[0].people[0]
    keypoints = np.column_stack([np.nan_to_num(person.keypoints), person.labelled * 0.9])
    poses = tmp_path / "poses.json"
    poses.write_text(json.dumps([{"image": "a.jpg", "keypoints": keypoints.ravel().tolist(), "score": 0.9}]))
    given = ["--dataset", "mpii", "--annotations", truth, "--predictions", poses]
    score = scored(capsys, *given, "--metric", "ap")
    assert (score["AP"], score["ankle"], score["head"]) == (100, None, None)


def test_coco_prints_its_ten_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = files.coco(tmp_path / "truth.json")
    person = read("coco", truth).images[0].people[0]
    found = np.column_stack([np.nan_to_num(person.keypoints), np.ones(17)])
    coco_files.write(tmp_path / "found.json", [(1, found, 1.0)])
    score = scored(capsys, "--annotations", truth, "--predictions", tmp_path / "found.json")
    assert list(score) == ["dataset", "metric", *FIGURES]
    assert score["AP"] == pytest.approx(1)


def test_of_a_file_with_training_and_test_the_test_is_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = files.flic(tmp_path / "examples.mat")
    keypoints = read("flic", truth).keypoints()
    np.savez(tmp_path / "one.npz", preds=keypoints[1:])
    np.savez(tmp_path / "both.npz", preds=keypoints)
    given = ("--dataset", "flic", "--annotations", truth, "--centric", "person", "--predictions")
    assert scored(capsys, *given, tmp_path / "one.npz")["counted"] == 11
    assert scored(capsys, *given, tmp_path / "both.npz", "--split", "all")["counted"] == 22
    assert main([*map(str, given), str(tmp_path / "one.npz"), "--split", "val"]) == 2
    assert "--split val: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (("--metric", "pck", "--reference", "head", "--threshold", "0"), "--threshold 0.0: expected more than 0"),
        (("--metric", "ap"), "preds.h5: AP is of several people an image: give poses as a .json list"),
        (("--key", "nothing"), "it has no array nothing; there are preds (8x16x2)"),
        (("--images", "nowhere"), "there is no nowhere"),
    ],
)
def test_what_cannot_be_scored_is_said_in_one_line(
    mpii: tuple[Path, Path], capsys: pytest.CaptureFixture[str], more: tuple[str, ...], complaint: str
) -> None:
    assert main(arguments(mpii, *more)) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert complaint in said


def test_a_metric_of_another_dataset_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    given = ["--dataset", "flic", "--annotations", "a", "--predictions", "b", "--metric", "pckh"]
    assert main(given) == 2
    assert "--metric pckh: flic is scored by pdj, pck, pcp" in capsys.readouterr().err


def test_pckh_needs_heads(tmp_path: Path, capsys: pytest.CaptureFixture[str], mpii: tuple[Path, Path]) -> None:
    truth = files.mpii_list(tmp_path / "valid.json")
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["preds"] = np.zeros((2, 16, 2))
    assert main(arguments((truth, tmp_path / "two.h5"))) == 2
    assert "valid.json: person 0 has no head box, by which PCKh measures: give the release" in capsys.readouterr().err
