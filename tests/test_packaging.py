"""The wheel carries the program and its settings, and nothing that works from a clone only."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
ROOMS = ("stream", "engines")


@pytest.fixture(scope="module")
def wheel_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as a user's pip would make it of a clone; the clone stays as it is."""
    clone = tmp_path_factory.mktemp("clone") / "posestream"
    unwanted = shutil.ignore_patterns(".venv", ".git", "build", "*.egg-info", ".*_cache", "__pycache__")
    shutil.copytree(REPOSITORY, clone, symlinks=True, ignore=unwanted)
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(clone)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("posestream-*.whl"))


@pytest.fixture(scope="module")
def wheel(wheel_file: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(wheel_file)


def test_the_wheel_holds_every_module_of_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    modules = {
        f"posestream/{path.relative_to(REPOSITORY)}" for room in ROOMS for path in (REPOSITORY / room).rglob("*.py")
    }
    modules = {name for name in modules if not name.startswith("posestream/stream/public/")}
    found = {name for name in wheel.namelist() if name.endswith(".py")}
    assert found == modules | {"posestream/__init__.py"}


def test_the_wheel_holds_what_is_no_code_too(wheel: zipfile.ZipFile) -> None:
    files = {
        f"posestream/{path.relative_to(REPOSITORY)}"
        for room in ROOMS
        for path in (REPOSITORY / room).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and path.parent.name != "public"
    }
    assert {"posestream/engines/cuda/kernels/all.cu", "posestream/stream/page/page.html"} <= files
    assert files | {"posestream/py.typed", "posestream/config.toml"} <= set(wheel.namelist())


def test_the_settings_in_the_wheel_are_those_of_the_repository(wheel: zipfile.ZipFile) -> None:
    assert wheel.read("posestream/config.toml") == (REPOSITORY / "config.toml").read_bytes()


def test_every_file_of_the_public_face_is_linked_into_the_package() -> None:
    public = {path.name for path in (REPOSITORY / "stream/public").iterdir() if path.is_file()}
    links = {path.name for path in (REPOSITORY / ".packages/posestream").iterdir() if path.is_symlink()}
    assert links == public | {"stream", "engines", "config.toml"}


def test_the_top_level_of_the_repository_stays_as_it_was_asked_for() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no clone")
    top = {name.split("/")[0] for name in listed.stdout.splitlines()}
    wanted = {"pyproject.toml", "README.md", "LICENSE", "config.toml", "stream", "engines", "tools", "tests"}
    assert {name for name in top if not name.startswith(".")} == wanted
