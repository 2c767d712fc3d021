"""A model is imported once; what the cache has is checked at every use."""

import json
from pathlib import Path

import numpy as np
import pytest

from posestream.engines.exceptions import FetchError, ImportModelError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.download.fetch import adopt
from posestream.engines.zoo.make.from_package import in_cache, onnx_path
from posestream.engines.zoo.store import cache
from tests.engines.zoo.runtimes import onnx_runtime
from tests.engines.zoo.tiny import tiny


@pytest.fixture
def spec(empty_cache: Path, tmp_path: Path) -> ModelSpec:
    made = tiny(tmp_path / "mine")
    adopt(made.source, tmp_path / "mine")
    return made


def _works(path: Path) -> bool:
    (got,) = onnx_runtime(path, np.full((2, 1, 1, 1), 3, np.float32))
    return bool((got == 7).all())


def test_is_imported_once(spec: ModelSpec) -> None:
    lines: list[str] = []
    path = onnx_path(spec, lines.append)
    assert onnx_path(spec, lines.append) == path
    assert lines == ["importing tiny"]
    assert _works(path)


def test_import_gives_the_same_bytes_each_time(spec: ModelSpec) -> None:
    path = onnx_path(spec)
    first = path.read_bytes()
    path.unlink()
    assert onnx_path(spec).read_bytes() == first


@pytest.mark.parametrize("damage", [b"", b"flipped", None], ids=["emptied", "changed", "cut short"])
def test_damaged_import_is_noticed_and_made_anew(damage: bytes | None, spec: ModelSpec) -> None:
    path = onnx_path(spec)
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    assert "damaged" in in_cache(spec).problem
    lines: list[str] = []
    assert _works(onnx_path(spec, lines.append))
    assert lines[0].endswith("importing it again")


@pytest.mark.parametrize("sidecar", ["", "[]", "{}"])
def test_damaged_sidecar_is_noticed_and_made_anew(sidecar: str, spec: ModelSpec) -> None:
    path = onnx_path(spec)
    path.with_suffix(".json").write_text(sidecar)
    assert in_cache(spec).problem
    assert _works(onnx_path(spec))
    assert in_cache(spec).onnx == path


def test_import_by_another_importer_is_out_of_date(spec: ModelSpec) -> None:
    path = onnx_path(spec)
    sidecar = json.loads(path.with_suffix(".json").read_text())
    sidecar["recipe"]["importer"] = "older"
    path.with_suffix(".json").write_text(json.dumps(sidecar))
    assert "made by another version" in in_cache(spec).problem
    onnx_path(spec)
    assert in_cache(spec).problem == ""


def test_damaged_import_whose_weights_are_gone_is_an_error(spec: ModelSpec) -> None:
    path = onnx_path(spec)
    path.write_bytes(b"")
    for file in spec.source.files:
        (cache.source_directory(spec.source) / file.path).unlink()
    with pytest.raises(FetchError, match="give your copy with"):
        onnx_path(spec)


def test_unknown_operation_is_named_and_leaves_nothing(empty_cache: Path, tmp_path: Path) -> None:
    nodes = [{"name": "x", "op": "Placeholder"}, {"name": "y", "op": "Frobnicate", "input": ["x"]}]
    weights = [{"name": "w", "dtype": "float32", "shape": [2]}]
    model = {"modelTopology": {"node": nodes}, "weightsManifest": [{"weights": weights}]}
    spec = tiny(tmp_path / "mine", json.dumps(model).encode())
    adopt(spec.source, tmp_path / "mine")
    with pytest.raises(
        ImportModelError, match=r"tiny: cannot import .*node 'y': the operation Frobnicate is not known"
    ):
        onnx_path(spec)
    assert not (empty_cache / "onnx").exists()
