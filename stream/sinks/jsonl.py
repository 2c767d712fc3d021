"""The JSON Lines sink: published messages of all cameras in one file, a line a frame, in order of publication."""

import contextlib
import os
from pathlib import Path

import msgspec

from posestream.stream.errors import RunError
from posestream.stream.ipc.messages import FrameFacts
from posestream.stream.sinks.sink import StartedFiles


class JsonLines:
    """Writes unbuffered: a kill loses no line, and a full disk leaves no partial line."""

    def __init__(self, path: Path, started_files: StartedFiles) -> None:
        """Does not open the file: a run that fails before its first frame leaves an existing file as it is."""
        self._path = path
        self._started_files = started_files
        self._file: int | None = None

    def write(self, frame: FrameFacts, payload: bytes) -> None:  # noqa: ARG002  (Video needs the frame)
        """Writes the message in `payload` as one line.

        Raises RunError where the file cannot be opened or the disk is full; the file then ends with a whole line.
        """
        if self._file is None:
            self._file = self._opened()
        line = msgspec.json.encode(msgspec.msgpack.decode(payload)) + b"\n"
        whole_bytes = os.fstat(self._file).st_size
        try:
            while line:  # a nearly full disk takes a part, and fails with the reason at the next attempt
                line = line[os.write(self._file, line) :]
        except OSError as error:
            with contextlib.suppress(OSError):  # a pipe cannot be truncated
                os.ftruncate(self._file, whole_bytes)
            raise self._unwritable(error) from None

    def _opened(self) -> int:
        """Truncates the file at its first opening in this run, and appends after a restart."""
        truncate = 0 if self._path in self._started_files else os.O_TRUNC
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | truncate, 0o666)
        except OSError as error:
            raise self._unwritable(error) from None
        self._started_files.add(self._path)
        return file

    def _unwritable(self, error: OSError) -> RunError:
        return RunError(f"{self._path}: cannot be written: {error.strerror}")

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            os.close(self._file)
