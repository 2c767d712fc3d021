"""From a slot of a frame ring to the GPU: with its pages locked, and without."""

from pathlib import Path

import numpy as np

from engines.cuda.device import Device
from stream.ring import Layout, Ring
from stream.rundir import open_run_dir
from stream.sources.source import Geometry
from tools.benchmark.report import Goal
from tools.gpu_check.bench import Bench
from tools.gpu_check.report import Cell, Held, Part

SLOTS = 4
FASTER = 2.5  # at least
SIZES = {
    "720p": Geometry(1280, 720, "bgr24"),
    "1080p": Geometry(1920, 1080, "bgr24"),
    "4K": Geometry(3840, 2160, "bgr24"),
}


def measure(bench: Bench, _images: Path | None) -> Part:
    """One call copies one frame and waits for it. Raises NotMeasuredError."""
    device = bench.device()
    rows: list[list[Cell]] = []
    with open_run_dir() as folder:
        for name, geometry in SIZES.items():
            ring = Ring.create(folder / name, Layout(SLOTS, geometry.nbytes, 0, geometry))
            for slot in range(SLOTS):
                ring.begin(slot)[:] = np.random.default_rng(slot).integers(0, 256, geometry.nbytes, np.uint8)
                ring.commit(slot, slot)
            rows += _of_ring(bench, device, ring, name)
            ring.close()
    device.close()
    ratio = float(rows[2][4]) / float(rows[3][4])  # type: ignore[arg-type]
    columns = ("frame", "pages", "MB", "GB/s", "p50 ms", "p95 ms", "p99 ms")
    held = Held("1080p: copies from locked pages are faster", ratio, "times", Goal(">=", FASTER))
    what = f"a frame from its ring in shared memory to the GPU, by {device.package}, until it is there"
    return Part(what, columns, rows, (held,))


def _of_ring(bench: Bench, device: Device, ring: Ring, name: str) -> list[list[Cell]]:
    stream, nbytes = device.stream(), ring.layout.slot_bytes
    to, turn = device.allocate(nbytes), 0

    def copy() -> None:
        nonlocal turn
        turn += 1
        stream.copy_in(to, ring.bytes(turn % SLOTS))
        stream.wait()

    def row(pages: str) -> list[Cell]:
        taken_ms = bench.percentiles_ms(copy)
        return [name, pages, nbytes / 1e6, nbytes / taken_ms[0] / 1e6, *taken_ms]

    rows = [row("pageable")]
    device.lock(ring.memory)
    rows.append(row("locked"))
    device.unlock(ring.memory)
    device.free(to)
    return rows
