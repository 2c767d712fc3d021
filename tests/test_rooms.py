"""The house: where a line belongs can be told from names alone. What imports what is held by the import linter."""

import ast
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
EVERY_PACKAGE_HAS = {"__init__", "__main__"}
LOOSE_IN_STREAM = {"client", "config", "errors", "poses", "published", "subscription"}


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no clone")
    return [path for name in listed.stdout.splitlines() if (path := REPOSITORY / name).exists()]


def test_no_two_modules_have_one_name() -> None:
    by_name = defaultdict(list)
    for path in tracked("engines/*.py", "stream/*.py", "tools/*.py"):
        by_name[path.stem].append(str(path.relative_to(REPOSITORY)))
    assert {name: paths for name, paths in by_name.items() if len(paths) > 1} == {
        name: by_name[name] for name in EVERY_PACKAGE_HAS
    }


def test_few_files_of_stream_lie_loose() -> None:
    loose = {path.stem for path in tracked("stream/*.py") if path.parent == REPOSITORY / "stream"}
    assert loose == LOOSE_IN_STREAM | {"__init__"}


def test_no_room_is_a_drawer_for_odds_and_ends() -> None:
    names = {
        part for path in tracked("engines/*.py", "stream/*.py", "tools/*.py") for part in path.with_suffix("").parts
    }
    assert not names & {"utils", "util", "helpers", "common", "misc", "manager", "base"}


def test_the_package_is_imported_by_its_name_alone() -> None:
    """In a clone the folders could be imported as `stream` and `engines` too, and then be there twice."""
    for path in tracked("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {module.partition(".")[0] for module in modules} & {"stream", "engines"}, path
