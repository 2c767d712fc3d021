"""What every sink is: a file that the frames' messages, or pictures of them, are written to.

The user's file is valid at any moment: after Ctrl-C, and after the sink was killed. A sink that comes back in the same
run goes on with what it began, and never begins a file anew.
"""

import os
from pathlib import Path
from typing import Protocol

from posestream.stream.errors import ConfigError
from posestream.stream.ipc.messages import Frame

SUFFIXES = {".jsonl": "the published maps, a line a frame", ".mp4": "the video with skeletons drawn"}


class Sink(Protocol):
    """One output."""

    def write(self, frame: Frame, payload: bytes) -> None:
        """Writes one published message, as it was sent; `frame` says where its pixels lie.

        Raises RunError where the file cannot be written.
        """
        ...

    def close(self) -> None:
        """Finishes the file. Raises RunError where that cannot be done."""
        ...


class StartedFiles:
    """The files that a sink began in this run, listed in the run's folder, where the next life of the sink looks."""

    def __init__(self, record: Path) -> None:
        self._record = record
        self._files = set(record.read_text(encoding="utf-8").splitlines()) if record.exists() else set()

    def __contains__(self, file: Path) -> bool:
        return str(file) in self._files

    def add(self, file: Path) -> None:
        """Writes down that `file` was begun; may be said twice."""
        if file not in self:
            self._files.add(str(file))
            with self._record.open("a", encoding="utf-8") as record:
                record.write(f"{file}\n")


def check_output(path: Path) -> None:
    """Raises ConfigError, in one line, where `path` is no output of a known kind or cannot be written."""
    if path.suffix not in SUFFIXES:
        known = " or ".join(f"{suffix} ({what})" for suffix, what in SUFFIXES.items())
        raise ConfigError(f"{path}: an output ends in {known}")
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; name a file")
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: there is no folder {path.parent}; make it, or name another")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigError(f"{path}: cannot be written; name a file in a folder of yours")
