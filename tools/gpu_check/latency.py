"""How long a call takes: the raw engine, the infer stage's step about it, from tensors and from frames."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.backends.protocol import FrameBatch, FromFrames
from engines.geometry import crop_around
from engines.spec import ModelSpec
from engines.zoo.catalogue import find
from stream import networks
from stream.ring import Layout, Ring
from stream.rundir import open_run_dir
from stream.sources.source import Geometry
from tools.benchmark.report import Goal
from tools.gpu_check.bench import Bench, Measured, network_file
from tools.gpu_check.people import SIZE, four_people
from tools.gpu_check.report import Cell, Held, NotMeasuredError, Part

NETWORKS = ("movenet-thunder", "hrnet-w32", "rtmpose-m")
PEOPLE = 4  # in a frame
MOST_RATIO = 1.15
CAMERA = Geometry(*SIZE, "bgr24")


def measure(bench: Bench, _images: Path | None) -> Part:
    """Every network on every runtime, at each size of batch."""
    rows: list[list[Cell]] = []
    goals: list[Held] = []
    notes = [
        "raw: the engine alone, its images on the GPU already. stage: the step of infer, from tensors in their ring to "
        "outputs in theirs. frames: the same from frames of 720p, four people each, to keypoints.",
    ]
    units = [(runtime, name) for runtime in bench.runtimes for name in NETWORKS[: 1 if bench.quick else None]]
    for runtime, name in bench.in_time(units, notes):
        spec = find(name)
        try:
            file, trained = network_file(spec)
        except NotMeasuredError as problem:
            notes.append(f"{name}: not measured: {problem}")
            continue
        if not trained:
            notes.append(f"{name} has random weights, which are as fast as trained ones.")
        backend = bench.backend(spec, file, runtime, bench.precision, frames=True)
        for size in bench.sizes:
            taken = _calls(bench, backend, spec, size)
            raw_ms, stage_ms = taken["raw"][0], taken["stage"][0]
            frames_ms = taken.get("frames", [None] * 3)
            rows.append([runtime, name, size, *taken["raw"], *taken["stage"], stage_ms / raw_ms, *frames_ms])
            if size == 1:
                what = f"{name}, batch 1, {runtime}: stage p50 over raw p50"
                goals.append(Held(what, stage_ms / raw_ms, "times", Goal("<", MOST_RATIO)))
        notes.append(f"{name}: {backend.device}.")
        backend.close()
    columns = ["runtime", "network", "batch"]
    columns += [f"{what} p{percent} ms" for what in ("raw", "stage") for percent in (50, 95, 99)]
    columns += ["stage/raw", *(f"frames p{percent} ms" for percent in (50, 95, 99))]
    return Part(f"a call in {bench.precision}, until its results are in host memory", columns, rows, goals, notes)


def _calls(bench: Bench, backend: Measured, spec: ModelSpec, size: int) -> dict[str, list[float]]:
    size_hw = spec.input.size_hw
    assert size_hw is not None, f"{spec.name} takes no crops"
    shape = (size, *spec.input.image_shape(size_hw))
    dtype = np.dtype(spec.input.tensor.dtype)
    shapes, dtypes = backend.output_shapes(shape), [output.dtype for output in spec.outputs]
    with open_run_dir() as folder:
        tensors = Ring.create(folder / "tensors", Layout(1, int(np.prod(shape)) * dtype.itemsize))
        results = Ring.create(folder / "outputs", Layout(1, sum(64 + 4 * int(np.prod(each)) for each in shapes)))
        frames = Ring.create(folder / "frames", Layout(-(-size // PEOPLE), CAMERA.nbytes, 0, CAMERA))
        images, outputs = tensors.array(0, dtype, shape), results.arrays(0, dtypes, shapes)
        images[:] = np.random.default_rng(0).integers(0, 256, shape)
        rings = (tensors, results, frames)
        for ring in rings:
            backend.lock(ring.memory)
        taken = {
            "raw": bench.percentiles_ms(backend.alone(shape)),
            "stage": bench.percentiles_ms(partial(networks.step, backend, [images], [outputs])),
        }
        if isinstance(backend, FromFrames):
            batches = _frames(backend, spec, frames, results, size)
            taken["frames"] = bench.percentiles_ms(partial(backend.run_frames, batches))
            del batches
        for ring in rings:
            backend.unlock(ring.memory)
        del images, outputs
        for ring in rings:
            ring.close()
    return taken


def _frames(backend: FromFrames, spec: ModelSpec, frames: Ring, results: Ring, size: int) -> list[FrameBatch]:
    """`size` people in frames of four."""
    size_hw = spec.input.size_hw
    assert size_hw is not None, f"{spec.name} takes no crops"
    width, height = SIZE[0] / 2, SIZE[1] / 2
    quarters = [(x, y, x + width, y + height) for y in (0, height) for x in (0, width)]
    batches, begin = [], 0
    room: NDArray[Any] = results.bytes(0).view(np.uint8)
    for slot, picture in enumerate(four_people(frames.layout.slots)):
        frames.begin(slot)[:] = picture.reshape(-1)
        frames.commit(slot, slot)
        regions = [crop_around(box, spec.input, 1.0) for box in quarters[: min(PEOPLE, size - slot * PEOPLE)]]
        outputs = []
        for shape in backend.frame_shapes((len(regions), *spec.input.image_shape(size_hw))):
            nbytes = 4 * int(np.prod(shape))
            outputs.append(room[begin : begin + nbytes].view(np.float32).reshape(shape))
            begin += nbytes
        batches.append(FrameBatch(frames.picture(slot), "bgr24", regions, size_hw, outputs))
    return batches
