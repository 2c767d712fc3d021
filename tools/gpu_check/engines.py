"""How long it takes until each network is ready: the engines are built here, and found by the parts behind."""

import time
from pathlib import Path

from engines.backends.protocol import BackendError
from engines.load import Device
from engines.zoo.catalogue import find
from engines.zoo.forms import Precision
from tools.gpu_check.bench import Bench, network_file
from tools.gpu_check.report import Cell, NotMeasuredError, Part

NEEDED: tuple[tuple[str, Precision], ...] = (
    ("nanodet", "fp16"),
    ("movenet-thunder", "fp16"),
    ("nanodet", "fp32"),
    ("movenet-thunder", "fp32"),
    ("rtmpose-m", "fp16"),
    ("hrnet-w32", "fp16"),
)
"""What the other parts run, those first that most of them need."""


def measure(bench: Bench, _images: Path | None) -> Part:
    """Each engine, once. Raises NotMeasuredError."""
    if "tensorrt" not in bench.runtimes:
        raise NotMeasuredError("there is no TensorRT; torch builds nothing")
    runtime: Device = "tensorrt"
    rows: list[list[Cell]] = []
    notes = ["From the ONNX file to an engine that is built, or found, and loaded. Engines are kept for later runs."]
    for name, precision in bench.in_time(NEEDED[: 4 if bench.quick else None], notes):
        spec = find(name)
        began_s = time.monotonic()
        try:
            backend = bench.backend(spec, network_file(spec)[0], runtime, precision)
        except (NotMeasuredError, BackendError) as problem:
            notes.append(f"{name}, {precision}: {problem}")
            continue
        rows.append([name, precision, time.monotonic() - began_s])
        backend.close()
    if not rows:
        raise NotMeasuredError("; ".join(notes[1:]))
    sizes = ", ".join(map(str, bench.sizes))
    return Part(f"networks made ready for batches of {sizes}", ("network", "precision", "s"), rows, (), notes)
