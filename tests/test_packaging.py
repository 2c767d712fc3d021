"""The wheel carries the program and its settings, and nothing that works from a clone only."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("posestream-*.whl")))


def test_the_wheel_holds_both_packages_the_settings_and_the_page(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    wanted = {"stream/config.toml", "stream/py.typed", "engines/py.typed", "engines/plan.py", "stream/journey.py"}
    wanted |= {f"stream/page/page.{suffix}" for suffix in ("html", "css", "js")}
    assert wanted <= names


def test_the_wheel_holds_the_kernels_that_are_compiled_where_the_gpu_is(wheel: zipfile.ZipFile) -> None:
    kernels = {str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("engines/cuda/kernels/*.cu*")}
    assert "engines/cuda/kernels/all.cu" in kernels
    assert kernels <= set(wheel.namelist())


def test_the_settings_in_the_wheel_are_those_of_the_repository(wheel: zipfile.ZipFile) -> None:
    assert wheel.read("stream/config.toml") == (REPOSITORY / "config.toml").read_bytes()


def test_the_wheel_holds_no_tools_and_no_tests(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0] for name in wheel.namelist()} <= {
        "stream",
        "engines",
        *(name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name),
    }


def test_the_top_level_of_the_repository_stays_as_it_was_asked_for() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no clone")
    top = {name.split("/")[0] for name in listed.stdout.splitlines()}
    wanted = {"pyproject.toml", "README.md", "LICENSE", "config.toml", "stream", "engines", "tools", "tests"}
    assert {name for name in top if not name.startswith(".")} == wanted
