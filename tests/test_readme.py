"""The READMEs: their length, tables, links, Python, commands, and the tests behind their promises."""

import os
import re
import shlex
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import pytest

from posestream.engines.exceptions import WeightsError
from posestream.stream import config
from posestream.stream.client import Subscriber
from tests.ipc.conftest import REPOSITORY
from tests.ipc.footage import people, write_video
from tools import tables

READMES = [REPOSITORY / name for name in tables.READMES]
README = READMES[0].read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
PROMISES = tomllib.loads((REPOSITORY / "tests/promises.toml").read_text(encoding="utf-8"))["promise"]
PATIENCE_S = 100


def test_the_first_readme_is_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= 160


def test_the_two_commands_are_on_its_first_screen() -> None:
    assert {"./tools/run", "./tools/test"} <= {line.split()[0] for line in README.splitlines()[:16] if line.strip()}


def test_its_tables_are_as_they_would_be_written() -> None:
    assert tables.main(["--check"]) == 0, "run python -m tools.tables"


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(readme: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", readme.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        linked = readme.parent / path if path else readme
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}, target


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise["text"][:40])
def test_each_promise_stands_there_and_has_its_tests(promise: dict[str, Any]) -> None:
    assert any(promise["text"] in readme.read_text(encoding="utf-8") for readme in READMES)
    for test in promise["tests"]:
        file, _, name = test.partition("::")
        assert re.search(rf"^(?:def|class) {name}\b|^{name} = ", (REPOSITORY / file).read_text(), re.MULTILINE), test


def test_the_stream_and_the_page_listen_on_this_machine_alone() -> None:
    settings = config.defaults()
    assert urlsplit(settings.publish.endpoint).hostname == "127.0.0.1"
    assert settings.page.address.startswith("127.0.0.1:")


def test_the_flags_of_its_commands_are_there() -> None:
    for command in re.findall(r"^posestream (\w+) (.*?)(?: +#.*)?$", README, re.MULTILINE):
        name, arguments = command
        help_text = subprocess.run(
            [sys.executable, "-m", "posestream.stream.cli.main", name, "--help"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for argument in shlex.split(arguments):
            assert not argument.startswith("--") or argument in help_text, command


# ---- its Python, as it stands


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where somebody types what the README has: with a photograph of two people, and a video."""
    try:
        pictures = list(people(5))
    except WeightsError as error:
        pytest.skip(f"weights cannot be had here: {error}")
    cv2.imwrite(str(tmp_path / "photo.jpg"), pictures[0])
    write_video(tmp_path / "walk.mp4", pictures)
    return tmp_path


def typed(program: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-P", "-c", program]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE_S, env=environment
    )


def test_every_block_of_python_is_run_by_a_test_below() -> None:
    assert [re.findall(r"ps\.(\w+)", block) for block in PYTHON] == [["run"], ["PoseEstimator", "track"], ["subscribe"]]
    assert len(PYTHON[0].strip().splitlines()) == 5


def test_five_lines_read_a_run(folder: Path) -> None:
    done = typed(PYTHON[0], folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any(re.match(r"cam0 \d+ \[", line) for line in lines)


def test_an_estimator_draws_a_photograph_and_a_video_is_tracked(folder: Path) -> None:
    done = typed(PYTHON[1], folder)
    assert done.returncode == 0, done.stderr
    drawn, photograph = cv2.imread(str(folder / "drawn.jpg")), cv2.imread(str(folder / "photo.jpg"))
    assert drawn is not None
    assert photograph is not None
    assert drawn.shape == photograph.shape
    assert cv2.absdiff(drawn, photograph).max() > 100
    assert [line.split()[0] for line in done.stdout.splitlines() if line[:1].isdigit()][:1] == ["0.0"]


@pytest.fixture
def door(folder: Path) -> Iterator[None]:
    """A run with a camera `door`, where the README subscribes."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 5556)) == 0:
            pytest.skip("somebody publishes on port 5556 of this machine")
    command = [sys.executable, "-m", "posestream.stream.cli.main", "run", "door=demo", "--page", "off"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as run:
        with Subscriber("tcp://127.0.0.1:5556", timeout_s=PATIENCE_S) as subscriber:
            subscriber.recv()
        yield
        run.terminate()


def test_a_subscriber_reads_a_run_that_goes_on_elsewhere(folder: Path, door: None) -> None:
    command = [sys.executable, "-P", "-u", "-c", PYTHON[2]]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        line = program.stdout.readline()
        program.terminate()
    assert re.match(r"\d+\.\d+ \d+$", line)
