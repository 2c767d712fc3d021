"""The installed TensorRT: the full one, or TensorRT-RTX, which has the same Python API.

Works with TensorRT 10.13 to 11 and RTX from 1.4. Their calls report failure by returning None or False, or by pybind's
exceptions, and write the reason to a log: `TensorRT.call` turns all of it into a TensorRTError.
"""

import importlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from posestream.engines.exceptions import BackendError

log = logging.getLogger(__name__)

Flavour: TypeAlias = Literal["tensorrt", "tensorrt-rtx"]
_MODULES: tuple[tuple[Flavour, str, tuple[int, int]], ...] = (
    ("tensorrt", "tensorrt", (10, 13)),  # older ones are not always strongly typed, and have other calls
    ("tensorrt-rtx", "tensorrt_rtx", (1, 4)),
)
"""Flavour, Python module, and the oldest version that works."""

_NO_OBJECT = "returned nullptr"
"""In the TypeError that pybind raises where a constructor failed."""

_ADVICE = "install posestream[tensorrt], or for RTX GPUs posestream[tensorrt-rtx], as the README says"


class TensorRTError(BackendError):
    """A call of TensorRT failed; the message has the call, and the reason from TensorRT's log."""


@dataclass(frozen=True, slots=True)
class LogTail:
    """TensorRT's log since the last call; some versions log the reason of a failure as a warning."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def clear(self) -> None:
        """Empties it."""
        self.errors.clear()
        self.warnings.clear()


@dataclass(frozen=True, slots=True)
class TensorRT:
    """The Python module `api`, its flavour and version, and the tail of its log."""

    api: Any
    flavour: Flavour
    version: str
    log_tail: LogTail = field(default_factory=LogTail)
    logger: Any = None

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The result of a function, or of a class, of TensorRT. Raises TensorRTError where the call fails."""
        result = self._result(function, arguments)
        if result is None or result is False or (type(result) is int and result < 0):
            raise self._error(function, arguments)
        return result

    def call_void(self, function: Callable[..., Any], *arguments: Any) -> None:
        """`call` for functions that return nothing, or whose False is no failure."""
        self._result(function, arguments)

    def _result(self, function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        self.log_tail.clear()
        try:
            return function(*arguments)
        except (TypeError, ValueError, RuntimeError) as error:
            if isinstance(error, TypeError) and _NO_OBJECT not in str(error):
                raise  # wrong arguments: a bug of ours
            raise self._error(function, arguments, str(error).split("\n")[0]) from error

    def _error(self, function: Callable[..., Any], arguments: Sequence[Any], raised: str = "") -> TensorRTError:
        shown = ", ".join(repr(each) for each in arguments if isinstance(each, (str, tuple, list)))
        reason = "; ".join(self.log_tail.errors or self.log_tail.warnings[-1:] or [raised])
        call = f"{function.__name__}({shown})" if shown else function.__name__
        return TensorRTError(f"{self.flavour} {self.version}: {call} failed{f': {reason}' if reason else ''}")


def find() -> TensorRT:
    """The full TensorRT where it is installed, else RTX. Raises ImportError where neither can be used."""
    problems = []
    for flavour, name, min_version in _MODULES:
        try:
            api = importlib.import_module(name)
        except (ImportError, OSError, RuntimeError) as error:  # a library behind it is missing, or of another version
            if not (isinstance(error, ModuleNotFoundError) and error.name == name):
                problems.append(f"{flavour}: {error}")
            continue
        if _version(api.__version__) < min_version:
            needed = ".".join(map(str, min_version))
            problems.append(f"{flavour} {api.__version__} is too old: {needed} or newer is needed")
            continue
        log_tail = LogTail()
        return TensorRT(api, flavour, api.__version__, log_tail, _logger(api, log_tail))
    reason = "; ".join(problems) or "neither tensorrt nor tensorrt-rtx is installed"
    raise ImportError(f"no TensorRT: {reason}; {_ADVICE}")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])


def _logger(api: Any, log_tail: LogTail) -> Any:
    """Sends TensorRT's log to ours at debug level, and keeps its errors and warnings for exceptions."""
    severity = api.ILogger.Severity
    kept = {
        severity.ERROR: log_tail.errors,
        severity.INTERNAL_ERROR: log_tail.errors,
        severity.WARNING: log_tail.warnings,
    }

    class Log(api.ILogger):  # type: ignore[misc]
        def log(self, level: Any, message: str) -> None:
            line = " ".join(message.split())
            if level in kept:
                kept[level].append(line)
            log.debug("%s", line)

    return Log()
