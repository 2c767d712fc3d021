"""The wheel carries the program and its settings, and nothing that works from a clone only."""

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from posestream.stream.cli.main import NO_WEIGHTS

REPOSITORY = Path(__file__).parents[1]
ROOMS = ("stream", "engines")
QUIET = ("--page", "off", "--publish", "tcp://127.0.0.1:*")
A_PROGRAM_OF_THE_USER = "raise RuntimeError('a program of the user')"


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
        if path.is_file() and path.suffix not in (".py", ".pyc", ".md") and path.parent.name != "public"
    }
    assert {"posestream/engines/cuda/kernels/all.cu", "posestream/stream/page/page.html"} <= files
    assert files | {"posestream/py.typed", "posestream/config.toml"} <= set(wheel.namelist())


def test_the_settings_in_the_wheel_are_those_of_the_repository(wheel: zipfile.ZipFile) -> None:
    assert wheel.read("posestream/config.toml") == (REPOSITORY / "config.toml").read_bytes()


def test_every_file_of_the_public_face_is_linked_into_the_package() -> None:
    public = {path.name for path in (REPOSITORY / "stream/public").iterdir() if path.is_file()}
    links = {path.name for path in (REPOSITORY / ".packages/posestream").iterdir() if path.is_symlink()}
    assert links == public | {"stream", "engines", "config.toml"}


# ---- installed, beside whatever else is there


@pytest.fixture(scope="module")
def installed(wheel_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with the wheel and what it needs, beside a `stream` package, as stream-python has."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, symlinks=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    command = [sys.executable, "-m", "pip", "--python", str(environment / "bin/python"), "--disable-pip-version-check"]
    subprocess.run([*command, "install", "--quiet", "--no-deps", "--no-index", str(wheel_file)], check=True)
    (packages / "needs.pth").write_text(f"{sysconfig.get_path('purelib')}\n")  # no .pth in there is followed
    (packages / "stream").mkdir()
    (packages / "stream/__init__.py").write_text(A_PROGRAM_OF_THE_USER)
    return environment / "bin"


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """The folder of a user who calls modules of his own by names of ours."""
    for name in ("stream.py", "engines.py", "cv2.py", "config.toml"):
        (tmp_path / name).write_text(A_PROGRAM_OF_THE_USER)
    return tmp_path


def ran(folder: Path, *command: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True, check=False, timeout=100)


def test_the_package_and_not_the_clone_is_what_is_installed(installed: Path, crowded: Path) -> None:
    (crowded / "program.py").write_text("import posestream; print(posestream.__file__)")
    assert ran(crowded, installed / "python", "program.py").stdout.startswith(str(installed.parent))


def test_the_command_runs_without_a_clone(installed: Path, crowded: Path) -> None:
    done = ran(crowded, installed / "posestream", "run", "demo", "--frames", 3, *QUIET, "--output", "poses.jsonl")
    if done.returncode == NO_WEIGHTS:
        pytest.skip(f"weights cannot be had here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    assert len((crowded / "poses.jsonl").read_text().splitlines()) == 3


def test_the_schema_and_the_page_are_in_the_package(installed: Path, crowded: Path) -> None:
    assert json.loads(ran(crowded, installed / "posestream", "schema").stdout)["title"] == "posestream"


def test_doctor_does_not_look_into_the_folder_where_it_is_asked(installed: Path, crowded: Path) -> None:
    done = ran(crowded, installed / "posestream", "doctor")
    assert "OpenCV" in done.stdout
    assert "of the user" not in done.stdout + done.stderr


def test_a_program_beside_modules_of_those_names_reads_a_run(installed: Path, crowded: Path) -> None:
    program = """if True:
        import posestream as ps
        with ps.run("demo") as run:
            with ps.subscribe(run.endpoint, timeout=20) as frames:
                print(next(run).camera, next(frames).camera)
    """
    (crowded / "program.py").write_text(program)
    done = ran(crowded, installed / "python", "program.py")
    if "WeightsError" in done.stderr:
        pytest.skip(f"weights cannot be had here: {done.stderr}")
    assert done.stdout == "cam0 cam0\n", done.stderr


def test_the_top_level_of_the_repository_stays_as_it_was_asked_for() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no clone")
    top = {name.split("/")[0] for name in listed.stdout.splitlines()}
    wanted = {"pyproject.toml", "README.md", "LICENSE", "config.toml", "stream", "engines", "tools", "tests"}
    assert {name for name in top if not name.startswith(".")} == wanted
