"""The interface of sinks: an output file of published messages, or of their frames.

The file is valid at any moment: after Ctrl-C, and after the sink was killed. A sink that is restarted continues the
files that it started in the run, and never overwrites them.
"""

import os
from pathlib import Path
from typing import Protocol

from posestream.stream.errors import ConfigError
from posestream.stream.ipc.messages import FrameFacts

SUFFIXES = {".jsonl": "the published maps, a line a frame", ".mp4": "the video with skeletons drawn"}


class Sink(Protocol):
    """One output."""

    def write(self, frame: FrameFacts, payload: bytes) -> None:
        """Writes one published message, MessagePack as it was sent; `frame` gives the place of its pixels.

        Raises RunError where the file cannot be written.
        """
        ...

    def close(self) -> None:
        """Finishes the file. Raises RunError where it cannot be written."""
        ...


class StartedFiles:
    """The files that a sink has started in this run, recorded in the run's folder for the sink after a restart."""

    def __init__(self, record: Path) -> None:
        self._record = record
        self._files = set(record.read_text(encoding="utf-8").splitlines()) if record.exists() else set()

    def __contains__(self, file: Path) -> bool:
        return str(file) in self._files

    def add(self, file: Path) -> None:
        """Records that `file` is started; idempotent."""
        if file not in self:
            self._files.add(str(file))
            with self._record.open("a", encoding="utf-8") as record:
                record.write(f"{file}\n")


def check_output(path: Path) -> None:
    """Raises ConfigError where `path` has an unknown suffix or cannot be written."""
    if path.suffix not in SUFFIXES:
        known = " or ".join(f"{suffix} ({what})" for suffix, what in SUFFIXES.items())
        raise ConfigError(f"{path}: an output ends in {known}")
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; name a file")
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: there is no folder {path.parent}; make it, or name another")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigError(f"{path}: cannot be written; name a file in a folder of yours")
