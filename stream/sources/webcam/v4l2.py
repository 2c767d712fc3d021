"""The cameras of a Linux machine, and their identities.

A device number identifies nothing: one USB camera has two nodes (pictures and metadata), and gets other numbers when it
is plugged in again. A node's capabilities come from the driver (VIDIOC_QUERYCAP, Linux `videodev2.h`), its identity
from its hardware's entry in sysfs.
"""

import errno
import fcntl
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_CLASS = Path("/sys/class/video4linux")

_CAPABILITY = struct.Struct("16s32s32sIII12x")  # struct v4l2_capability
_CAPABILITY_DEVICE_CAPS = 5
_VIDIOC_QUERYCAP = 0x80000000 | _CAPABILITY.size << 16 | ord("V") << 8  # _IOR('V', 0, struct v4l2_capability)
_VIDEO_CAPTURE = 0x00000001 | 0x00001000  # V4L2_CAP_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE_MPLANE


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A node that delivers pictures.

    `identity` stays the same when the camera is plugged in again; `port` is where it is plugged in, and distinguishes
    twins without a serial number. `problem` is why the camera cannot be opened, and what to do; else it is empty.
    """

    path: str
    name: str
    identity: str
    port: str
    index: int
    problem: str = ""


def has_v4l2() -> bool:
    """True if this system has Video4Linux; without it `list_cameras` finds nothing."""
    return _CLASS.is_dir()


def list_cameras() -> list[CameraInfo]:
    """The cameras of this machine in the order of their numbers; none without V4L2."""
    if not has_v4l2():
        return []
    nodes = sorted((int(node.name.removeprefix("video")), node) for node in _CLASS.glob("video[0-9]*"))
    return [info for index, node in nodes if (info := _camera_at(index, node)) is not None]


def find_again(known: CameraInfo, cameras: Sequence[CameraInfo]) -> CameraInfo | None:
    """The camera of `cameras` that is `known`; None if it is away.

    Of twins that share an identity, the one at the port of `known`; if none is there, the only one left.
    """
    same = [camera for camera in cameras if camera.identity == known.identity]
    at_port = [camera for camera in same if camera.port == known.port]
    if at_port:
        return at_port[0]
    return same[0] if len(same) == 1 else None


def _camera_at(index: int, node: Path) -> CameraInfo | None:
    """The camera of a node in sysfs; None if it is no camera (metadata, output) or has just been unplugged."""
    path = f"/dev/{node.name}"
    try:
        name = _attribute(node / "name")
        place = int(_attribute(node / "index") or 0)
        hardware = (node / "device").resolve(strict=True)
        problem = ""
        if not _device_caps(path) & _VIDEO_CAPTURE:
            return None
    except PermissionError:
        if place != 0:  # the node of pictures is the first
            return None
        problem = f"permission denied for {path}: add yourself to the group that owns it (often `video`), log in anew"
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTTY):
            return None
        raise
    identity, port = _identity_of(hardware)
    return CameraInfo(path, name, f"{identity}#{place}", port, index, problem)


def _device_caps(path: str) -> int:
    """The capabilities of the node itself (`device_caps`), by VIDIOC_QUERYCAP."""
    handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        answer = fcntl.ioctl(handle, _VIDIOC_QUERYCAP, bytes(_CAPABILITY.size))
    finally:
        os.close(handle)
    return int(_CAPABILITY.unpack(answer)[_CAPABILITY_DEVICE_CAPS])


def _identity_of(hardware: Path) -> tuple[str, str]:
    """Identity and port of a device in sysfs: of a USB device its vendor, product and serial number, else its place."""
    for device in (hardware, *hardware.parents):
        if (device / "idVendor").exists():
            vendor, product = _attribute(device / "idVendor"), _attribute(device / "idProduct")
            return f"usb:{vendor}:{product}:{_attribute(device / 'serial')}", device.name
    return f"{hardware.parent.name}:{hardware.name}", hardware.name


def _attribute(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except FileNotFoundError:
        return ""
