"""Each dataset's files, read into the same record; files that are not what they claim are refused by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io

from tests.tools.datasets import files
from tools.datasets import DatasetError
from tools.datasets.readers import READERS, read
from tools.datasets.records import Person

GOLDEN = Path(__file__).parents[4] / "shared" / "data" / "golden"
needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden data is not beside the repository")


def people(name: str, path: Path) -> list[Person]:
    return list(read(name, path).people())


# ---- LSP and LSPET


def test_lsp_has_hidden_joints_where_the_flag_is_one(tmp_path: Path) -> None:
    dataset = read("lsp", files.lsp(tmp_path / "joints.mat"))
    first, second = dataset.people()
    np.testing.assert_array_equal(second.keypoints, files.LSP_PEOPLE[1] - 1)
    assert first.visible.tolist() == [False] + [True] * 13
    assert first.labelled.all()
    assert [(image.file, image.split) for image in dataset.images] == [("im0001.jpg", "train"), ("im0002.jpg", "train")]


def test_lspet_has_unlabelled_joints_where_the_flag_is_zero(tmp_path: Path) -> None:
    dataset = read("lsp", files.lsp(tmp_path / "joints.mat", extended=True))
    first, _ = dataset.people()
    assert (dataset.name, dataset.images[0].file) == ("lspet", "im00001.jpg")
    assert first.visible.tolist() == [False] + [True] * 13
    assert first.labelled.tolist() == [False] + [True] * 13


def test_the_first_thousand_of_lsp_are_for_training(tmp_path: Path) -> None:
    many = np.zeros((3, 14, 1002)) + 1
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": many})
    dataset = read("lsp", tmp_path / "joints.mat")
    assert (len(dataset.only("train").images), len(dataset.only("test").images)) == (1000, 2)


# ---- FLIC


def test_flic_has_eleven_of_twenty_nine_places_and_pixels_from_zero(tmp_path: Path) -> None:
    dataset = read("flic", files.flic(tmp_path / "examples.mat"))
    first, _ = dataset.people()
    np.testing.assert_array_equal(first.keypoints[:, 1], (0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16))
    np.testing.assert_array_equal(first.keypoints[0], (100, 0))
    np.testing.assert_array_equal(np.array(first.box_xyxy), (10, 20, 50, 80))
    assert [(image.file, image.number, image.split) for image in dataset.images] == [
        ("film-00000000.jpg", 7, "train"),
        ("film-00000001.jpg", 8, "test"),
    ]


# ---- MPII


def test_the_release_has_people_their_heads_and_which_joints_are_hidden(tmp_path: Path) -> None:
    dataset = read("mpii", files.mpii_release(tmp_path / "mpii.mat"))
    labelled, bare = dataset.people()
    assert [(image.file, image.split, len(image.people)) for image in dataset.images] == [
        ("a.jpg", "train", 2),
        ("b.jpg", "test", 0),
    ]
    assert np.flatnonzero(labelled.labelled).tolist() == [0, 9]
    assert (labelled.keypoints[0].tolist(), labelled.keypoints[9].tolist()) == ([10, 20], [30, 40])
    assert (bool(labelled.visible[0]), bool(labelled.visible[9])) == (True, False)
    assert labelled.head_px == pytest.approx(30)
    assert (labelled.centre, labelled.scale) == ((100, 200), 1.5)
    assert bare.head_px == pytest.approx(3)
    assert (bare.centre, bool(bare.labelled.any())) == (None, False)


@pytest.mark.parametrize("said", [1, np.zeros((0, 0)), "0"])
def test_what_is_visible_is_said_as_text_as_a_number_or_not_at_all(tmp_path: Path, said: Any) -> None:
    labelled = people("mpii", files.mpii_release(tmp_path / "mpii.mat", is_visible=said))[0]
    assert bool(labelled.visible[9]) is (said == 1 if isinstance(said, int) else False)


def test_the_list_of_hrnet_has_no_heads(tmp_path: Path) -> None:
    first, second = people("mpii", files.mpii_list(tmp_path / "valid.json"))
    assert second.keypoints[0].tolist() == [1, 2]
    assert first.labelled.tolist() == [True] * 15 + [False]
    assert (first.head_px, first.centre) == (None, (100, 200))


def test_rows_of_stacked_hourglass_are_people_with_the_lengths_of_their_heads(tmp_path: Path) -> None:
    dataset = read("mpii", files.hourglass(tmp_path / "mpii_valid.h5", 16))
    first, second = dataset.people()
    assert first.keypoints[0].tolist() == [0, 1]
    assert first.labelled.tolist() == [True] * 15 + [False]
    assert first.visible.tolist() == [False] + [True] * 14 + [False]
    assert (second.head_px, second.scale) == (40, 2)
    assert [(image.file, image.split) for image in dataset.images] == [("a.jpg", "val"), ("b.jpg", "val")]


def test_names_of_images_may_be_in_a_file_beside_the_rows(tmp_path: Path) -> None:
    (tmp_path / "valid_images.txt").write_text("x.jpg\ny.jpg\n")
    dataset = read("mpii", files.hourglass(tmp_path / "valid.h5", 16, imgname=None))
    assert [image.file for image in dataset.images] == ["x.jpg", "y.jpg"]


def test_flic_rows_have_a_torso_that_is_not_the_published_one_and_is_left_out(tmp_path: Path) -> None:
    assert people("flic", files.hourglass(tmp_path / "flic_valid.h5", 11))[0].head_px is None


def test_the_truth_of_scripts_has_heads_and_missing_joints(tmp_path: Path) -> None:
    first, _ = people("mpii", files.mpii_truth(tmp_path / "truth.mat"))
    assert first.head_px == pytest.approx(30)
    assert first.labelled.tolist() == [True] * 15 + [False]


@needs_golden
def test_the_validation_set_is_the_same_in_both_of_its_files() -> None:
    truth, rows = read("mpii", GOLDEN / "mpii_val_groundtruth.mat"), read("mpii", GOLDEN / "mpii_valid.h5")
    away = np.linalg.norm(truth.keypoints() - rows.keypoints(), axis=-1)
    assert np.nanmedian(away) < 0.01
    heads = np.array([[person.head_px for person in dataset.people()] for dataset in (truth, rows)], np.float64)
    np.testing.assert_allclose(heads[0], heads[1], rtol=1e-6)


# ---- COCO


def test_coco_has_hidden_joints_boxes_areas_and_images_of_nobody(tmp_path: Path) -> None:
    dataset = read("coco", files.coco(tmp_path / "person_keypoints_val2017.json"))
    (person,) = dataset.people()
    assert [(image.number, image.file, len(image.people), image.split) for image in dataset.images] == [
        (1, "a.jpg", 1, "val"),
        (2, "b.jpg", 0, "val"),
    ]
    assert (person.labelled.sum(), person.visible.sum()) == (2, 1)
    assert (person.box_xyxy, person.area_px2, person.crowd) == ((4.5, 5.5, 54.5, 65.5), 1234.5, False)


# ---- files that are not what they claim


@pytest.mark.parametrize(
    ("name", "write", "complaint"),
    [
        (
            "lsp",
            lambda p: files.lsp(p / "j.mat", people=np.where(files.LSP_PEOPLE == 5, np.nan, files.LSP_PEOPLE)),
            r"j\.mat: image 1: joint 2 is \[nan  6\.\]",
        ),
        (
            "lsp",
            lambda p: files.lsp(p / "j.mat", flags=np.full((2, 14, 1), 7.0)),
            r"image 1: flags \[7\.0\]: expected 0 and 1",
        ),
        ("lsp", lambda p: files.flic(p / "j.mat"), r"j\.mat: it has no array named joints"),
        ("flic", lambda p: files.lsp(p / "e.mat"), r"e\.mat: it has no variable examples: it is another file"),
        (
            "flic",
            lambda p: files.flic(p / "e.mat", coords=np.zeros((2, 28))),
            r"example 0 \(film-00000000\.jpg\): .*\(2, 28\)",
        ),
        (
            "flic",
            lambda p: files.flic(p / "e.mat", coords=np.where(np.arange(29) == 3, [[1.0], [np.nan]], 1.0)),
            r"example 0 .*: joint 3 is \[ *1\. nan\]",
        ),
        (
            "mpii",
            lambda p: files.mpii_release(p / "m.mat", id=16),
            r"image 0 \(a\.jpg\): person 0: a joint has id 16: expected 0 to 15",
        ),
        (
            "mpii",
            lambda p: files.mpii_release(p / "m.mat", x=np.nan),
            r"image 0 \(a\.jpg\): person 0: joint 9: joint 0 is \[nan",
        ),
        (
            "mpii",
            lambda p: files.mpii_list(p / "m.json", joints=[[1, 2]] * 15),
            r"person 1 \(1\.jpg\): expected 16 joints",
        ),
        (
            "mpii",
            lambda p: files.mpii_list(p / "m.json", joints_vis=[2] * 16),
            r"person 1 .*: joints_vis: expected 16 of 0 and 1",
        ),
        ("mpii", lambda p: files.hourglass(p / "m.h5", 11), r"m\.h5: part is \(2, 11, 2\): expected Nx16x2 of mpii"),
        ("mpii", lambda p: files.hourglass(p / "m.h5", 16, scale=np.ones(3)), r"m\.h5: scale has 3 rows, part has 2"),
        ("mpii", lambda p: files.hourglass(p / "m.h5", 16, normalize=None), r"m\.h5: it has no normalize"),
        ("coco", lambda p: files.coco(p / "c.json", image_id=9), r"annotation 0 \(id 5\): there is no image 9"),
        (
            "coco",
            lambda p: files.coco(p / "c.json", keypoints=[1, 2, 3]),
            r"annotation 0 \(id 5\): keypoints: expected 51",
        ),
        ("coco", lambda p: files.coco(p / "c.json", keypoints=[float("nan")] * 51), r"keypoints: expected 51 finite"),
        ("coco", lambda p: files.coco(p / "c.json", keypoints=[1, 2, 3] * 17), r"v is \[3\.0\]: expected 0, 1 and 2"),
        ("coco", lambda p: files.mpii_list(p / "c.json"), r"c\.json: it has no images"),
    ],
)
def test_a_file_that_is_not_what_it_claims_is_refused_with_its_record(
    tmp_path: Path, name: str, write: Callable[[Path], Path], complaint: str
) -> None:
    path = write(tmp_path)
    with pytest.raises(DatasetError, match=complaint) as refused:
        read(name, path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("suffix", [".mat", ".h5", ".json"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(b"\x89HDF nothing of the kind")
    with pytest.raises(DatasetError) as refused:
        read(name, path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere\.json: there is no such file"):
        read("coco", tmp_path / "nowhere.json")


def test_a_missing_image_is_named_with_its_record(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with pytest.raises(DatasetError, match=r"c\.json: image 1: there is no .*b\.jpg"):
        read("coco", files.coco(tmp_path / "c.json"), tmp_path)


def test_nobody_is_not_a_dataset(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "none.h5", "w") as file:
        for name, shape in {"part": (0, 16, 2), "visible": (0, 16), "normalize": (0,), "center": (0, 2)}.items():
            file[name] = np.zeros(shape)
        file["scale"] = np.zeros(0)
    with pytest.raises(DatasetError, match=r"none\.h5: it holds nobody"):
        read("mpii", tmp_path / "none.h5")
