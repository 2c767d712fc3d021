from collections.abc import Callable
from pathlib import Path

import pytest

from posestream.engines.exceptions import FetchError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.download.photographs import photographs
from posestream.engines.zoo.make.from_package import onnx_path


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
