"""From a slot of a frame ring to the GPU: with its pages locked, and without."""

import numpy as np

from posestream.engines.exceptions import BackendError
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.ipc.ring import Layout, Ring
from posestream.stream.run.run_folder import open_run_dir
from tools.benchmark.figures import Goal
from tools.gpu_check import timing
from tools.gpu_check.bench import Bench
from tools.gpu_check.copying import Copying, copying
from tools.gpu_check.findings import Cell, Findings, Held
from tools.gpu_check.unit import Unit

SLOTS = 4
FASTER = 2.5  # at least
HELD_TO_IT = "1080p"
SIZES = {
    "720p": Geometry(1280, 720, "bgr24"),
    "1080p": Geometry(1920, 1080, "bgr24"),
    "4K": Geometry(3840, 2160, "bgr24"),
}
LOOK = (
    "is the GPU on a full PCIe link (nvidia-smi -q | grep -A8 'GPU Link Info'), and is memory of another socket read?"
)


def measure(bench: Bench, _unit: Unit, found: Findings) -> None:
    """One call copies one frame and waits for it. Raises NotMeasuredError."""
    device = copying(bench)
    found.note(f"By {device.package}, until the frame is there.")
    with open_run_dir() as folder:
        for name, geometry in SIZES.items():
            ring = Ring.create(folder / name, Layout(SLOTS, geometry.nbytes, 0, geometry))
            for slot in range(SLOTS):
                ring.begin(slot)[:] = np.random.default_rng(slot).integers(0, 256, geometry.nbytes, np.uint8)
                ring.commit(slot, slot)
            device.room(geometry.nbytes)
            try:
                _of_ring(bench, device, ring, name, found)
            except BackendError as error:
                found.missed(f"{name}, locked: {error}")
            ring.close()
    device.close()


def _of_ring(bench: Bench, device: Copying, ring: Ring, name: str, found: Findings) -> None:
    """Raises BackendError where the pages cannot be locked."""
    turn, nbytes = 0, ring.layout.slot_bytes

    def copy() -> None:
        nonlocal turn
        turn += 1
        device.copy(ring.bytes(turn % SLOTS))

    def measured(pages: str) -> float:
        p50, p95, p99 = timing.in_turn({pages: copy}, quick=bench.quick)[pages]
        about: dict[str, Cell] = {"frame": name, "pages": pages, "MB": nbytes / 1e6, "GB/s": nbytes / p50 / 1e6}
        found.row({**about, "p50 ms": p50, "p95 ms": p95, "p99 ms": p99})
        return p50

    pageable_ms = measured("pageable")
    device.lock(ring.memory)
    locked_ms = measured("locked")
    device.unlock(ring.memory)
    if name == HELD_TO_IT:
        what = f"{name}: copies from locked pages are faster"
        found.goal(Held(what, pageable_ms / locked_ms, "times", Goal(">=", FASTER), LOOK))
