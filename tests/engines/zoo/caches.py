"""Caches of a test's own, and imported networks in them."""

from pathlib import Path

import pytest

from posestream.engines.exceptions import WeightsError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.make.from_package import onnx_path
from posestream.engines.zoo.store import cache


def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *shared: str) -> None:
    """Sets a new cache, whose folders `shared` are links to those of the usual one."""
    usual, own = cache.directory(), tmp_path / "cache"
    own.mkdir()
    for name in shared:
        if (usual / name).is_dir():
            (own / name).symlink_to(usual / name)
    monkeypatch.setenv("POSESTREAM_CACHE", str(own))


def imported(spec: ModelSpec) -> Path:
    """The ONNX file of a model from a package; skips the test where its weights are unavailable."""
    try:
        return onnx_path(spec)
    except WeightsError as error:
        pytest.skip(f"weights cannot be had here: {error}")
