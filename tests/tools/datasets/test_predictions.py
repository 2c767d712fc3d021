"""Predictions are read from what people publish: any order of axes, from pixel 0 or 1, and written back the same."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from numpy.typing import NDArray

from posestream.engines.skeletons import FLIC9, FLIC11, LSP14, MPII16
from tests.tools.datasets import files
from tools.datasets import DatasetError, coco_annotations, crowd_poses, predictions
from tools.datasets.readers import read

PREDS = np.random.default_rng(0).uniform(0, 300, (20, 16, 2)).round(1)  # from pixel 0


def h5(path: Path, **arrays: NDArray[np.float64]) -> Path:
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            file[name] = value
    return path


def test_files_from_matlab_and_torch_count_from_one_and_others_from_zero(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "p.mat", {"preds": PREDS + 1})
    np.savez(tmp_path / "p.npz", preds=PREDS)
    for path in (h5(tmp_path / "p.h5", preds=PREDS + 1), tmp_path / "p.mat", tmp_path / "p.npz"):
        found = predictions.read(path, "mpii", 20)
        np.testing.assert_allclose(found.keypoints, PREDS, atol=1e-9)
        assert (found.key, found.joints) == ("preds", MPII16.joints)


def test_what_the_first_pixel_is_can_be_said(tmp_path: Path) -> None:
    found = predictions.read(h5(tmp_path / "p.h5", preds=PREDS), "mpii", 20, origin=0)
    np.testing.assert_allclose(found.keypoints, PREDS)


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0), (2, 1, 0), (1, 0, 2), (0, 2, 1), (2, 0, 1)])
def test_axes_come_in_any_order(tmp_path: Path, axes: tuple[int, int, int]) -> None:
    found = predictions.read(h5(tmp_path / "p.h5", preds=PREDS.transpose(axes)), "mpii", 20, origin=0)
    np.testing.assert_allclose(found.keypoints, PREDS)


def test_a_third_coordinate_is_a_score(tmp_path: Path) -> None:
    scored = np.concatenate([PREDS, np.ones((20, 16, 1))], axis=2)
    found = predictions.read(h5(tmp_path / "p.h5", preds=scored), "mpii", 20, origin=0)
    np.testing.assert_allclose(found.keypoints, PREDS)


def test_flics_predictions_have_eleven_joints_or_nine(tmp_path: Path) -> None:
    nine = predictions.read(h5(tmp_path / "9.h5", prediction_all=PREDS[:, :9]), "flic", 20)
    eleven = predictions.read(h5(tmp_path / "11.h5", preds=PREDS[:, :11]), "flic", 20)
    assert (nine.joints, eleven.joints) == (FLIC9.joints, FLIC11.joints)
    assert np.isnan(nine.of(FLIC11)[:, FLIC11.joints.index("nose")]).all()


@pytest.mark.parametrize("said", ["lsp14", ",".join(LSP14.joints)])
def test_another_order_of_joints_is_said_by_a_skeleton_or_by_names(tmp_path: Path, said: str) -> None:
    found = predictions.read(h5(tmp_path / "p.h5", preds=PREDS[:, :14]), "mpii", 20, joints=said, origin=0)
    there = found.of(MPII16)
    np.testing.assert_allclose(there[:, MPII16.joints.index("head top")], PREDS[:, LSP14.joints.index("head top")])
    hips = PREDS[:, [LSP14.joints.index(f"{side} hip") for side in ("left", "right")]]
    np.testing.assert_allclose(there[:, MPII16.joints.index("pelvis")], hips.mean(axis=1))


def test_of_several_arrays_the_one_with_the_usual_name_is_taken(tmp_path: Path) -> None:
    path = h5(tmp_path / "p.h5", other=PREDS * 0, preds=PREDS, scores=np.ones((20, 16)))
    assert predictions.read(path, "mpii", 20).key == "preds"
    assert predictions.read(path, "mpii", 20, key="other").key == "other"


@pytest.mark.parametrize(
    ("arrays", "options", "complaint"),
    [
        ({"a": PREDS, "b": PREDS}, {}, r"p\.h5: it has several arrays .* a \(20x16x2\), b \(20x16x2\): give --key"),
        (
            {"preds": PREDS[:19]},
            {},
            r"no array of 20 people with 16 or 14 joints of x and y; there are preds \(19x16x2\)",
        ),
        ({"preds": PREDS}, {"key": "pred"}, r"it has no array pred; there are preds \(20x16x2\): give one with --key"),
        ({"preds": PREDS[..., 0]}, {"key": "preds"}, r"preds is 20x16: expected 20x16x2 or 20x14x2, with axes in any"),
        ({"preds": PREDS}, {"joints": "nose,paw"}, r"--joints: 'paw' is neither a joint nor a skeleton"),
        ({}, {}, r"there are no arrays of numbers"),
    ],
)
def test_what_the_file_does_not_tell_is_asked_for(
    tmp_path: Path, arrays: dict[str, NDArray[np.float64]], options: dict[str, str], complaint: str
) -> None:
    with pytest.raises(DatasetError, match=complaint):
        predictions.read(h5(tmp_path / "p.h5", **arrays), "mpii", 20, **options)  # type: ignore[arg-type]


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.csv").touch()
    with pytest.raises(DatasetError, match=r"p\.csv: \.csv: expected \.h5, \.mat or \.npz"):
        predictions.read(tmp_path / "p.csv", "mpii", 20)


@pytest.mark.parametrize("suffix", [".h5", ".mat"])
def test_mpii_predictions_are_written_as_they_are_read(tmp_path: Path, suffix: str) -> None:
    predictions.write(tmp_path / f"p{suffix}", PREDS)
    np.testing.assert_allclose(predictions.read(tmp_path / f"p{suffix}", "mpii", 20).keypoints, PREDS, atol=1e-9)


def test_results_for_coco_are_written_as_they_are_read(tmp_path: Path) -> None:
    truth = read("coco", files.coco(tmp_path / "c.json"))
    keypoints = np.random.default_rng(0).uniform(0, 90, (17, 3))
    coco_annotations.write(tmp_path / "r.json", [(2, keypoints, 0.75)])
    found = crowd_poses.read(tmp_path / "r.json", truth)
    assert (found.images.tolist(), found.scores.tolist()) == ([2], [0.75])
    np.testing.assert_array_equal(found.keypoints[0], keypoints)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"image_id": 3}, r"r\.json: pose 0: image 3 is not one of the annotations'"),
        ({"image": "c.jpg", "image_id": None}, r"pose 0: image None is not one"),
        ({"keypoints": [1.0] * 50}, r"pose 0: keypoints: expected 51 finite numbers"),
        ({"score": None}, r"pose 0: its score is None"),
    ],
)
def test_a_pose_that_is_not_what_it_should_be_is_named(tmp_path: Path, row: dict[str, object], complaint: str) -> None:
    truth = read("coco", files.coco(tmp_path / "c.json"))
    coco_annotations.write(tmp_path / "r.json", [(1, np.zeros((17, 3)), 0.5)])
    rows = coco_annotations.load(tmp_path / "r.json")
    (tmp_path / "r.json").write_text(json.dumps([rows[0] | row]))
    with pytest.raises(DatasetError, match=complaint):
        crowd_poses.read(tmp_path / "r.json", truth)
