"""Scenes with webcams, reported as JSON lines: runs in the guest, as root, with an emulated camera.

    python -m tests.webcam.inside PICTURES scenes            every scene below, a line for each observation
    python -m tests.webcam.inside PICTURES program COMMAND…  COMMAND, with the camera plugged in; its exit code

PICTURES is a folder that `tests.webcam.pictures.make_pictures` filled. In the guest /dev/video0 is vivid, a camera of
the kernel's own that has no MJPG, and /dev/video1 the emulated USB camera, which has it.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.stream.sources.feed.events import StateChange
from posestream.stream.sources.feed.feed import Feed
from posestream.stream.sources.source import SourceError, SourceFrame
from posestream.stream.sources.webcam.v4l2 import list_cameras
from posestream.stream.sources.webcam.webcam import Webcam, WebcamConnection
from tests.webcam.pictures import number_in, patches_in

VIVID, USB = "/dev/video0", "/dev/video1"
VIVID_FORMATS = ("MJPG", "YUYV", "NV12", "YU12", "GREY")
USB_FORMATS = ("MJPG", "YUYV")
PATIENCE_S = 20  # for the kernel, which always answers
NOBODY = 65534

_TO_BGR = {"i420": cv2.COLOR_YUV2BGR_I420, "nv12": cv2.COLOR_YUV2BGR_NV12}


class EmulatedCamera:
    """The process of `tests.webcam.usbip_camera`."""

    def __init__(self, pictures: Path) -> None:
        command = [sys.executable, "-m", "tests.webcam.usbip_camera", str(pictures)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def do(self, command: str) -> None:
        """Carries out a command. Raises RuntimeError where it fails."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        if self._process.stdout.readline() != "done\n":
            raise RuntimeError(f"the emulated camera failed at: {command}")

    def plug(self, port: int, serial: str) -> None:
        """Plugs a camera in, and waits until the system lists it."""
        self.do(f"plug {port} {serial}")
        _until(lambda: any(f":{serial}#" in info.identity for info in list_cameras()))


def report(scene: str, **what: object) -> None:
    print(json.dumps({"scene": scene, **what}), flush=True)


def cameras_are_listed(_: EmulatedCamera) -> None:
    report(
        "listed", cameras=[asdict(info) for info in list_cameras()], nodes=sorted(map(str, Path("/dev").glob("video*")))
    )
    os.seteuid(NOBODY)
    report("listed without permission", cameras=[asdict(info) for info in list_cameras()])
    try:
        usb_webcam()().open()
    except SourceError as error:
        report("opened without permission", error=str(error))
    os.seteuid(0)


def formats_are_negotiated(_: EmulatedCamera) -> None:
    asked = [(VIVID, kind) for kind in VIVID_FORMATS] + [(USB, kind) for kind in USB_FORMATS]
    for path, kind in asked:
        webcam = Webcam(path, width=1280, height=720, fps=30, pixel_format=kind)
        connection = webcam()
        connection.open()
        frames = [connection.read() for _ in range(3)]
        report("negotiated", path=path, asked=kind, granted=webcam.granted, frames=[seen_in(frame) for frame in frames])
        connection.close()


def frames_are_damaged(camera: EmulatedCamera) -> None:
    connection = opened(usb_webcam())
    for command in ("damage 0", "heal 0"):
        camera.do(command)
        for _ in range(30):
            seen = seen_in(connection.read())
            if ("error" in seen) == (command == "damage 0"):  # earlier frames were already under way
                report(command, **seen)
                break
    connection.close()


def camera_is_busy(_: EmulatedCamera) -> None:
    connection = opened(usb_webcam())
    connection.read()
    report("busy", error=error_of(opened, usb_webcam()))
    connection.close()


def camera_falls_silent(camera: EmulatedCamera) -> None:
    webcam = usb_webcam()
    connection = opened(webcam)
    connection.read()
    camera.do("stall 0")
    report("silent", error=error_of(read_on, connection))
    connection.close()
    camera.do("heal 0")
    connection = opened(webcam)
    report("speaks again", **seen_in(connection.read()))
    connection.close()


def camera_is_replugged(camera: EmulatedCamera) -> None:
    """Unplugged, and plugged in on another port under another number, while a twin takes the old number."""
    webcam = usb_webcam()
    with Feed(webcam, "latest", stall_s=10, open_s=10) as feed:
        follow(feed, "plugged", "live")
        camera.do("unplug 0")
        follow(feed, "unplugged", "lost")
        _until(lambda: not Path(USB).exists())
        report("away", error=error_of(webcam.locate))
        camera.plug(1, "TWIN")
        camera.plug(2, "A1")
        follow(feed, "replugged", "live")
        number, frame = _until(feed.take)
        report("replugged frame", seq=number, path=webcam.info and webcam.info.path, **seen_in(frame))
        report("replugged nodes", cameras=[asdict(info) for info in list_cameras()])


def follow(feed: Feed, scene: str, state: str) -> None:
    """Reports the state changes of a feed, up to `state`."""

    def reached() -> bool:
        changes = [event for event in feed.events() if isinstance(event, StateChange)]
        for change in changes:
            report(scene, state=change.state, reason=change.reason)
        return any(change.state == state for change in changes)

    _until(reached)


def usb_webcam() -> Webcam:
    return Webcam(1, width=640, height=480, fps=30, pixel_format="MJPG")


def opened(webcam: Webcam) -> WebcamConnection:
    connection = webcam()
    connection.open()
    return connection


def read_on(connection: WebcamConnection) -> None:
    while True:
        connection.read()


def error_of(action: Callable[..., object], *arguments: object) -> dict[str, str]:
    """Kind and text of the error that `action` raises."""
    try:
        action(*arguments)
    except SourceError as error:
        return {"kind": type(error).__name__, "text": str(error)}
    return {"kind": "none", "text": ""}


def seen_in(frame: SourceFrame) -> dict[str, object]:
    """Facts of a frame and its picture, after it was written into a slot of its size."""
    geometry = frame.geometry
    slot = np.zeros(geometry.nbytes, np.uint8)
    error = error_of(frame.write, slot)
    if error["kind"] != "none":
        return {"error": error}
    picture = slot.reshape(geometry.shape)
    if geometry.pixel_format != "bgr24":
        picture = np.asarray(cv2.cvtColor(picture, _TO_BGR[geometry.pixel_format]), np.uint8)
    return {
        "geometry": [geometry.width, geometry.height, geometry.pixel_format],
        "arrived_ns": frame.arrived_ns,
        "source_ns": frame.source_ns,
        "number": number_in(picture),
        "patches": patches_in(picture),
        "bars": bars_in(picture),
    }


def bars_in(picture: NDArray[np.uint8]) -> list[list[int]]:
    """The colours of vivid's eight bars, near the bottom, where it writes no text."""
    bar = picture.shape[1] // 8
    return [[int(value) for value in picture[-20, place * bar + bar // 2]] for place in range(8)]


def _until(what: Callable[[], Any]) -> Any:
    """The first true result of `what`. Raises TimeoutError without one."""
    deadline = time.monotonic() + PATIENCE_S
    while not (result := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE_S} s in vain")
        time.sleep(0.02)
    return result


SCENES: Iterable[Callable[[EmulatedCamera], None]] = (
    cameras_are_listed,
    formats_are_negotiated,
    frames_are_damaged,
    camera_is_busy,
    camera_falls_silent,
    camera_is_replugged,
)


def main(pictures: str, what: str, *command: str) -> int:
    camera = EmulatedCamera(Path(pictures))
    camera.plug(0, "A1")
    if what == "program":
        camera.do("dim 0")  # thirty frames a second would take most of the guest's time
        return subprocess.run(command, check=False).returncode
    for scene in SCENES:
        scene(camera)
    return 0


if __name__ == "__main__":
    code = main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # an orderly exit would wait for the camera, which is still plugged in
