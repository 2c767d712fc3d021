"""Network cameras, against real servers on loopback: GStreamer's RTSP server, and Motion-JPEG over HTTP."""

import contextlib
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import pytest

from posestream.stream.sources.feed.feed import Feed
from posestream.stream.sources.ffmpeg.network_camera import NetworkSource, Transport
from posestream.stream.sources.source import DecodeError, SourceError, SourceLost
from tests.clips import Part, number_in, picture, write_clip
from tests.rtsp.running import RtspServer, has_gstreamer
from tests.stream.sources.watching import take, wait_for_state, wait_until

SECONDS = 30  # frames in a second of a clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds, in which a server can be killed or stalled."""
    suffix = ".ts" if has_gstreamer() else ".mp4"
    return write_clip((tmp_path_factory.mktemp("rtsp") / "clip").with_suffix(suffix), [Part(20 * SECONDS)])


@pytest.fixture(scope="module")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, whose size changes after the first."""
    suffix = ".ts" if has_gstreamer() else ".mp4"
    parts = [Part(SECONDS), Part(SECONDS, 640, 480)] if has_gstreamer() else [Part(2 * SECONDS)]
    return write_clip((tmp_path_factory.mktemp("rtsp") / "short").with_suffix(suffix), parts)


def source(url: str, transport: Transport = "tcp", open_timeout_s: float = 10) -> NetworkSource:
    return NetworkSource(url, transport=transport, open_timeout_s=open_timeout_s, stall_s=1)


def feed(url: str, *, stall_s: float = 10, fail_fast: bool = False) -> Feed:
    return Feed(partial(source, url), "latest", stall_s=stall_s, open_s=30, fail_fast=fail_fast)


def numbers_to_the_end(connection: NetworkSource) -> list[int]:
    """Opens, reads the good frames until the stream is lost, and closes."""
    found = []
    connection.open()
    try:
        while True:
            with contextlib.suppress(DecodeError):
                found.append(number_in(connection.read()))
    except SourceLost:
        return found
    finally:
        connection.close()


def test_rtsp_over_tcp_gives_every_frame_in_order_until_the_server_ends(short_clip: Path) -> None:
    with RtspServer(short_clip) as server:
        assert numbers_to_the_end(source(server.url)) == list(range(2 * SECONDS))


def test_rtsp_over_udp_gives_frames_in_order_and_none_that_a_loss_has_damaged(short_clip: Path) -> None:
    with RtspServer(short_clip, only="udp") as server:
        found = numbers_to_the_end(source(server.url, "udp"))
    assert found[0] == 0
    assert found == sorted(set(found))
    assert len(found) > SECONDS


def test_rtsp_frames_carry_the_streams_own_time(short_clip: Path) -> None:
    with RtspServer(short_clip) as server:
        connection = source(server.url)
        connection.open()
        stamped = [(number_in(frame), frame.source_ns) for frame in (connection.read() for _ in range(20))]
        connection.close()
    known = [(number, stamp) for number, stamp in stamped if stamp is not None]  # the first may come without
    assert len(known) >= 19
    (first, first_ns), *rest = known
    assert [ns - first_ns for _, ns in rest] == pytest.approx([(n - first) * 1e9 / 30 for n, _ in rest], abs=1e6)


def test_a_size_that_changes_mid_stream_is_told_by_the_frames(short_clip: Path) -> None:
    with RtspServer(short_clip, needs_gstreamer=True) as server:
        connection = source(server.url)
        connection.open()
        sizes = [connection.read().geometry.width for _ in range(2 * SECONDS)]
        connection.close()
    assert sizes == [320] * SECONDS + [640] * SECONDS


def test_the_transport_that_was_asked_for_is_used(short_clip: Path) -> None:
    with RtspServer(short_clip, only="udp") as server, pytest.raises(SourceError):
        source(server.url, "tcp").open()


def test_a_login_in_the_url_is_used_and_not_shown(short_clip: Path) -> None:
    with RtspServer(short_clip, login="viewer:s3cret") as server:
        connection = source(f"rtsp://viewer:s3cret@{server.address}")
        connection.open()
        assert number_in(connection.read()) == 0
        connection.close()
        assert connection.name == f"rtsp://***@{server.address}"


@pytest.mark.parametrize("login", ["", "viewer:wr0ng@"])
def test_a_wrong_login_is_said_and_not_shown(short_clip: Path, login: str) -> None:
    with RtspServer(short_clip, login="viewer:s3cret") as server:
        with pytest.raises(SourceError, match="user name or password") as error:
            source(f"rtsp://{login}{server.address}").open()
        assert "wr0ng" not in str(error.value)
        assert error.value.__suppress_context__


def test_a_path_that_is_not_there_is_said(short_clip: Path) -> None:
    with RtspServer(short_clip) as server, pytest.raises(SourceError, match="no stream at this path"):
        source(server.url + "x").open()


def test_a_server_that_is_not_there_is_said_at_once_with_fail_fast(clip: Path) -> None:
    with feed(RtspServer(clip).url, fail_fast=True) as watched:
        wait_until(watched, lambda: watched.finished)
        assert "connection refused" in str(watched.failed)


def test_in_latest_a_slow_consumer_gets_the_newest_frame(clip: Path) -> None:
    with RtspServer(clip) as server, feed(server.url) as watched:
        wait_until(watched, lambda: watched.arrived >= 30)
        item = watched.take()
        assert item is not None
        seq, frame = item
        assert seq >= 29
        assert number_in(frame) == seq
        assert watched.counts().replaced >= seq


def test_a_camera_comes_back_after_its_server_was_killed(clip: Path) -> None:
    with RtspServer(clip) as server, feed(server.url) as watched:
        wait_for_state(watched, "live")
        server.kill()
        wait_for_state(watched, "lost")
        arrived = watched.arrived
        server.start()
        wait_for_state(watched, "live")
        ((seq, frame),) = take(watched, 1)
        assert seq >= arrived
        assert frame.geometry.width == 320


def test_a_run_may_start_before_its_camera(clip: Path) -> None:
    server = RtspServer(clip)
    with feed(server.url) as watched:
        assert "connection refused" in wait_for_state(watched, "lost").reason
        with server:
            wait_for_state(watched, "live")


def test_a_stalled_server_is_noticed_and_found_again(clip: Path) -> None:
    with RtspServer(clip) as server, feed(server.url, stall_s=1) as watched:
        wait_for_state(watched, "live")
        server.stall()
        assert "no frame for 1 s" in wait_for_state(watched, "stalled").reason
        server.resume()
        wait_for_state(watched, "live")


def test_a_stalled_server_ends_the_read_by_itself_too(clip: Path) -> None:
    with RtspServer(clip) as server:
        connection = source(server.url)
        connection.open()
        connection.read()
        server.stall()
        with pytest.raises(SourceLost, match="no packet for 2 s"):
            while True:
                with contextlib.suppress(DecodeError):  # the stall may cut a frame
                    connection.read()
        connection.close()


def test_a_stalled_server_does_not_hold_up_opening(clip: Path) -> None:
    with RtspServer(clip) as server:
        server.stall()
        with pytest.raises(SourceError, match="no answer in time"):
            source(server.url, open_timeout_s=0.5).open()


@pytest.fixture
def motion_jpeg() -> Iterator[str]:
    """The URL of a camera that sends Motion-JPEG, thirty images to each client."""

    class Camera(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith("/video"):
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=image")
            self.end_headers()
            for number in range(30):
                jpeg = cv2.imencode(".jpg", picture(number)[:, :, ::-1])[1].tobytes()
                part = f"--image\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(part.encode() + jpeg + b"\r\n")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/video.cgi?user=viewer&pwd=s3cret"
        server.shutdown()
        thread.join()


def test_motion_jpeg_over_http_gives_every_frame_in_order(motion_jpeg: str) -> None:
    assert numbers_to_the_end(source(motion_jpeg)) == list(range(30))


def test_motion_jpeg_has_no_time_of_its_own(motion_jpeg: str) -> None:
    connection = source(motion_jpeg)
    connection.open()
    assert connection.read().source_ns is None
    connection.close()


def test_http_that_is_not_video_is_refused(motion_jpeg: str) -> None:
    with pytest.raises(SourceError, match=r"\*\*\*: there is no stream at this path") as error:
        source(motion_jpeg.replace("/video", "/other")).open()
    assert "s3cret" not in str(error.value)
