"""Measures what posestream promises of GPUs, on this machine, and prints it as tables.

    python -m tools.gpu_check [--only PART] [--gpu N] [--images FOLDER] [--minutes N] [--json FILE] [--quick]

It runs with whatever is there: TensorRT, TensorRT-RTX, or torch alone. --json writes the same figures as

    {"machine": {...}, "found": [what is there and what is missing, in words], "runtimes": [NAME], "quick": bool,
     "seconds": s, "parts": {NAME: {"what", "seconds", "rows": [{COLUMN: value}], "notes": [...],
         "goals": [{"name", "value", "unit", "bound", "goal", "met"}]}
         or {"problem": why it was not measured, "seconds"}}}

Nothing here passes or fails: a goal that is missed is said. It ends with 1 where a part could not be measured, with 3
where there is nothing to measure.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from engines.backends.protocol import BackendError
from engines.zoo.errors import ZooError
from stream.errors import UserError
from tools.benchmark.machine import machine
from tools.gpu_check import agreement, cameras, copies, end_to_end, engines, latency, memory, pipeline
from tools.gpu_check.bench import Bench, look_around
from tools.gpu_check.report import NotMeasuredError, Part, show

PARTS: Mapping[str, tuple[str, Callable[[Bench, Path | None], Part]]] = {
    "engines": ("how long until each network is ready", engines.measure),
    "agreement": ("engines against ONNX Runtime on real crops", agreement.measure),
    "copies": ("frames from their ring to the GPU, pages locked and not", copies.measure),
    "latency": ("raw engine and infer stage at batch 1, 4, 16, 64", latency.measure),
    "pipeline": ("whole runs on the GPU against one on the CPU", pipeline.measure),
    "end-to-end": ("arrival to publication in whole runs", end_to_end.measure),
    "cameras": ("how many cameras of 720p at 30 fps are sustained", cameras.measure),
    "memory": ("the GPU's memory over 10,000 frames", memory.measure),
}
MINUTES = 8.0
NOTHING_THERE = 3


def main(arguments: Sequence[str]) -> int:
    """Runs the parts that were asked for; returns the exit code."""
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
    parser.add_argument("--quick", action="store_true", help="a rehearsal, a call or two of each part; no figures")
    args = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 160)
    about = machine()
    runtimes, gpu, found = look_around(args.gpu, quick=args.quick)
    for line in (f"{about['cpu']}, {about['cores']} cores, {about['system']}", *found):
        console.print(line, highlight=False, markup=False)
    if args.quick:
        console.print("a rehearsal: what it prints are no figures", highlight=False)
    if not runtimes:
        print("gpu_check: error: there is no GPU that TensorRT or torch could use here", file=sys.stderr)
        return NOTHING_THERE
    with tempfile.TemporaryDirectory(prefix="gpu_check.") as folder:
        began_s = time.monotonic()
        bench = Bench(runtimes, gpu, args.quick, Path(folder), began_s + 60 * args.minutes)
        parts = {name: _measured(name, bench, args.images, console) for name in args.only or PARTS}
    seconds = round(time.monotonic() - began_s, 1)
    console.print(f"\nall: {seconds} s", highlight=False)
    if args.json:
        report = {
            "machine": about, "found": found, "runtimes": runtimes, "quick": args.quick, "seconds": seconds,
            "parts": parts,
        }  # fmt: skip
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return int(any("problem" in part for part in parts.values()))


def _measured(name: str, bench: Bench, images: Path | None, console: Console) -> dict[str, Any]:
    """A part as JSON has it, shown too; or why it was not measured."""
    began_s = time.monotonic()
    try:
        if began_s > bench.ends_s:
            raise NotMeasuredError(f"no time was left: ask for it alone, with --only {name}")
        with console.status(f"{name}: {PARTS[name][0]}"):
            part = PARTS[name][1](bench, images)
    except (NotMeasuredError, UserError, BackendError, ZooError, ImportError) as error:
        console.print(f"\n[bold]{name}[/bold]: not measured: {error}", highlight=False)
        return {"problem": str(error), "seconds": round(time.monotonic() - began_s, 1)}
    show(console, name, part)
    seconds = round(time.monotonic() - began_s, 1)
    console.print(f"  ({seconds} s)", highlight=False)
    return {**part.plain(), "seconds": seconds}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
