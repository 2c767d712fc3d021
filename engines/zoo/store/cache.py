"""The cache on disk: where it is, how files get into it whole, and how two processes share it.

<cache>/sources/<registry>/<package>/<version>/...   files as published, checked by sha256
<cache>/onnx/<model>.onnx, <model>.json              imported networks and forms of them, each with its sidecar
<cache>/int8/<model>.xml, .bin, .json                int8 forms for OpenVINO
<cache>/engines/<model>-<digest>.engine, .json       TensorRT's engines, and of RTX .kernels; what is stale may go
<cache>/compiled/                                    OpenVINO's own
<cache>/locks/                                       one lock a source and one a model
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from posestream.engines.exceptions import FetchError
from posestream.engines.spec import Source, SourceFile


def directory() -> Path:
    """The cache: $POSESTREAM_CACHE, else posestream in $XDG_CACHE_HOME, else in ~/.cache. It may not exist yet."""
    if own := os.environ.get("POSESTREAM_CACHE"):
        return Path(own)
    xdg = os.environ.get("XDG_CACHE_HOME")
    return (Path(xdg) if xdg else Path.home() / ".cache") / "posestream"


def source_directory(source: Source) -> Path:
    """Where the files of `source` lie in the cache, each under its own path."""
    place = (source.package, source.version) if source.package else (source.files[0].sha256[:16],)
    return directory().joinpath("sources", source.kind, *place)


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Holds the lock `name` of the cache, waiting for another process that has it."""
    path = directory() / "locks" / f"{name.replace('/', '_')}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # freed by closing, and by the death of the process
        yield


@contextmanager
def writing() -> Iterator[None]:
    """Turns a full disk or a folder that may not be written into a FetchError that says so."""
    try:
        yield
    except OSError as e:
        raise FetchError(f"{directory()}: {e}: free some space, or set POSESTREAM_CACHE to another folder") from e


def write(path: Path, content: bytes) -> None:
    """Makes `path` with `content`, at once: readers see the old file or the new one. The caller holds a lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_good(path: Path, wanted: SourceFile) -> bool:
    """True where the file is there and is the published one."""
    return path.is_file() and sha256_of(path) == wanted.sha256
