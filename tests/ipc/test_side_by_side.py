"""Two runs on one machine, and cameras of one run that do not fare alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clips import Part, write_clip
from tests.ipc.conftest import StartRun
from tests.ipc.product import Product, Watching
from tests.rtsp.running import RtspServer, has_gstreamer


@pytest.fixture(scope="module")
def first(weights: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A run that others come beside."""
    ports = ("--publish", "tcp://127.0.0.1:*", "--page", "127.0.0.1:0")
    with Product("first=demo", *ports, folder=tmp_path_factory.mktemp("first")) as run:
        yield run


def test_two_runs_do_not_disturb_each_other(first: Product, posestream: StartRun) -> None:
    with Watching(first.endpoint) as watching:
        before = watching.pose()
        second = posestream("second=demo", "--frames", "20")
        assert second.finish().balance("second")[1] == 20
        after = watching.pose(after=before.captured)
    assert after.camera == "first"
    assert after.drops.keys() <= {"replaced"}
    assert first.folder.is_dir()
    assert str(first.folder) not in second.output


@pytest.mark.parametrize(
    ("flag", "line", "message"),
    [
        ("--publish", r"^poses: (\S+)", "cannot publish on {}: Address already in use; name another with --publish"),
        ("--page", r"^live page: http://(\S+)", "page: cannot listen on {}: the port is in use; choose another with"),
    ],
)
def test_a_second_run_on_the_same_port_stops_in_one_line(
    first: Product, posestream: StartRun, flag: str, line: str, message: str
) -> None:
    taken = first.line(line)[1]
    ended = posestream("demo", flag, taken, "--output", "poses.jsonl").finish()
    assert (ended.code, ended.error.startswith(message.format(taken))) == (3, True), ended.lines
    assert "Traceback" not in "\n".join(ended.lines)
    with Watching(first.endpoint) as watching:
        watching.pose()


def test_a_run_starts_while_one_of_its_cameras_is_down(posestream: StartRun, closed_port: int) -> None:
    run = posestream("up=demo", f"down=rtsp://admin:secret@127.0.0.1:{closed_port}/stream")
    with Watching(run.endpoint) as watching:
        reason = watching.state("down", "lost")
        assert watching.state("up", "live") == ""
        assert watching.pose(people=True).camera == "up"
    ended = run.interrupt()
    assert "connection refused" in reason
    assert (ended.code, ended.balance("down")) == (0, (0, 0, 0))
    assert "secret" not in run.output + reason


def test_a_camera_that_goes_away_and_comes_back_is_found_again(posestream: StartRun, tmp_path: Path) -> None:
    suffix = ".ts" if has_gstreamer() else ".mp4"
    clip = write_clip(tmp_path / f"clip{suffix}", [Part(300)])
    with RtspServer(clip) as server:
        run = posestream(f"cam={server.url}", "up=demo")
        with Watching(run.endpoint, cameras=["cam"]) as watching:
            before = watching.pose()
            server.kill()
            assert watching.state("cam", "lost", "stalled")
            server.start()
            after = watching.pose(after=before.seq)
            watching.state("cam", "live")
    assert after.captured > before.captured
    assert after.drops.keys() <= {"replaced", "undecodable"}
