"""`posestream doctor`: checks what a run needs on this machine, with advice about what is missing."""

import argparse
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from posestream.stream import config
from posestream.stream.doctor import machine, runtimes, supplies
from posestream.stream.doctor.finding import Finding, Mark
from posestream.stream.doctor.probes import PROBES, probe
from posestream.stream.sources.webcam.v4l2 import has_v4l2, list_cameras

STYLES = {Mark.OK: "green", Mark.NOTE: "yellow", Mark.FIX: "bold red"}
LEGEND = "ok: works · note: a run works without it · fix: must be fixed before a plain `posestream run` works"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `posestream doctor`."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="check for a run with these settings")


def run(args: argparse.Namespace) -> int:
    """Prints the findings; returns 0 if a plain `posestream run` works, else 1. Raises ConfigError."""
    findings = examine(config.load(args.config))
    show(findings)
    return 1 if any(finding.mark is Mark.FIX for finding in findings) else 0


def examine(settings: config.Config) -> list[Finding]:
    """Findings about everything that a run with these settings needs or can use on this machine."""
    with ThreadPoolExecutor() as threads:
        results = dict(zip(PROBES, threads.map(probe, PROBES), strict=True))
    found = list_cameras()
    return [
        machine.python(),
        machine.processor(),
        machine.opencv(results["opencv"]),
        *machine.cameras(found, has_v4l2=has_v4l2()),
        machine.shared_memory_room(settings),
        *machine.ports(settings),
        *runtimes.runtimes(results["openvino"], results["onnxruntime"]),
        runtimes.gpu(results["cuda"], results["tensorrt"]),
        runtimes.extras(),
        *supplies.supplies(settings, demo=not found),
    ]


def show(findings: Sequence[Finding]) -> None:
    """Prints a line a finding, with the advice below it, then the verdict."""
    console = Console(highlight=False)
    console.width = console.width if console.is_terminal else 200
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        advice = (
            Text(f"\n→ {finding.advice}", style="bold" if finding.mark is Mark.FIX else "") if finding.advice else ""
        )
        table.add_row(
            Text(finding.mark, style=STYLES[finding.mark]), finding.topic, Text(finding.detail).append(advice)
        )
    console.print(table)
    console.print(f"\n{LEGEND}\n{verdict(findings)}", markup=False)


def verdict(findings: Iterable[Finding]) -> str:
    """One sentence: the topics to fix, if any."""
    broken = [finding.topic for finding in findings if finding.mark is Mark.FIX]
    if broken:
        return f"To fix before `posestream run` works: {', '.join(dict.fromkeys(broken))}."
    return "All that `posestream run` needs is here."
