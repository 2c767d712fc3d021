"""Measures what posestream promises, on this machine, and prints it as tables.

    python -m tools.benchmark [--only NAME] [--repeats N] [--json FILE] [--quick]

--json writes the same figures as

    {"machine": {"cpu", "cores", "memory_gib", "system", "python", "versions"},
     "quick": bool, "repeats": n,
     "load": {"load_before", "load_after", "own_percent", "others_percent", "idle_percent", "stolen_percent"},
     "benchmarks": {NAME: {"what", "notes", "seconds", "load": as above, "figures":
         [{"name", "unit", "median", "min", "max", "repeats": [...], "goal": null or {"bound", "value", "met"}}]}}}

Nothing here passes or fails: figures depend on the machine and on what else it does, which is why its load is in them.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from posestream.stream.errors import UserError
from tools.benchmark.figures import show
from tools.benchmark.host import Load, machine
from tools.optional_packages import MissingPackageError, need


class Benchmark(NamedTuple):
    """A module here with `measure(repeats: int, quick: bool) -> Result`, and what it measures."""

    module: str
    what: str


BENCHMARKS: Mapping[str, Benchmark] = {
    "handoff": Benchmark("handoff", "hand-off of a 1080p frame between two processes, beside ZeroMQ and JPEG"),
    "preprocess": Benchmark("network_inputs", "from a frame's pixels to each network's input"),
    "codecs": Benchmark("decoding", "from a network's outputs to the poses of ten people"),
    "metrics": Benchmark("scoring", "truth and predictions to COCO AP and PCKh, of sets as large as the real ones"),
    "camera": Benchmark("one_camera", "one camera at 30 fps with the default models: rate, latency, drops, CPU"),
    "overhead": Benchmark("overhead", "capture-to-published latency less the work of the stages on its path"),
    "throughput": Benchmark("throughput", "the processes beside the same step functions in one process, at 1080p"),
    "start": Benchmark("start", "from the command to the first pose, and from Ctrl-C to the end"),
}

REPEATS = 3
USAGE = 2


def main(arguments: Sequence[str]) -> int:
    """Runs the benchmarks that were asked for; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.benchmark",
        description="Measures posestream on this machine; for figures worth keeping, let nothing else run on it.",
        epilog="\n".join(f"  {name:12}{what}" for name, (_, what) in BENCHMARKS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", action="append", choices=BENCHMARKS, metavar="NAME", help="one benchmark; repeatable")
    parser.add_argument("--repeats", type=int, default=REPEATS, metavar="N", help=f"of each (default {REPEATS})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument("--quick", action="store_true", help="a second or so of each: shows that it works, no figures")
    args = parser.parse_args(arguments)
    if args.repeats < 1:
        parser.error("--repeats is 1 or more")
    console = Console(width=None if sys.stdout.isatty() else 120)
    try:
        need("psutil")
        report = _measured(args.only or list(BENCHMARKS), args.repeats, args.quick, console)
    except MissingPackageError as error:
        return _refused(str(error), USAGE)
    except UserError as error:
        return _refused(str(error), error.exit_code)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


def _refused(reason: str, code: int) -> int:
    print(f"benchmark: error: {reason}", file=sys.stderr)
    return code


def _measured(names: Sequence[str], repeats: int, quick: bool, console: Console) -> dict[str, Any]:
    about = machine()
    console.print(_line(about), highlight=False)
    before, found = Load.now(), {}
    for name in names:
        began, began_s = Load.now(), time.monotonic()
        result = importlib.import_module(f"tools.benchmark.{BENCHMARKS[name].module}").measure(repeats, quick)
        load = began.until(Load.now())
        found[name] = {**result.plain(), "seconds": round(time.monotonic() - began_s, 1), "load": load}
        show(console, name, result)
        console.print(f"  ({found[name]['seconds']} s; machine: {_line(load)})", highlight=False)
    load = before.until(Load.now())
    console.print(f"\nall: {_line(load)}", highlight=False)
    return {"machine": about, "quick": quick, "repeats": repeats, "load": load, "benchmarks": found}


def _line(facts: Mapping[str, Any]) -> str:
    flat = {**facts, **facts.get("versions", {})}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in flat.items() if name != "versions")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
