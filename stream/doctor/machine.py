"""Findings about the machine: Python, processor, OpenCV, cameras, shared memory, ports."""

import importlib.metadata
import os
import platform
import socket
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from posestream.stream.client import ANY_HOST
from posestream.stream.config import Config
from posestream.stream.doctor.finding import Finding, Mark
from posestream.stream.doctor.probes import Probe
from posestream.stream.errors import UserError
from posestream.stream.ipc import shared_memory
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.page import address
from posestream.stream.run import run_folder
from posestream.stream.run.capacity import SPARE_SLOTS, frames_under_way, output_bytes, slots_of, tensor_bytes
from posestream.stream.run.planning import plan_for
from posestream.stream.run.topology import CameraSpec
from posestream.stream.sources.webcam.v4l2 import CameraInfo

IN_DOCKER = "in a container, start it with --device /dev/video0"


def python() -> Finding:
    """The interpreter, and the version of posestream in it."""
    version = importlib.metadata.version("posestream")
    return Finding("Python", Mark.OK, f"{platform.python_version()} in {sys.prefix}; posestream {version}")


def cores() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_gib() -> float:
    """The machine's memory, GiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def processor() -> Finding:
    """Processor cores and memory."""
    return Finding("processor", Mark.OK, f"{cores()} cores of {platform.machine()}, {memory_gib():.0f} GB of memory")


def opencv(result: Probe) -> Finding:
    """OpenCV, which reads webcams, cuts crops and encodes JPEGs: required."""
    if not result.problem:
        return Finding("OpenCV", Mark.OK, result.facts[0])
    advice = "on Debian and Ubuntu: sudo apt-get install libgl1 libglib2.0-0"
    return Finding("OpenCV", Mark.FIX, f"cannot be loaded: {result.problem}", advice)


def cameras(found: Sequence[CameraInfo], *, has_v4l2: bool) -> list[Finding]:
    """One finding a webcam. A run without a source takes the first one, or without any the demo."""
    if not found:
        why = "no webcam" if has_v4l2 else "no webcam, nor the system's part for them (Video4Linux)"
        advice = f"plug one in and ask again ({IN_DOCKER}), or give an rtsp:// address or a video to `posestream run`"
        return [Finding("cameras", Mark.NOTE, f"{why}: `posestream run` without a source shows the demo", advice)]
    return [_camera(camera, first=camera is found[0]) for camera in found]


def _camera(camera: CameraInfo, *, first: bool) -> Finding:
    detail = f"{camera.path}: {camera.name}, or by its identity {camera.identity}"
    if camera.problem:
        mark = Mark.FIX if first else Mark.NOTE
        return Finding("camera", mark, f"{camera.path}: {camera.name}: cannot be opened", camera.problem)
    return Finding("camera", Mark.OK, detail)


def shared_memory_room(config: Config) -> Finding:
    """Room for the frames of one camera, and folders of dead runs."""
    place = shared_memory.place()
    room = os.statvfs(place)
    size_mb, free_mb = room.f_blocks * room.f_frsize / 2**20, room.f_bavail * room.f_frsize / 2**20
    needed_mb = needed_bytes(config) / 2**20
    detail = f"{place}: {free_mb:.0f} of {size_mb:.0f} MB are free, a camera takes about {needed_mb:.0f} MB"
    if dead := run_folder.dead():
        detail += f"; dead runs left {len(dead)} folders there, which the next run removes"
    enlarge = (
        f"enlarge it (Docker, which gives 64 MB: --shm-size={shared_memory.RECOMMENDED_MB}m; "
        f"else: mount -o remount,size={shared_memory.RECOMMENDED_MB}m {place})"
    )
    if free_mb < needed_mb:
        return Finding("shared memory", Mark.FIX, detail, enlarge)
    if free_mb < shared_memory.RECOMMENDED_MB:
        return Finding("shared memory", Mark.NOTE, detail, f"for several or larger cameras {enlarge}")
    return Finding("shared memory", Mark.OK, detail)


def needed_bytes(config: Config) -> int:
    """Bytes of shared memory of a run with one camera of the size in [capture]."""
    plan = plan_for(config)
    camera = CameraSpec(name="cam0", source="0", policy="latest", independent_images=False)
    frames = frames_under_way(plan, camera) + SPARE_SLOTS
    frame = Geometry(config.capture.width_px, config.capture.height_px, "bgr24").nbytes
    return slots_of(1, config) * (tensor_bytes(plan, config.preprocess.device) + output_bytes(plan)) + frames * frame


def ports(config: Config) -> list[Finding]:
    """The ports for publishing and for the page: free, or in use."""
    return [_publishing(config.publish.endpoint), _page(config.page.address)]


def _publishing(endpoint: str) -> Finding:
    url = urlsplit(endpoint)
    if url.scheme != "tcp" or not url.netloc.rpartition(":")[2].isdecimal():
        return Finding("publishing", Mark.OK, f"on {endpoint}")
    host, _, port = url.netloc.rpartition(":")
    problem = _bind_problem("" if host in ANY_HOST else host, int(port))
    if problem:
        advice = "end what listens there (another posestream?), or name another with --publish tcp://HOST:PORT"
        return Finding("publishing", Mark.FIX, f"on {endpoint}: {problem}", advice)
    return Finding("publishing", Mark.OK, f"on {endpoint}: free")


def _bind_problem(host: str, port: int) -> str:
    """The reason why the port cannot be bound, with SO_REUSEADDR as ZeroMQ sets it; "" if it can."""
    try:
        socket.create_server((host.strip("[]"), port), family=_family(host)).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _page(text: str) -> Finding:
    if text == "off":
        return Finding("live page", Mark.NOTE, "switched off")
    try:
        address.listen(address.parse(text)).close()
    except UserError as error:
        return Finding("live page", Mark.FIX, str(error), "end what listens there (another posestream?)")
    return Finding("live page", Mark.OK, f"on http://{text}: free")
