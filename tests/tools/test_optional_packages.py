"""A tool whose optional package is not installed says in one line what to install, before it works in vain."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pytest

from tests.tools.datasets import files
from tools.datasets import DatasetError, predictions, readers
from tools.evaluate.__main__ import main
from tools.optional_packages import EXTRAS, MissingPackageError, need

REPOSITORY = Path(__file__).parents[2]


def hide(patch: pytest.MonkeyPatch, name: str) -> None:
    """As if the package were not installed."""
    patch.setitem(sys.modules, name, None)


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line."""
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_each_package_is_brought_by_the_extra_that_is_named() -> None:
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    brought = {extra: {re.split(r"[<>=\[;]", line)[0] for line in lines} for extra, lines in extras.items()}
    brought["train"] |= brought["torch"]  # it names that extra
    assert "posestream[torch]" in extras["train"]
    distributions = packages_distributions()
    assert all(set(distributions[name]) <= brought[extra] for name, extra in EXTRAS.items())


def test_what_is_installed_is_not_missed() -> None:
    need(*EXTRAS)


@pytest.mark.parametrize(
    ("package", "option"), [("matplotlib", "--report"), ("pyarrow", "--results")], ids=["report", "results"]
)
def test_an_evaluation_says_at_its_start_what_its_end_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, package: str, option: str
) -> None:
    hide(monkeypatch, package)
    assert main([option, str(tmp_path), "--images", "none", "--annotations", "none", "--model", "none"]) == 2
    expected = f"evaluate: this needs {package}, which is not installed: .venv/bin/pip install -e '.[evaluate]'"
    assert told(capsys) == expected


def test_without_those_options_an_evaluation_needs_neither(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    hide(monkeypatch, "matplotlib")
    hide(monkeypatch, "pyarrow")
    assert main(["--images", str(tmp_path), "--annotations", str(tmp_path / "none.json")]) == 2
    assert told(capsys).startswith(f"evaluate: {tmp_path / 'none.json'}: ")


def test_predictions_in_hdf5_say_what_reads_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    truth = files.lsp(tmp_path / "joints.mat")
    predictions.write(file := tmp_path / "preds.h5", np.zeros((2, 14, 2)))
    hide(monkeypatch, "h5py")
    asked = ["--dataset", "lsp", "--annotations", str(truth), "--predictions", str(file)]
    assert main(asked) == 2
    line = told(capsys)
    assert line.startswith(f"evaluate: {file}: cannot be read as .h5: this needs h5py, which is not installed: ")
    assert line.endswith("pip install -e '.[evaluate]'")


def test_annotations_in_hdf5_say_what_reads_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "annot.h5"
    file.touch()
    hide(monkeypatch, "h5py")
    with pytest.raises(DatasetError, match="needs h5py, which is not installed"):
        readers.read("mpii", file)


def test_predictions_are_not_written_without_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hide(monkeypatch, "h5py")
    with pytest.raises(MissingPackageError, match="needs h5py"):
        predictions.write(tmp_path / "preds.h5", np.zeros((2, 16, 2)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["torch", "pytorch_lightning", "onnxscript"])
def test_a_training_says_what_it_needs(package: str) -> None:
    program = (
        f"import runpy, sys; sys.modules[{package!r}] = None; runpy.run_module('tools.train', run_name='__main__')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    expected = f"error: this needs {package}, which is not installed: .venv/bin/pip install -e '.[train]'\n"
    assert ended.stderr == expected
