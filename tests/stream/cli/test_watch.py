"""`posestream watch` against a real publisher."""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from posestream.stream.cli import watch
from posestream.stream.errors import ConfigError
from posestream.stream.ipc.messages import encode
from tests.stream.publisher import PATIENCE_MS, Publisher, person, pose, state

REPOSITORY = Path(__file__).parents[3]
PROGRAM = "import sys; from posestream.stream.cli import main, watch; sys.exit(main.main(['watch', *sys.argv[1:]]))"


def started(arguments: Sequence[str], program: str = PROGRAM) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        yield publisher


def printed(publisher: Publisher, *options: str, count: int) -> list[str]:
    """The output of `watch` for three messages; Ctrl-C ends it with exit code 0."""
    child = started([publisher.endpoint, *options])
    assert {publisher.subscription()[:5] for _ in range(2)} == {b"\1pose", b"\1stat"}
    someone = person(id=7, box_xyxy=(10, 20, 30.4, 40), score=0.876)
    lost = state("cam0", "lost", "no route to host")
    drops = {"replaced": 4, "timeout": 1}
    publisher.send(lost, pose("cam1", 8, people=[]), pose("cam0", 9, people=[someone], drops=drops))
    assert child.stdout
    lines = [child.stdout.readline().rstrip("\n") for _ in range(count)]
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=PATIENCE_MS / 1000)
    assert (child.returncode, errors) == (0, "")
    return lines


def test_prints_a_readable_line_a_message(publisher: Publisher) -> None:
    assert printed(publisher, count=3) == [
        "cam0  lost: no route to host",
        "cam1 #8  nobody  12.5 ms",
        "cam0 #9  1 person  12.5 ms  [7 at 10,20 to 30,40, score 0.88]  dropped 4 replaced, 1 timeout",
    ]


def test_prints_only_the_camera_asked_for(publisher: Publisher) -> None:
    assert printed(publisher, "--camera", "cam1", count=1) == ["cam1 #8  nobody  12.5 ms"]


def test_prints_the_published_maps_as_json(publisher: Publisher) -> None:
    lost, nobody, _ = (json.loads(line) for line in printed(publisher, "--json", count=3))
    assert (lost["state"], lost["reason"]) == ("lost", "no route to host")
    assert nobody.keys() == msgspec.msgpack.decode(encode(pose())).keys()
    assert nobody["people"] == []


def test_ends_well_when_its_reader_is_gone(publisher: Publisher) -> None:
    child = started([publisher.endpoint])
    publisher.subscription(), publisher.subscription()
    assert child.stdout
    assert child.stderr
    child.stdout.close()
    while child.poll() is None:
        publisher.send(pose())
    assert (child.returncode, child.stderr.read()) == (0, "")
    child.stderr.close()


def test_says_that_nothing_comes_and_waits_on() -> None:
    with Publisher() as gone:
        endpoint = gone.endpoint
    child = started([endpoint], PROGRAM.replace("sys.exit", "watch.SILENCE_S = 0.1; sys.exit"))
    assert child.stderr
    assert child.stdout
    note = f"nothing from {endpoint} for 0.1 s: is posestream running there? Waiting.\n"
    assert child.stderr.readline() == note
    with Publisher(endpoint) as publisher:
        publisher.subscription(), publisher.subscription()
        publisher.send(state())
        assert child.stdout.readline() == "cam0  live\n"
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=PATIENCE_MS / 1000)


def test_a_bad_endpoint_is_a_bad_setting() -> None:
    with pytest.raises(ConfigError, match="an endpoint looks like"):
        watch.run(argparse.Namespace(endpoint="127.0.0.1:5556", camera=None, json=False))
