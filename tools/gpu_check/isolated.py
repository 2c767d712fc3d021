"""Runs a unit in a process of its own: a crash, or a call that never returns, costs one unit and not the check.

The process is `python -m tools.gpu_check.isolated TASK FILE`; it writes what it finds into FILE.
"""

import contextlib
import dataclasses
import itertools
import logging
import pkgutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

from posestream.engines.exceptions import PosestreamError
from posestream.stream.run import run_folder
from tools.benchmark.figures import NotMeasuredError
from tools.gpu_check import weight_files
from tools.gpu_check.findings import Findings, Found, read
from tools.gpu_check.schedule import MEASURED_BY
from tools.gpu_check.unit import Bench, Unit

Task: TypeAlias = tuple[Bench, Unit]

DONE = "done"  # the fact that all was measured: what happens to the process from there on is no part of it
GRACE_S = 10.0  # for a unit to end by itself, before and after it is told to
LAST_LINES = 30
_numbers = itertools.count()


def run(bench: Bench, unit: Unit, limit_s: float) -> Found:
    """What the unit found within `limit_s`, or until it crashed. Ctrl-C ends the unit, and goes on to the caller."""
    number, began_s = next(_numbers), time.monotonic()
    written, output = bench.path(f"{number}.jsonl"), bench.path(f"{number}.log")
    task = dataclasses.replace(bench, ends_s=began_s + limit_s), dataclasses.replace(unit, needs=())
    command = [sys.executable, "-X", "faulthandler", "-m", __name__, msgspec.json.encode(task).decode(), str(written)]
    with output.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(limit_s + GRACE_S)
            in_time = process.poll() is not None
        finally:
            _stop(process)
    found = read(written)
    found.seconds = round(time.monotonic() - began_s, 1)
    code = process.returncode
    ended = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    if DONE in found.facts:  # what is left is the interpreter's end, in which a driver may crash or hang
        if code:
            found.notes.append(f"{unit.name}: its process, when done, {ended}")
    elif not in_time:
        found.late = True
        found.missed.append(f"it took longer than the {limit_s:.0f} s that it had")
    elif code:
        lines = output.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        found.problems.append({"reason": f"its process {ended}", "traceback": "\n".join(lines)})
    return found


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ends it if it still runs, first in order; what a run of it left in shared memory goes too."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        process.kill()
        process.wait()
        run_folder.reclaim()


# ---- in the process


def main(arguments: Sequence[str]) -> None:
    """Measures one unit; whatever ends it is written down."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that a run that is under way is stopped in order
    bench, unit = msgspec.json.decode(arguments[0], type=Task)
    found = Findings(Path(arguments[1]))
    logging.basicConfig(level=logging.WARNING, handlers=[_Noting(found)])
    try:
        if unit.network:
            weight_files.use(unit.network)
        pkgutil.resolve_name(f"tools.gpu_check.{MEASURED_BY[unit.part]}")(bench, unit, found)
    except (NotMeasuredError, PosestreamError, ImportError) as error:
        found.write("missed", " ".join(str(error).split()))
    except Exception as error:  # noqa: BLE001
        reason = f"{type(error).__name__}: {error}"
        found.write("problems", {"reason": reason, "traceback": traceback.format_exc()})
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
