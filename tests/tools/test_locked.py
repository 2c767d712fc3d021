"""The lock files hold all that is needed and nothing from elsewhere, and what differs from them is not installed."""

import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
NAMES = ("run", "dev", "cuda", "cpu")
PROJECT = "posestream"


class Entry(NamedTuple):
    requirement: Requirement
    hashes: list[str]

    @property
    def version(self) -> str:
        (specifier,) = self.requirement.specifier
        assert specifier.operator == "=="
        return specifier.version


def locked(name: str) -> dict[str, Entry]:
    """The entries of a lock file, by canonical name."""
    text = (REPOSITORY / f"tools/locked-{name}.txt").read_text()
    lines = [line for line in text.replace("\\\n", " ").splitlines() if not line.startswith("#")]
    entries: dict[str, Entry] = {}
    for line in lines:
        requirement, *options = line.split("--hash=sha256:")
        entry = Entry(Requirement(requirement.strip()), [option.strip() for option in options])
        entries[canonicalize_name(entry.requirement.name)] = entry
    assert len(entries) == len(lines)
    return entries


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_is_one_version_with_the_hashes_of_its_files(name: str) -> None:
    for entry in locked(name).values():
        assert entry.version
        assert entry.hashes
        assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in entry.hashes)


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_file_names_no_place_to_take_files_from(name: str) -> None:
    entries = [line for line in (REPOSITORY / f"tools/locked-{name}.txt").read_text().splitlines() if line[:1] != "#"]
    assert not [line for line in entries if "/" in line or " @ " in line or line.startswith("-")]


@pytest.mark.parametrize(("part", "whole"), [("run", "dev"), ("cuda", "dev"), ("cpu", "cuda")])
def test_the_lock_files_agree(part: str, whole: str) -> None:
    parts, wholes = locked(part), locked(whole)
    both = parts.keys() & wholes.keys()
    assert both
    assert [name for name in both if parts[name].version.removesuffix("+cpu") != wholes[name].version] == []


def test_who_only_runs_gets_what_who_develops_gets() -> None:
    assert locked("run").keys() < locked("dev").keys()


def needed(names: tuple[str, ...], extra: str) -> Iterator[str]:
    """Says of each package that the project needs here, also by others, what is wrong with its entry, if anything."""
    pyproject = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    entries: dict[str, Entry] = {}
    for name in names:
        entries |= locked(name)
    extras = pyproject["project"]["optional-dependencies"]
    wanted = [*pyproject["build-system"]["requires"], *pyproject["project"]["dependencies"], *extras.get(extra, [])]
    waiting = [Requirement(line) for line in wanted]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        if name == PROJECT:
            waiting += [Requirement(line) for each in requirement.extras for line in extras[each]]
            continue
        if name not in entries:
            yield f"{requirement} is not locked"
            continue
        if not requirement.specifier.contains(entries[name].version, prereleases=True):
            yield f"{requirement} is locked as {entries[name].version}"
        for each in ("", *requirement.extras):
            if (name, each) not in seen:
                seen.add((name, each))
                waiting += required_by(name, each)


def required_by(name: str, extra: str) -> Iterator[Requirement]:
    """What an installed package needs here, with that extra."""
    for line in importlib.metadata.requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            requirement.marker = None
            yield requirement


def torch_build() -> str:
    return "cpu" if importlib.metadata.version("torch").endswith("+cpu") else "cuda"


@pytest.mark.parametrize(("names", "extra"), [(("run",), ""), (("dev", torch_build()), "dev")], ids=["run", "dev"])
def test_all_that_the_project_needs_here_is_locked(names: tuple[str, ...], extra: str) -> None:
    wrong = list(needed(names, extra))
    assert not wrong, "run ./tools/lock:\n" + "\n".join(wrong)


# ---- what is not as locked


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a clone is: the commands, an environment, and beside it wheels as an index would have them."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "tools").mkdir()
    shutil.copy(REPOSITORY / "tools/environment.sh", folder / "tools")
    subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
    for name in ("setuptools", "tiny"):
        with zipfile.ZipFile(folder / f"{name}-9999-py3-none-any.whl", "w") as wheel:
            information = f"{name}-9999.dist-info"
            wheel.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 9999\n")
            wheel.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{information}/RECORD", "")
    return folder


def install(clone: Path, **changed: str) -> "subprocess.CompletedProcess[str]":
    """Installs the wheels, by their hashes but for those that are `changed`."""
    entries = []
    for wheel in sorted(clone.glob("*.whl")):
        name = wheel.name.partition("-")[0]
        value = changed.get(name) or hashlib.sha256(wheel.read_bytes()).hexdigest()
        entries.append(f"{name}==9999 \\\n    --hash=sha256:{value}\n")
    (clone / "tools/locked-run.txt").write_text("# made by hand\n" + "".join(entries))
    here = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(clone), "PIP_CONFIG_FILE": os.devnull}
    command = ["bash", "-c", "set -euo pipefail; . tools/environment.sh; install_locked run"]
    return subprocess.run(command, cwd=clone, env=os.environ | here, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["setuptools", "tiny"])
def test_a_file_with_another_hash_is_not_installed(clone: Path, name: str) -> None:
    ended = install(clone, **{name: "0" * 64})
    assert ended.returncode != 0
    assert "DO NOT MATCH THE HASHES" in ended.stderr
    assert not list(clone.glob(".venv/lib/python*/site-packages/tiny-9999.dist-info"))


def test_files_with_the_hashes_that_are_locked_are_installed(clone: Path) -> None:
    ended = install(clone)
    assert ended.returncode == 0, ended.stderr
    assert list(clone.glob(".venv/lib/python*/site-packages/tiny-9999.dist-info"))
