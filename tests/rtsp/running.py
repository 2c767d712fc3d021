"""A real RTSP server as a process of its own, to be killed, stopped and started again by a test."""

import functools
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

SCRIPT = Path(__file__).with_name("server.py")
SYSTEM_PYTHON = "/usr/bin/python3"  # Debian's bindings belong to it
PACKAGES = "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,bad}"
START_LIMIT_S = 60  # the first start after an installation scans all plugins


@functools.cache
def has_gstreamer() -> bool:
    """True where the system's Python can serve RTSP."""
    if not Path(SYSTEM_PYTHON).exists():
        return False
    check = f"import runpy; runpy.run_path({str(SCRIPT)!r}, run_name='check')"
    return subprocess.run([SYSTEM_PYTHON, "-c", check], capture_output=True, check=False).returncode == 0


class RtspServer:
    """Serves the clip `<stem>.ts` with GStreamer, or `<stem>.mp4` with aio-rtsp-toolkit where GStreamer is absent.

    Each client sees the clip from its first frame, at 30 fps. The port stays the same after `kill` and `start`.
    Skips the test where neither is there, or where only GStreamer can do what it asks for.
    """

    def __init__(self, clip: Path, *, only: str = "", login: str = "", needs_gstreamer: bool = False) -> None:
        if not has_gstreamer() and (only or login or needs_gstreamer):
            pytest.skip(f"needs GStreamer's RTSP server: apt-get install {PACKAGES}")
        self._clip = clip
        self._only = only
        self._login = login
        self._process: subprocess.Popen[str] | None = None
        self.port = _free_port()

    @property
    def address(self) -> str:
        """What follows rtsp:// (and the credentials) in the URL."""
        path = "clip" if has_gstreamer() else self._clip.with_suffix(".mp4").name
        return f"127.0.0.1:{self.port}/{path}"

    @property
    def url(self) -> str:
        return f"rtsp://{self.address}"

    def start(self) -> Self:
        command = self._gstreamer() if has_gstreamer() else self._toolkit()
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        deadline = time.monotonic() + START_LIMIT_S
        while not _listens(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the RTSP server does not start: {command}")
            time.sleep(0.05)  # how often to look; nothing depends on it
        return self

    def stall(self) -> None:
        """The server answers no more, and its connections stay open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _gstreamer(self) -> list[str]:
        command = [SYSTEM_PYTHON, str(SCRIPT), str(self._clip.with_suffix(".ts")), "--port", str(self.port)]
        command += ["--only", self._only] if self._only else []
        return command + (["--login", self._login] if self._login else [])

    def _toolkit(self) -> list[str]:
        program = shutil.which("rtsp-server", path=sysconfig.get_path("scripts"))
        if program is None:
            pytest.skip(f"no RTSP server: apt-get install {PACKAGES}, or pip install aio-rtsp-toolkit")
        folder = str(self._clip.parent)
        return [program, "-d", folder, "-H", "127.0.0.1", "-p", str(self.port), "-cp", str(_free_port())]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
