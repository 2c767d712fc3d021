"""The process of one unit: `python -m tools.gpu_check.child TASK FILE`. It writes what it finds into FILE."""

import importlib
import logging
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import msgspec

from posestream.engines.exceptions import BackendError, WeightsError
from posestream.stream.errors import UserError
from tools.gpu_check import weights
from tools.gpu_check.bench import Bench
from tools.gpu_check.findings import Findings, NotMeasuredError
from tools.gpu_check.unit import Unit

DONE = "done"
"""The fact that says that all was measured: what happens to the process from there on is no part of it."""


class Task(msgspec.Struct, frozen=True):
    """What the child is told."""

    bench: Bench
    unit: Unit


def main(arguments: Sequence[str]) -> None:
    """Measures one unit; whatever ends it is written down."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that a run that is under way is stopped in order
    task = msgspec.json.decode(arguments[0], type=Task)
    found = Findings(Path(arguments[1]))
    logging.basicConfig(level=logging.WARNING, handlers=[_Noting(found)])
    try:
        if task.unit.network:
            weights.use(task.unit.network)
        module = importlib.import_module(f"tools.gpu_check.{task.unit.part.replace('-', '_')}")
        module.measure(task.bench, task.unit, found)
    except (NotMeasuredError, UserError, BackendError, WeightsError, ImportError) as error:
        found.missed(" ".join(str(error).split()))
    except Exception as error:  # noqa: BLE001
        found.problem(f"{type(error).__name__}: {error}", traceback.format_exc())
    found.fact(DONE, True)


class _Noting(logging.Handler):
    """Warnings, such as "without a CUDA graph", say why a figure is what it is: they are notes."""

    def __init__(self, found: Findings) -> None:
        super().__init__()
        self.found = found

    def emit(self, record: logging.LogRecord) -> None:
        self.found.note(record.getMessage())


if __name__ == "__main__":
    main(sys.argv[1:])
