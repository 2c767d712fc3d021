"""The published maps as JSON, a line a frame, of all cameras in one file in the order of their publication."""

import contextlib
import os
from pathlib import Path

import msgspec

from stream.errors import RunError
from stream.messages import Frame
from stream.sinks.sink import Begun


class JsonLines:
    """Nothing is buffered here: a kill loses no line, and a full disk leaves no half one."""

    def __init__(self, path: Path, begun: Begun) -> None:
        """Begins the file, or goes on with it. Raises RunError where it cannot be opened."""
        self._path = path
        anew = 0 if path in begun else os.O_TRUNC
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | anew, 0o666)
        except OSError as error:
            raise self._unwritable(error) from None
        begun.add(path)

    def write(self, frame: Frame, payload: bytes) -> None:  # noqa: ARG002  (a sink of pictures needs the frame)
        """Writes the map in `payload` as one line. Raises RunError where the disk is full, the file then ends whole."""
        line = msgspec.json.encode(msgspec.msgpack.decode(payload)) + b"\n"
        whole_bytes = os.fstat(self._file).st_size
        try:
            while line:  # a disk that is nearly full takes a part, and says why at the next attempt
                line = line[os.write(self._file, line) :]
        except OSError as error:
            with contextlib.suppress(OSError):  # a pipe cannot take back
                os.ftruncate(self._file, whole_bytes)
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> RunError:
        return RunError(f"{self._path}: cannot be written: {error.strerror}")

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)
