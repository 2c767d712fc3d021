"""Runs a unit in a process of its own: a crash, or a call that never returns, costs one unit and not the check."""

import dataclasses
import itertools
import signal
import subprocess
import sys
import time

import msgspec

from posestream.stream.run import run_folder
from tools.gpu_check import findings
from tools.gpu_check.bench import Bench
from tools.gpu_check.child import DONE, Task
from tools.gpu_check.findings import Found
from tools.gpu_check.unit import Unit

GRACE_S = 10.0  # for a unit to end by itself, before and after it is told to
LAST_LINES = 30
_numbers = itertools.count()


def run(bench: Bench, unit: Unit, limit_s: float) -> Found:
    """What the unit found within `limit_s`, or until it crashed. Ctrl-C ends the unit, and goes on to the caller."""
    number, began_s = next(_numbers), time.monotonic()
    written, said = bench.path(f"{number}.jsonl"), bench.path(f"{number}.log")
    task = Task(dataclasses.replace(bench, ends_s=began_s + limit_s), unit)
    command = [sys.executable, "-X", "faulthandler", "-m", "tools.gpu_check.child", msgspec.json.encode(task).decode()]
    with said.open("wb") as log:
        process = subprocess.Popen([*command, str(written)], stdout=log, stderr=log, start_new_session=True)
        try:
            late = not _ended(process, limit_s + GRACE_S)
        finally:
            _stop(process)
    found = findings.read(written)
    found.late = late and DONE not in found.facts
    found.seconds = round(time.monotonic() - began_s, 1)
    if DONE in found.facts:  # what is left is the interpreter's end, in which a driver may crash or hang
        if process.returncode:
            found.notes.append(f"{unit.name}: its process, when done, ended {_how(process.returncode)}")
    elif found.late:
        found.missed.append(f"it took longer than the {limit_s:.0f} s that it had")
    elif process.returncode:
        lines = said.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        found.problems.append(
            {"reason": f"its process ended {_how(process.returncode)}", "traceback": "\n".join(lines)}
        )
    return found


def _ended(process: "subprocess.Popen[bytes]", timeout_s: float) -> bool:
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ends it if it still runs, first in order; what a run of it left in shared memory goes too."""
    if process.poll() is None:
        process.terminate()
        if not _ended(process, GRACE_S):
            process.kill()
            process.wait()
        run_folder.reclaim()


def _how(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
