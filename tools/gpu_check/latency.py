"""How long a network takes until it is ready, and a call: the raw engine, and infer's step, from tensors and frames.

A step is what infer does for one call: a slot of the output ring begun, its arrays laid out, the backend run, numbers
checked, the input found intact, the slot committed. Not in it: messages, and the choice of jobs.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.backends.protocol import FromFrames
from posestream.engines.batches import Batch, FrameBatch
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
from tools.benchmark.timing import Call, in_turn
from tools.gpu_check.findings import Cell, Findings
from tools.gpu_check.unit import Bench, GpuBackend, Unit, image_shape

PEOPLE = 4  # in a frame
OVER_RAW = Goal("<", 1.15)
MAX_JOINTS = 133  # of any network
CAMERA = Geometry(1280, 720, "bgr24")
WHAT = (
    "raw: the engine alone, its images on the GPU. stage: infer's step, from tensors in their ring to outputs in "
    "theirs: slots begun and committed, numbers checked, the input found intact; no messages. frames: the same "
    "from frames of 720p, four people each, to keypoints where the GPU finds them."
)
LOOK = "does a note here say 'no graph' or that pages cannot be locked; do the clocks hold (nvidia-smi -q -d CLOCK)?"


def until_ready(bench: Bench, unit: Unit, found: Findings) -> None:
    """Makes a network ready for all sizes of batch, and runs it once. Raises NotMeasuredError, BackendError.

    TensorRT builds its engine or finds it, torch makes its graphs.
    """
    spec = find(unit.network)
    began_s = time.monotonic()
    backend = bench.backend(unit)
    ready_s = time.monotonic() - began_s
    images = np.zeros(image_shape(spec, 1), spec.input.tensor.dtype)
    outputs = [np.empty(shape, np.float32) for shape in backend.output_shapes(images.shape)]
    backend.run([Batch(images, outputs)])
    found.row({"runtime": unit.runtime, "network": unit.network, "precision": unit.precision, "s": ready_s})
    found.note(f"{unit.network}, {unit.precision}: {backend.device}.")
    backend.close()


def of_calls(bench: Bench, unit: Unit, found: Findings) -> None:
    """A network on a runtime, at each size of batch. Raises NotMeasuredError, BackendError."""
    backend = bench.backend(unit, frames=True)
    found.note(f"{unit.name}: {backend.device}.")
    found.note(WHAT)
    for size in bench.sizes:
        with open_run_dir() as folder:
            rig = _Rig(backend, find(unit.network), size, folder, found)
            taken = in_turn(rig.calls(), quick=bench.quick)
            rig.close()
        raw_ms = taken["raw"]["p50 ms"]
        for what, times in taken.items():
            over = None if what == "raw" else times["p50 ms"] / raw_ms
            about: dict[str, Cell] = {"runtime": unit.runtime, "network": unit.network, "batch": size, "what": what}
            found.row(about, times, {"of raw": over})
            if over is not None:
                found.goal(f"{unit.name}, batch {size}: {what} p50 over raw p50", over, "times", OVER_RAW, LOOK)
    backend.close()


@dataclass(frozen=True, slots=True)
class _Rig:
    """A backend between rings in shared memory, as infer has it, at one size of batch."""

    backend: GpuBackend
    spec: ModelSpec
    size: int
    folder: Path
    found: Findings
    rings: list[Ring] = field(default_factory=list)
    locked: list[Ring] = field(default_factory=list)

    def calls(self) -> dict[str, Call]:
        """What is timed, by name."""
        calls: dict[str, Call] = {
            "raw": self.backend.inference_only(image_shape(self.spec, self.size)),
            "stage": self.from_tensors(),
        }
        if isinstance(self.backend, FromFrames):
            calls["frames"] = self.from_frames(self.backend)
        return calls

    def from_tensors(self) -> Callable[[], None]:
        """A batch of images in one slot."""
        backend, shape, dtype = self.backend, image_shape(self.spec, self.size), self.spec.input.tensor.dtype
        dtypes = [output.dtype for output in self.spec.outputs]
        tensors = self.ring("tensors", Layout(1, int(np.prod(shape)) * np.dtype(dtype).itemsize))
        outputs = self.ring("outputs", Layout(1, self.output_bytes(self.size)))
        tensors.begin(0)
        tensors.array(0, dtype, shape)[:] = np.random.default_rng(0).integers(0, 256, shape)
        generation = tensors.commit(0, 0)

        def step() -> None:
            outputs.begin(0)
            arrays = outputs.arrays(0, dtypes, backend.output_shapes(shape))
            runner.step(backend, [tensors.array(0, dtype, shape)], [arrays])
            _conclude([arrays], [tensors.intact(0, generation)], outputs)

        return step

    def from_frames(self, backend: FromFrames) -> Callable[[], None]:
        """As many people in frames of four: noise takes as long as people do."""
        spec, size_hw = self.spec, self.spec.input.size_hw
        assert size_hw is not None, f"{spec.name} takes no crops"
        slots = range(-(-self.size // PEOPLE))
        frames = self.ring("frames", Layout(len(slots), CAMERA.nbytes, 0, CAMERA))
        keypoints = self.ring("keypoints", Layout(len(slots), self.output_bytes(PEOPLE)))
        generations, regions = [], []
        for slot in slots:
            frames.begin(slot)[:] = np.random.default_rng(slot).integers(0, 256, CAMERA.nbytes, np.uint8)
            generations.append(frames.commit(slot, slot))
            people = _quarters()[: self.size - slot * PEOPLE]
            regions.append([crop_around(box, spec.input, 1.0) for box in people])
        dtypes = ["float32"] if backend.decodes else [output.dtype for output in spec.outputs]

        def step() -> None:
            arrays, batches = [], []
            for slot in slots:
                keypoints.begin(slot)
                shapes = backend.frame_shapes(image_shape(spec, len(regions[slot])))
                arrays.append(keypoints.arrays(slot, dtypes, shapes))
                batches.append(FrameBatch(frames.picture(slot), "bgr24", regions[slot], size_hw, arrays[-1]))
            backend.run_frames(batches)
            _conclude(arrays, [frames.intact(slot, generations[slot]) for slot in slots], keypoints)

        return step

    def ring(self, name: str, layout: Layout) -> Ring:
        """A new ring, its pages locked where that is allowed."""
        ring = Ring.create(self.folder / name, layout)
        self.rings.append(ring)
        try:
            self.backend.lock(ring.memory)
            self.locked.append(ring)
        except BackendError as error:
            self.found.note(f"Pages are not locked, so copies take longer: {error}")
        return ring

    def close(self) -> None:
        """Gives the rings back."""
        for ring in self.locked:
            self.backend.unlock(ring.memory)
        for ring in self.rings:
            ring.close()

    def output_bytes(self, count: int) -> int:
        """Of what the network gives for so many images, or of their keypoints, as many as any network has."""
        shapes = (*self.backend.output_shapes(image_shape(self.spec, count)), (count, MAX_JOINTS, 3))
        return sum(64 + 4 * int(np.prod(shape)) for shape in shapes)


def _conclude(arrays: Sequence[Sequence[NDArray[Any]]], intact: Sequence[bool], outputs: Ring) -> None:
    """What infer does with each job when the network has run."""
    for slot, (found, whole) in enumerate(zip(arrays, intact, strict=True)):
        are_numbers(found)
        assert whole, "nobody writes here"
        outputs.commit(slot, slot)


def _quarters() -> list[tuple[float, float, float, float]]:
    """Where the four people of a frame stand: left, top, right, bottom."""
    width, height = CAMERA.width / 2, CAMERA.height / 2
    return [(x, y, x + width, y + height) for y in (0, height) for x in (0, width)]
