"""TensorRT as it is installed here: the full one, or TensorRT-RTX, which has the same Python API.

Serves TensorRT from 10.13 to 11 and RTX from 1.4. Its calls return None or False where they fail and say why in a log:
`checked` turns both into an error of ours.
"""

import importlib
import logging
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from engines.backends.protocol import BackendError

log = logging.getLogger(__name__)

Flavour: TypeAlias = Literal["tensorrt", "tensorrt-rtx"]
_MODULES: tuple[tuple[Flavour, str], ...] = (("tensorrt", "tensorrt"), ("tensorrt-rtx", "tensorrt_rtx"))
_LEAST = (10, 13)  # of the full one: older ones are not always strongly typed, and have other calls


class TensorRTError(BackendError):
    """TensorRT refused a call; the message names it, and says what TensorRT said."""


@dataclass(frozen=True, slots=True)
class TensorRT:
    """The module `api`, which of the two it is, and what it has complained of since the last look."""

    api: Any
    flavour: Flavour
    version: str
    complaints: list[str] = field(default_factory=list)
    logger: Any = None

    def checked(self, result: Any, call: str) -> Any:
        """`result` of `call`, unless it is None or False. Raises TensorRTError with what TensorRT complained of."""
        said, self.complaints[:] = "; ".join(self.complaints), []
        if result is None or result is False:
            raise TensorRTError(f"{self.flavour} {self.version}: {call} failed{f': {said}' if said else ''}")
        return result


def find() -> TensorRT:
    """The full TensorRT where it is installed, else RTX. Raises ImportError where there is none that can be used."""
    problems = []
    for flavour, name in _MODULES:
        try:
            api = importlib.import_module(name)
        except (ImportError, OSError, RuntimeError) as error:  # a library behind it is missing, or of another version
            if not (isinstance(error, ModuleNotFoundError) and error.name == name):
                problems.append(f"{flavour}: {error}")
            continue
        if flavour == "tensorrt" and _numbers(api.__version__) < _LEAST:
            problems.append(f"tensorrt {api.__version__} is too old: 10.13 or newer is needed")
            continue
        complaints: list[str] = []
        return TensorRT(api, flavour, api.__version__, complaints, _logger(api, complaints))
    reason = "; ".join(problems) or "neither tensorrt nor tensorrt-rtx is installed"
    raise ImportError(f"no TensorRT: {reason}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def _logger(api: Any, complaints: list[str]) -> Any:
    """TensorRT's log as ours: errors are kept for the exception that follows them, the rest is for debugging."""
    severity = api.ILogger.Severity

    class Log(api.ILogger):  # type: ignore[misc]
        def log(self, level: Any, message: str) -> None:
            if level in (severity.ERROR, severity.INTERNAL_ERROR):
                complaints.append(" ".join(message.split()))
            else:
                log.debug("%s", message)

    return Log()
