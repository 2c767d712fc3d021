"""An evaluation in parts goes on where it was, through real runs of the pipeline."""

import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.tools.datasets import files
from tools.datasets import DatasetError
from tools.datasets.readers import read
from tools.datasets.records import Dataset
from tools.evaluate import parts
from tools.evaluate.__main__ import main
from tools.evaluate.stream import Options

MODEL = Options("--model", "movenet-multipose")
FILES = ("a.jpg", "b.jpg")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two pictures of noise, as the annotations of `files.coco` name them."""
    folder = tmp_path / "images"
    folder.mkdir()
    for seed, file in enumerate(FILES):
        cv2.imwrite(str(folder / file), np.random.default_rng(seed).integers(0, 255, (96, 128, 3)))
    return folder


@pytest.fixture
def truth(tmp_path: Path) -> Dataset:
    return read("coco", files.coco(tmp_path / "truth.json"))


@pytest.fixture(autouse=True)
def an_image_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART", 1)


def test_only_parts_that_are_not_there_are_run(tmp_path: Path, images: Path, truth: Dataset) -> None:
    results = tmp_path / "results"
    assert set(parts.pose(truth, images, MODEL, results, "", workers=2).messages) == set(FILES)
    first, second = sorted((results / "parts").glob("*.jsonl"))
    kept = first.stat().st_mtime_ns
    second.unlink()  # as if it had been cut off
    (results / "parts" / "unfinished-0001.jsonl").write_text("{half a line")
    assert set(parts.pose(truth, images, MODEL, results, "").messages) == set(FILES)
    assert first.stat().st_mtime_ns == kept
    assert second.exists()
    assert not list((results / "parts").glob("unfinished*"))


def test_results_of_another_evaluation_are_not_gone_on_with(tmp_path: Path, images: Path, truth: Dataset) -> None:
    results = tmp_path / "results"
    parts.pose(truth, images, MODEL, results, "")
    with pytest.raises(DatasetError, match="holds the results of another evaluation: give another folder"):
        parts.pose(truth, images, MODEL.with_flags("--detect-every", "2"), results, "")


def test_a_missing_image_is_named_before_anything_runs(tmp_path: Path, images: Path, truth: Dataset) -> None:
    (images / "b.jpg").unlink()
    with pytest.raises(DatasetError, match=r"there is no .*b\.jpg"):
        parts.pose(truth, images, MODEL, tmp_path / "results", "")
    assert not (tmp_path / "results").exists()


def test_a_run_that_fails_says_why(tmp_path: Path, images: Path, truth: Dataset) -> None:
    with pytest.raises(RuntimeError, match="hrnet-w32"):
        parts.pose(truth, images, Options("--model", "hrnet-w32"), tmp_path / "results", "")


def test_what_is_kept_is_for_cocos_server_for_tables_and_for_people(
    tmp_path: Path, images: Path, truth: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    given = ["--images", images, "--annotations", truth.source, "--model", "movenet-multipose", "--results", results]
    assert main([*map(str, given), "--report", str(tmp_path / "report"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert json.loads((results / "figures.json").read_text()) == printed
    rows = json.loads((results / "results.json").read_text())
    columns = pq.read_table(results / "results.parquet")
    assert columns.column("image_id").to_pylist() == [row["image_id"] for row in rows]
    assert columns.column_names == ["image_id", "file", "score", "keypoints"]
    page = (tmp_path / "report" / "index.html").read_text()
    assert "precision over recall" in page
    assert page.count("<svg") == 2
    assert [path.name for path in (tmp_path / "report").glob("*.jpg")] == ["worst00.jpg"]  # the one who was not found
