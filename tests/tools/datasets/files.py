"""Annotation files as they are published, small: two people or images each, of known joints."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io

LSP_PEOPLE = np.arange(2 * 14 * 2, dtype=float).reshape(2, 14, 2) + 1  # from pixel 1


def lsp(path: Path, *, extended: bool = False, **changes: Any) -> Path:
    """`joints.mat`; the flag of the first joint is 1, of all others 0 (LSP), or the other way round (LSPET)."""
    flags = np.zeros((2, 14, 1)) if not extended else np.ones((2, 14, 1))
    flags[:, 0] = 1 - flags[:, 0]
    people = np.concatenate([changes.get("people", LSP_PEOPLE), changes.get("flags", flags)], axis=2)  # (2, 14, 3)
    scipy.io.savemat(path, {"joints": people.transpose(1, 2, 0) if extended else people.transpose(2, 1, 0)})
    return path


def flic(path: Path, **fields: Any) -> Path:
    """`examples.mat` with one for training and one for test; NaN but for eleven places, which are their own numbers."""
    examples = np.zeros((1, 2), [(name, object) for name in FLIC_FIELDS])
    for i in range(2):
        coords = np.full((2, 29), np.nan)
        for place in (0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16):
            coords[:, place] = 100 * (i + 1) + place + 1, place + 1
        row = {
            "filepath": f"film-0000000{i}.jpg",
            "coords": coords,
            "torsobox": np.array([[11.0, 21, 51, 81]]),
            "currframe": 7.0 + i,
            "istrain": i == 0,
            "istest": i == 1,
        }
        for name, value in (row | fields).items():
            examples[0, i][name] = value
    scipy.io.savemat(path, {"examples": examples})
    return path


FLIC_FIELDS = ("filepath", "coords", "torsobox", "currframe", "istrain", "istest")


def mpii_release(path: Path, **point: Any) -> Path:
    """RELEASE with a training image of two people, one of them without joints, and a test image of nobody labelled."""
    points = [
        {"x": 11.0, "y": 21.0, "id": 0, "is_visible": "1"},
        {"x": 31.0, "y": 41.0, "id": 9, "is_visible": "0"} | point,
    ]
    labelled = {
        **{"x1": 1.0, "y1": 1.0, "x2": 31.0, "y2": 41.0, "scale": 1.5, "objpos": {"x": 101.0, "y": 201.0}},
        "annopoints": {"point": _structs(points)},
    }
    bare = {"x1": 0.0, "y1": 0.0, "x2": 3.0, "y2": 4.0, "scale": 2.0, "objpos": [], "annopoints": []}
    annolist = _structs(
        [
            {"image": {"name": "a.jpg"}, "annorect": _structs([labelled, bare])},
            {"image": {"name": "b.jpg"}, "annorect": []},
        ]
    )
    scipy.io.savemat(path, {"RELEASE": {"annolist": annolist, "img_train": np.array([[1, 0]])}})
    return path


def _structs(rows: list[dict[str, Any]]) -> Any:
    array = np.zeros((1, len(rows)), [(name, object) for name in rows[0]])
    for i, row in enumerate(rows):
        for name, value in row.items():
            array[0, i][name] = value
    return array


def mpii_list(path: Path, **changes: Any) -> Path:
    """HRNet's JSON of two people; the last joint of each is not labelled."""
    rows = [
        {
            "image": f"{i}.jpg",
            "scale": 1.5,
            "center": [101.0, 201.0],
            "joints": (np.arange(32.0).reshape(16, 2) + 1 + i).tolist(),
            "joints_vis": [1] * 15 + [0],
        }
        | (changes if i == 1 else {})
        for i in range(2)
    ]
    path.write_text(json.dumps(rows))
    return path


def hourglass(path: Path, joints: int, **changes: Any) -> Path:
    """Rows of Stacked Hourglass: two people, of whom the last joint is not labelled and the first is hidden."""
    part = np.arange(2.0 * joints * 2).reshape(2, joints, 2) + 1
    part[:, -1] = 0
    visible = np.ones((2, joints))
    visible[:, [0, -1]] = 0
    arrays = {
        "part": part,
        "visible": visible,
        "normalize": np.array([30.0, 40.0]),
        "center": np.array([[101.0, 201.0]] * 2),
        "scale": np.array([1.5, 2.0]),
        "imgname": np.array([b"a.jpg", b"b.jpg"]),
    }
    with h5py.File(path, "w") as file:
        for name, value in (arrays | changes).items():
            if value is not None:
                file[name] = value
    return path


def mpii_truth(path: Path, people: int = 2, seed: int = 0) -> Path:
    """The truth of scripts: heads of 30 px, the last joint of everybody missing."""
    rng = np.random.default_rng(seed)
    missing = np.zeros((16, people), np.uint8)
    missing[-1] = 1
    heads = np.tile(np.array([[1.0, 1.0], [31.0, 41.0]])[..., None], (1, 1, people))
    places = rng.uniform(1, 400, (16, 2, people)).round()
    scipy.io.savemat(path, {"pos_gt_src": places, "jnt_missing": missing, "headboxes_src": heads})
    return path


def coco(path: Path, **changes: Any) -> Path:
    """Two images, one with a person whose first joint is seen, whose second is hidden, and whose others are neither."""
    keypoints = [10, 20, 2, 30, 40, 1] + [0, 0, 0] * 15
    annotation = {
        **{"id": 5, "image_id": 1, "category_id": 1, "iscrowd": 0, "num_keypoints": 2},
        **{"bbox": [5.0, 6.0, 50.0, 60.0], "area": 1234.5, "keypoints": keypoints},
    } | changes
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}]
    path.write_text(json.dumps({"images": images, "annotations": [annotation], "categories": [{"id": 1}]}))
    return path
