"""Measures what posestream promises of GPUs, on this machine, and prints it as tables.

    python -m tools.gpu_check [--only PART] [--gpu N] [--images FOLDER] [--minutes N] [--json FILE] [--quick]

It runs with whatever is there: TensorRT, TensorRT-RTX, or torch alone. Each unit of work has a process of its own, so
that what crashes or hangs costs one unit. --json writes the figures after each of them, as

    {"schema": 2, "commit", "dirty", "date", "command", "arguments", "machine": {...}, "gpu": {...} or null,
     "versions": {...}, "complete": bool, "quick": bool, "seconds": s, "runtimes": [NAME],
     "found": [what is there and what is missing, in words],
     "summary": {"goals": n, "met": n, "missed": [goal], "not_measured": [what: why]},
     "parts": {NAME: {"what", "seconds", "rows": [{COLUMN: value}], "notes": [...],
         "not_measured": [{"what", "why"}],
         "goals": [{"name", "value", "unit", "bound", "goal", "met", "look": what to look at where it is missed}],
         "problem" and "traceback" where something failed that nobody foresaw}}}

Nothing here passes or fails: a goal that is missed is said. A rehearsal (--quick) has no verdicts. It ends with 1 where
a part has nothing to show, or something failed that nobody foresaw, with 2 for a wrong argument, with 3 where there is
nothing to measure, with 130 after Ctrl-C.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tools.gpu_check import inventory
from tools.gpu_check.check import Check
from tools.gpu_check.check_report import Report, show
from tools.gpu_check.schedule import PARTS, asked_for, units
from tools.gpu_check.unit import Bench

MINUTES = 7.5  # and what is under way then ends, under 8
WRONG_ARGUMENT, NOTHING_THERE, STOPPED = 2, 3, 130
WIDTH = 100  # where the output is no terminal


def main(arguments: Sequence[str]) -> int:
    """Runs the parts that were asked for; returns the exit code."""
    args = _arguments(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # a unit that is under way is ended, what there is is shown
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    try:
        gpu, line = inventory.gpu_of(args.gpu)
        given = {name: str(value) if isinstance(value, Path) else value for name, value in vars(args).items()}
        report = Report(args.json, inventory.about(gpu, given), quick=args.quick)
    except inventory.NoSuchGpuError as error:
        return _refused(str(error), WRONG_ARGUMENT)
    except OSError as error:
        return _refused(f"--json: {error}", WRONG_ARGUMENT)
    machine = report.content["machine"]
    report.found.append(line)
    _print_lines(console, [f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}", line])
    ends_s = time.monotonic() + 60 * args.minutes
    with tempfile.TemporaryDirectory(prefix="gpu_check.") as folder:
        bench = Bench(gpu, args.quick, folder, str(args.images.resolve()) if args.images else "")
        try:
            code = _measured(bench, Check(bench, ends_s, report, console), report, console, args.only or list(PARTS))
        except KeyboardInterrupt:
            code = STOPPED
    if code != NOTHING_THERE:
        show(console, report)
    report.write()
    return code


def _measured(bench: Bench, check: Check, report: Report, console: Console, wanted: Sequence[str]) -> int:
    """Tries the runtimes, measures with those that run; the exit code."""
    if bench.gpu or bench.quick:
        report.content["runtimes"] = inventory.runtimes(check, report, bench)
    _print_lines(console, report.found[1:])
    if not report.content["runtimes"]:
        return _refused("there is no GPU that TensorRT or torch could use here", NOTHING_THERE)
    check.run(asked_for(wanted, units(bench, report.content["runtimes"])), one_part=len(wanted) == 1)
    report.complete = True
    parts = [report.parts[name] for name in wanted if name in report.parts]
    return int(any("problem" in part or not part["rows"] for part in parts))


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.gpu_check",
        description="Measures posestream on this machine's GPU; let nothing else run on it meanwhile.",
        epilog="\n".join(f"  {name:12}{what}" for name, (what, _) in PARTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help="one part; repeatable")
    parser.add_argument("--gpu", type=int, default=0, metavar="N", help="which GPU, by its number (default 0)")
    parser.add_argument("--images", type=Path, metavar="FOLDER", help="photographs of people, instead of the demo's")
    parser.add_argument("--minutes", type=float, default=MINUTES, metavar="N", help=f"at most (default {MINUTES:g})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument("--quick", action="store_true", help="a rehearsal, a call or two of each part; no verdicts")
    return parser.parse_args(arguments)


def _refused(reason: str, code: int) -> int:
    print(f"gpu_check: error: {reason}", file=sys.stderr)
    return code


def _print_lines(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(line, highlight=False, markup=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
