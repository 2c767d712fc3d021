from collections.abc import Callable
from pathlib import Path

import pytest

from engines.spec import ModelSpec
from engines.zoo.errors import FetchError
from engines.zoo.imported import onnx_path
from engines.zoo.photographs import photographs


@pytest.fixture
def network() -> Callable[[ModelSpec], Path]:
    """The imported ONNX file of a model, and the photographs too; skips where they can be got from nowhere."""

    def get(spec: ModelSpec) -> Path:
        try:
            photographs()
            return onnx_path(spec)
        except FetchError as e:
            pytest.skip(str(e))

    return get


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    path = tmp_path / "cache"
    monkeypatch.setenv("POSESTREAM_CACHE", str(path))
    return path
