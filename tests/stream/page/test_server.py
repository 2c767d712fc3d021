"""The page's process over HTTP and WebSocket, without a browser."""

import asyncio
import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.stream.errors import ConfigError, RunError
from posestream.stream.ipc.messages import Failed, Stop
from posestream.stream.page.address import Address, allowed, listen, parse
from posestream.stream.page.viewer import MAX_UNACKNOWLEDGED
from tests.stream.consumer_run import ConsumerRun
from tests.stream.page.watched_page import WatchedPage
from tests.stream.publisher import pose, state

Picture = NDArray[np.uint8]


@pytest.fixture
def grey() -> Picture:
    return np.full((240, 320, 3), 128, np.uint8)


@pytest.mark.parametrize(
    ("header", "bound", "answered"),
    [
        ("127.0.0.1:8000", "127.0.0.1", True),
        ("localhost:8000", "127.0.0.1", True),
        ("LOCALHOST.", "127.0.0.1", True),
        ("[::1]:8000", "127.0.0.1", True),
        ("localhost:9999", "127.0.0.1", True),  # through a tunnel
        ("evil.example:8000", "127.0.0.1", False),
        ("127.0.0.1.evil.example", "127.0.0.1", False),
        ("localhost.evil.example", "127.0.0.1", False),
        ("192.168.1.5:8000", "127.0.0.1", False),
        ("", "127.0.0.1", False),
        ("192.168.1.5:8000", "0.0.0.0", True),
        ("[fe80::1]:8000", "::", True),
        (socket.gethostname(), "0.0.0.0", True),
        ("evil.example", "0.0.0.0", False),
        ("studio.example:8000", "studio.example", True),
    ],
)
def test_only_host_headers_that_cannot_be_rebound_are_accepted(header: str, bound: str, answered: bool) -> None:
    assert allowed(header, bound) is answered


@pytest.mark.parametrize("path", ["/", "/page.js", "/status", "/live", "/nothing"])
def test_another_host_header_gets_403_in_one_line(watched: WatchedPage, path: str) -> None:
    code, text = watched.get(path, Host="evil.example:8000")
    assert (code, text) == (
        403,
        "403: this page does not answer to the name 'evil.example:8000'; open it by its address\n",
    )


def test_pages_of_other_sites_get_403(watched: WatchedPage) -> None:
    code, text = watched.get("/live", Origin="http://evil.example")
    assert (code, text) == (403, "403: http://evil.example is another site, and may not look on here\n")


def test_serves_itself_without_anything_from_outside(watched: WatchedPage) -> None:
    for path in ("/", "/page.css", "/page.js"):
        code, text = watched.get(path)
        assert code == 200
        assert "https://" not in text
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")


def test_status_is_json_for_scripts(watched: WatchedPage, grey: Picture) -> None:
    watched.run.publisher.send(state("door", "connecting", "waiting for 1.2.3.4"))
    watched.publish_until(lambda: watched.status()["cameras"]["cam0"]["fps"], grey, drops={"timeout": 2})
    cameras = watched.status()["cameras"]
    assert cameras["door"] == {
        "state": "connecting",
        "reason": "waiting for 1.2.3.4",
        "fps": None,
        "latency_p50_ms": None,
        "people": 0,
        "captured": 0,
        "drops": {},
    }
    assert cameras["cam0"] | {"fps": 0, "captured": 0} == cameras["door"] | {
        "reason": "", "fps": 0, "latency_p50_ms": 12.5, "people": 1, "drops": {"timeout": 2},
    }  # fmt: skip


def test_sources_are_shown_without_credentials(tmp_path: Path) -> None:
    with ConsumerRun(tmp_path, source="rtsp://me:secret@door/stream", policy="latest") as run:
        watched = WatchedPage(run)

        async def first_text() -> str:
            async with aiohttp.ClientSession() as session, session.ws_connect(watched.url + "/live") as live:
                return await live.receive_str()

        hello = asyncio.run(first_text())
    assert json.loads(hello)["cameras"] == [{"name": "cam0", "source": "rtsp://***@door/stream"}]
    assert "secret" not in hello


def test_malformed_publications_are_logged_and_dropped(watched: WatchedPage, grey: Picture) -> None:
    watched.run.publisher.send_parts(b"pose.cam0", b"\xc1")
    watched.run.publisher.send_parts(b"pose.cam0")
    watched.run.publisher.send(pose("unknown"))
    watched.publish_until(lambda: watched.status()["cameras"]["cam0"]["captured"], grey)
    assert watched.stop().count("WARNING page: dropped what came: no published message") == 2


def test_no_picture_is_encoded_without_a_browser(watched: WatchedPage, grey: Picture) -> None:
    watched.publish_until(lambda: watched.status()["cameras"]["cam0"]["captured"] > 20, grey)
    maps = Path(f"/proc/{watched.child.pid}/maps").read_text()
    assert "frames.cam0" not in maps
    assert "cv2" not in maps


async def watch(url: str, seen: Callable[[bytes], bool], feed: Callable[[], None], *, answer: bool) -> int:
    """Looks on until a picture is `seen`; how many pictures came."""
    count = 0
    async with aiohttp.ClientSession() as session, session.ws_connect(url + "/live") as live:
        while True:
            feed()
            try:
                message = await live.receive(timeout=0.02)
            except TimeoutError:
                continue
            if message.type is aiohttp.WSMsgType.BINARY:
                count += 1
                if seen(message.data):
                    return count
                if answer:
                    await live.send_str("cam0")
            elif message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                return count


def header_of(picture: bytes) -> dict[str, object]:
    length = int.from_bytes(picture[:4], "little")
    header: dict[str, object] = json.loads(picture[4 : 4 + length])
    assert picture[4 + length : 4 + length + 2] == b"\xff\xd8"
    return header


def test_a_stalled_browser_is_disconnected_and_others_see_on(tmp_path: Path, grey: Picture) -> None:
    settings = {"page.stall_timeout_s": 5.0, "page.rate_hz": 60.0}
    with ConsumerRun(tmp_path, policy="latest", settings=settings) as run:
        watched = WatchedPage(run)

        def feed() -> None:
            run.publish(grey, seq=next(watched.seqs))

        async def both() -> tuple[int, int]:
            stalled = watch(watched.url, lambda _: False, feed, answer=False)
            lively = watch(watched.url, lambda picture: int(str(header_of(picture)["seq"])) > 100, feed, answer=True)
            return await asyncio.gather(stalled, lively)

        from_stalled, from_lively = asyncio.run(both())
        assert from_stalled == MAX_UNACKNOWLEDGED
        assert from_lively > MAX_UNACKNOWLEDGED
        watched.publish_until(lambda: watched.status()["viewers"] == 0, grey)


def test_a_page_that_hangs_blocks_no_publisher(watched: WatchedPage, grey: Picture) -> None:
    watched.publish_until(lambda: watched.status()["cameras"]["cam0"]["captured"], grey)
    watched.child.send_signal(signal.SIGSTOP)
    for seq in range(5000):
        watched.run.publish(grey, seq=seq, camera="door")  # would wait for ever if a consumer could block it
    watched.child.send_signal(signal.SIGCONT)
    watched.publish_until(lambda: watched.status()["cameras"]["cam0"]["captured"] > 5, grey)


def test_browsers_are_disconnected_when_the_run_stops(watched: WatchedPage, grey: Picture) -> None:
    async def stop_under_way() -> int:
        stopped = False

        def stop_once(_: bytes) -> bool:
            nonlocal stopped
            if not stopped:
                watched.run.send("page", Stop())
            stopped = True
            return False

        return await watch(watched.url, stop_once, lambda: None, answer=True)

    watched.publish_until(lambda: watched.status()["cameras"]["cam0"]["captured"], grey)
    assert asyncio.run(stop_under_way()) == 1
    assert "Traceback" not in watched.run.ended(watched.child)


def test_a_port_in_use_ends_the_run_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with ConsumerRun(tmp_path, settings={"page.address": address}) as run:
            child = run.start("page")
            failed = run.next(Failed)
            assert failed.exit_code == 3
            assert failed.reason == (
                f"page: cannot listen on {address}: the port is in use; "
                "choose another with --page HOST:PORT, or do without with --page off"
            )
            run.ended(child, code=3)


def test_a_host_of_another_machine_is_an_error() -> None:
    with pytest.raises(RunError, match=r"cannot listen on 192\.0\.2\.1:8000: .*; choose another with --page"):
        listen(Address("192.0.2.1", 8000))


@pytest.mark.parametrize("text", ["127.0.0.1", "127.0.0.1:", ":8000", "127.0.0.1:65536", "localhost:http"])
def test_an_address_is_host_and_port(text: str) -> None:
    with pytest.raises(ConfigError, match="an address of the page is HOST:PORT"):
        parse(text)


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert parse("[::1]:8000") == Address("::1", 8000)
    assert str(Address("::1", 8000)) == "[::1]:8000"
