"""The cache on disk: its place, whole writes, and locks between processes.

<cache>/sources/<registry>/<package>/<version>/...   published files, checked by sha256
<cache>/onnx/<model>.onnx, .json                     imported networks and ones derived from them, each with a sidecar
<cache>/int8/<model>.xml, .bin, .json                int8 networks for OpenVINO
<cache>/engines/<model>-<digest>.engine, .json       TensorRT's engines, and of RTX .kernels; may be deleted when stale
<cache>/compiled/                                    OpenVINO's own
<cache>/locks/                                       one lock per source and per network
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from posestream.engines.exceptions import FetchError
from posestream.engines.spec import SourceFile, WeightsSource


def directory() -> Path:
    """The cache: $POSESTREAM_CACHE, else posestream in $XDG_CACHE_HOME, else in ~/.cache. It may not exist yet."""
    if own := os.environ.get("POSESTREAM_CACHE"):
        return Path(own)
    xdg = os.environ.get("XDG_CACHE_HOME")
    return (Path(xdg) if xdg else Path.home() / ".cache") / "posestream"


def source_directory(source: WeightsSource) -> Path:
    """The folder of the files of `source`, each under its own path."""
    place = (source.package, source.version) if source.package else (source.files[0].sha256[:16],)
    return directory().joinpath("sources", source.kind, *place)


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Holds the lock `name` of the cache; waits while another process holds it."""
    path = directory() / "locks" / f"{name.replace('/', '_')}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by closing the file, and by the death of the process
        yield


@contextmanager
def writing() -> Iterator[None]:
    """Turns an OSError, of a full disk or a read-only folder, into a FetchError that names the cache."""
    try:
        yield
    except OSError as e:
        raise FetchError(f"{directory()}: {e}: free some space, or set POSESTREAM_CACHE to another folder") from e


def write(path: Path, content: bytes) -> None:
    """Replaces `path` atomically: readers see the old content or the new. The caller holds a lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def write_json(path: Path, facts: Mapping[str, Any]) -> None:
    """`write` for a sidecar."""
    write(path, json.dumps(facts, indent=2).encode())


def read_json(path: Path) -> dict[str, Any]:
    """The content of a sidecar; empty where it is missing or damaged."""
    try:
        facts = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_good(path: Path, published: SourceFile) -> bool:
    """True where the file exists and is the published one."""
    return path.is_file() and sha256_of(path) == published.sha256
