"""The demo, end to end, as a user sees it."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
import zmq

from tests.ipc.conftest import QUIET, StartRun
from tests.ipc.product import PATIENCE_S, Product, Watching

PUBLISH = QUIET[2:]
PATIENCE_MS = int(PATIENCE_S * 1000)


@pytest.fixture(scope="module")
def demo(weights: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One run, with a page, for all that only looks on. Its page may be silent for long."""
    settings = "[supervisor]\nbeat_timeout_s = 600"
    folder = tmp_path_factory.mktemp("demo")
    with Product("demo", "--page", "127.0.0.1:0", *PUBLISH, folder=folder, settings=settings) as run:
        yield run
        assert run.interrupt().code == 0


def test_a_subscriber_gets_people_and_the_cameras_state(demo: Product) -> None:
    with Watching(demo.endpoint) as watching:
        message = watching.pose(people=True)
        person = message.people[0]
        assert watching.state("cam0", "live") == ""
    assert (message.camera, message.width, message.height) == ("cam0", 640, 480)
    assert (person.skeleton, len(person.keypoints)) == ("coco17", 17)
    left, top, right, bottom = person.box_xyxy
    assert -64 < left < right < 640 + 64
    assert -48 < top < bottom < 480 + 48
    assert list(message.stamps_ns) == ["capture", "preprocess", "infer", "postprocess", "publish"]
    times = [message.capture_ns, *message.stamps_ns.values()]
    assert times == sorted(times)


def test_a_plain_consumer_needs_nothing_of_posestream(demo: Product) -> None:
    with zmq.Context() as context, context.socket(zmq.SUB) as subscriber:
        subscriber.subscribe(b"pose.cam0")
        subscriber.connect(demo.endpoint)
        assert subscriber.poll(PATIENCE_MS)
        topic, payload = subscriber.recv_multipart()
    message = msgspec.msgpack.decode(payload)
    assert topic == b"pose.cam0"
    assert (message["schema"], message["camera"]) == (1, "cam0")
    assert message["captured"] >= message["seq"]


def test_a_subscriber_that_never_reads_costs_nothing(demo: Product) -> None:
    with zmq.Context() as context, context.socket(zmq.SUB) as sleeping, Watching(demo.endpoint) as watching:
        sleeping.set_hwm(1)
        sleeping.subscribe(b"")
        sleeping.connect(demo.endpoint)
        first = watching.pose()
        assert sleeping.poll(PATIENCE_MS)  # it is connected
        assert watching.pose(after=first.seq + 60).drops.keys() <= {"replaced"}


def test_a_page_that_hangs_costs_nothing(demo: Product) -> None:
    page = demo.process("page")
    page.suspend()
    try:
        with Watching(demo.endpoint) as watching:
            first = watching.pose()
            assert watching.pose(after=first.seq + 60).drops.keys() <= {"replaced"}
            assert page.status() == psutil.STATUS_STOPPED
    finally:
        page.resume()


def test_ctrl_c_ends_all_of_it_and_finishes_its_files(posestream: StartRun, tmp_path: Path) -> None:
    run = posestream("demo", "--page", "127.0.0.1:0", "--output", "poses.jsonl", "--output", "poses.mp4")
    with Watching(run.endpoint) as watching:
        watching.pose()
    assert len(run.processes()) == 9
    ended = run.interrupt()
    assert ended.code == 0
    captured, published, dropped = ended.balance()
    assert captured == published + dropped
    assert len((tmp_path / "poses.jsonl").read_text().splitlines()) == published


def test_ctrl_c_ends_a_run_that_is_still_starting(posestream: StartRun) -> None:
    run = posestream("demo")
    run.process("infer")
    ended = run.interrupt()
    assert ended.code == 0
    assert ended.balance() == (0, 0, 0)
