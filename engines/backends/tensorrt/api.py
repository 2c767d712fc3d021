"""TensorRT as it is installed here: the full one, or TensorRT-RTX, which has the same Python API.

Serves TensorRT from 10.13 to 11 and RTX from 1.4. Its calls return None or False where they fail, or raise what pybind
has for that, and say why in a log: `called` turns all of it into an error of ours.
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
"""Each with its module, and the oldest version that will do."""

_NOTHING_MADE = "returned nullptr"
"""What pybind says in its TypeError where a constructor failed."""

_ADVICE = "install posestream[tensorrt], or for RTX GPUs posestream[tensorrt-rtx], as the README says"


class TensorRTError(BackendError):
    """TensorRT refused a call; the message names it, and says what TensorRT said."""


@dataclass(frozen=True, slots=True)
class Said:
    """What TensorRT has logged; some versions log the reason of a failure as a warning."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def clear(self) -> None:
        """Forgets it."""
        self.errors.clear()
        self.warnings.clear()


@dataclass(frozen=True, slots=True)
class TensorRT:
    """The module `api`, which of the two it is, and what it has said in its log since the last call."""

    api: Any
    flavour: Flavour
    version: str
    said: Said = field(default_factory=Said)
    logger: Any = None

    def called(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function, or a class, of TensorRT gives for these arguments. Raises TensorRTError where it refuses."""
        result = self._tried(function, arguments)
        if result is None or result is False or (type(result) is int and result < 0):
            raise self._refused(function, arguments)
        return result

    def done(self, function: Callable[..., Any], *arguments: Any) -> None:
        """`called` for what gives nothing."""
        self._tried(function, arguments)

    def _tried(self, function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        self.said.clear()
        try:
            return function(*arguments)
        except (TypeError, ValueError, RuntimeError) as error:
            if isinstance(error, TypeError) and _NOTHING_MADE not in str(error):
                raise  # wrong arguments: a bug of ours
            raise self._refused(function, arguments, str(error).split("\n")[0]) from error

    def _refused(self, function: Callable[..., Any], arguments: Sequence[Any], raised: str = "") -> TensorRTError:
        about = ", ".join(repr(each) for each in arguments if isinstance(each, (str, tuple, list)))
        why = "; ".join(self.said.errors or self.said.warnings[-1:] or [raised])
        call = f"{function.__name__}({about})" if about else function.__name__
        return TensorRTError(f"{self.flavour} {self.version}: {call} failed{f': {why}' if why else ''}")


def find() -> TensorRT:
    """The full TensorRT where it is installed, else RTX. Raises ImportError where there is none that can be used."""
    problems = []
    for flavour, name, least in _MODULES:
        try:
            api = importlib.import_module(name)
        except (ImportError, OSError, RuntimeError) as error:  # a library behind it is missing, or of another version
            if not (isinstance(error, ModuleNotFoundError) and error.name == name):
                problems.append(f"{flavour}: {error}")
            continue
        if _numbers(api.__version__) < least:
            problems.append(f"{flavour} {api.__version__} is too old: {least[0]}.{least[1]} or newer is needed")
            continue
        said = Said()
        return TensorRT(api, flavour, api.__version__, said, _logger(api, said))
    reason = "; ".join(problems) or "neither tensorrt nor tensorrt-rtx is installed"
    raise ImportError(f"no TensorRT: {reason}; {_ADVICE}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def _logger(api: Any, said: Said) -> Any:
    """TensorRT's log as ours, for debugging; what may be the reason of a failure is kept for the exception."""
    severity = api.ILogger.Severity
    kept = {severity.ERROR: said.errors, severity.INTERNAL_ERROR: said.errors, severity.WARNING: said.warnings}

    class Log(api.ILogger):  # type: ignore[misc]
        def log(self, level: Any, message: str) -> None:
            line = " ".join(message.split())
            if level in kept:
                kept[level].append(line)
            log.debug("%s", line)

    return Log()
