"""How long a call takes: the raw engine, and the step of the infer stage about it, from tensors and from frames.

A step is what infer does for one call: a slot of the output ring begun, its arrays laid out, the backend run, numbers
checked, the input found intact, the slot committed. Not in it: messages, and the choice of jobs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.backends.protocol import FromFrames
from posestream.engines.batches import FrameBatch
from posestream.engines.exceptions import BackendError
from posestream.engines.geometry import crop_around
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import find
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.ipc.ring import Layout, Ring
from posestream.stream.run.run_folder import open_run_dir
from posestream.stream.stages.infer import runner
from posestream.stream.stages.infer.infer import are_numbers
from tools.benchmark.figures import Goal
from tools.gpu_check import timing
from tools.gpu_check.bench import Bench, Measured, image_shape
from tools.gpu_check.findings import Cell, Findings, Held
from tools.gpu_check.unit import Unit

PEOPLE = 4  # in a frame
MOST_RATIO = 1.15
MOST_JOINTS = 133
CAMERA = Geometry(1280, 720, "bgr24")
LOOK = "does a note here say 'no graph' or that pages cannot be locked; do the clocks hold (nvidia-smi -q -d CLOCK)?"


@dataclass(frozen=True, slots=True)
class Rings:
    """In shared memory, their pages locked where that is allowed: tensors and their outputs, frames and theirs."""

    tensors: Ring
    outputs: Ring
    frames: Ring
    found: Ring

    def __iter__(self) -> Iterator[Ring]:
        return iter((self.tensors, self.outputs, self.frames, self.found))


def measure(bench: Bench, unit: Unit, found: Findings) -> None:
    """A network on a runtime, at each size of batch."""
    spec = find(unit.network)
    backend = bench.backend(unit.network, unit.runtime, unit.precision, frames=True)
    found.note(f"{unit.name}: {backend.device}.")
    found.note(
        "raw: the engine alone, its images on the GPU. stage: infer's step, from tensors in their ring to outputs in "
        "theirs: slots begun and committed, numbers checked, the input found intact; no messages. frames: the same "
        "from frames of 720p, four people each, to keypoints where the GPU finds them."
    )
    for size in bench.sizes:
        with _rings(backend, spec, size, found) as rings:
            taken = timing.in_turn(_calls(backend, spec, size, rings), quick=bench.quick)
        raw_ms = taken["raw"][0]
        for what, (p50, p95, p99) in taken.items():
            about: dict[str, Cell] = {"runtime": unit.runtime, "network": unit.network, "batch": size, "what": what}
            over = None if what == "raw" else p50 / raw_ms
            found.row({**about, "p50 ms": p50, "p95 ms": p95, "p99 ms": p99, "of raw": over})
            if over is not None:
                name = f"{unit.name}, batch {size}: {what} p50 over raw p50"
                found.goal(Held(name, over, "times", Goal("<", MOST_RATIO), LOOK))
    backend.close()


@contextmanager
def _rings(backend: Measured, spec: ModelSpec, size: int, found: Findings) -> Iterator[Rings]:
    tensor_bytes = int(np.prod(image_shape(spec, size))) * np.dtype(spec.input.tensor.dtype).itemsize
    with open_run_dir() as folder:
        rings = Rings(
            Ring.create(folder / "tensors", Layout(1, tensor_bytes)),
            Ring.create(folder / "outputs", Layout(1, _output_bytes(backend, spec, size))),
            Ring.create(folder / "frames", Layout(_frames(size), CAMERA.nbytes, 0, CAMERA)),
            Ring.create(folder / "found", Layout(_frames(size), _output_bytes(backend, spec, PEOPLE))),
        )
        locked: list[Ring] = []
        for ring in rings:
            try:
                backend.lock(ring.memory)
                locked.append(ring)
            except BackendError as error:
                found.note(f"Pages are not locked, so copies take longer: {error}")
        yield rings
        for ring in locked:
            backend.unlock(ring.memory)
        for ring in rings:
            ring.close()


def _output_bytes(backend: Measured, spec: ModelSpec, count: int) -> int:
    """Of what the network gives for so many images, or of their keypoints, as many as any network has."""
    shapes = (*backend.output_shapes(image_shape(spec, count)), (count, MOST_JOINTS, 3))
    return sum(64 + 4 * int(np.prod(shape)) for shape in shapes)


def _calls(backend: Measured, spec: ModelSpec, size: int, rings: Rings) -> dict[str, Callable[[], object]]:
    calls: dict[str, Callable[[], object]] = {
        "raw": backend.inference_only(image_shape(spec, size)),
        "stage": _from_tensors(backend, spec, size, rings),
    }
    if isinstance(backend, FromFrames):
        calls["frames"] = _from_frames(backend, spec, size, rings)
    return calls


def _from_tensors(backend: Measured, spec: ModelSpec, size: int, rings: Rings) -> Callable[[], object]:
    shape, dtypes = image_shape(spec, size), [output.dtype for output in spec.outputs]
    rings.tensors.begin(0)
    rings.tensors.array(0, spec.input.tensor.dtype, shape)[:] = np.random.default_rng(0).integers(0, 256, shape)
    generation = rings.tensors.commit(0, 0)

    def step() -> None:
        rings.outputs.begin(0)
        arrays = rings.outputs.arrays(0, dtypes, backend.output_shapes(shape))
        images = rings.tensors.array(0, spec.input.tensor.dtype, shape)
        runner.step(backend, [images], [arrays])
        _conclude([arrays], [rings.tensors.intact(0, generation)], rings.outputs)

    return step


def _from_frames(backend: FromFrames, spec: ModelSpec, size: int, rings: Rings) -> Callable[[], object]:
    """`size` people in frames of four: noise takes as long as people do."""
    size_hw = spec.input.size_hw
    assert size_hw is not None, f"{spec.name} takes no crops"
    slots = range(_frames(size))
    generations, regions = [], []
    for slot in slots:
        rings.frames.begin(slot)[:] = np.random.default_rng(slot).integers(0, 256, CAMERA.nbytes, np.uint8)
        generations.append(rings.frames.commit(slot, slot))
        people = _quarters()[: min(PEOPLE, size - slot * PEOPLE)]
        regions.append([crop_around(box, spec.input, 1.0) for box in people])
    dtypes = ["float32"] if backend.decodes else [output.dtype for output in spec.outputs]

    def step() -> None:
        arrays, batches = [], []
        for slot in slots:
            rings.found.begin(slot)
            shapes = backend.frame_shapes(image_shape(spec, len(regions[slot])))
            arrays.append(rings.found.arrays(slot, dtypes, shapes))
            batches.append(FrameBatch(rings.frames.picture(slot), "bgr24", regions[slot], size_hw, arrays[-1]))
        backend.run_frames(batches)
        intact = [rings.frames.intact(slot, generations[slot]) for slot in slots]
        _conclude(arrays, intact, rings.found)

    return step


def _conclude(arrays: Sequence[Sequence[NDArray[Any]]], intact: Sequence[bool], outputs: Ring) -> None:
    """What infer does with each job when the network has run."""
    for slot, (found, whole) in enumerate(zip(arrays, intact, strict=True)):
        are_numbers(found)
        assert whole, "nobody writes here"
        outputs.commit(slot, slot)


def _frames(size: int) -> int:
    return -(-size // PEOPLE)


def _quarters() -> list[tuple[float, float, float, float]]:
    """Where the four people of a frame stand: left, top, right, bottom."""
    width, height = CAMERA.width / 2, CAMERA.height / 2
    return [(x, y, x + width, y + height) for y in (0, height) for x in (0, width)]
