"""Whether a GPU finds what ONNX Runtime finds on the CPU, on real crops."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.backends.onnx import OnnxBackend
from engines.backends.protocol import Backend, Batch
from engines.codecs import codec_for
from engines.load import Device
from engines.plan import Region
from engines.results import Poses
from engines.spec import ModelSpec
from engines.zoo.catalogue import find
from engines.zoo.forms import Precision
from tools.benchmark.report import Goal
from tools.gpu_check.bench import Bench, network_file
from tools.gpu_check.people import crops, people_in, pictures_of
from tools.gpu_check.report import Cell, Held, NotMeasuredError, Part

NETWORKS = ("movenet-thunder", "hrnet-w32", "rtmpose-m")
PICTURES = 66
SURE = 0.3  # of a joint: the place of one that is not there means nothing
MOST_FP32, MOST_FP16_PX = 1e-3, 0.5


def measure(bench: Bench, images: Path | None) -> Part:
    """Each runtime, network and precision. Raises NotMeasuredError."""
    people = people_in(pictures_of(images, 2 if bench.quick else PICTURES))
    rows: list[list[Cell]] = []
    goals: list[Held] = []
    notes: list[str] = []
    units = [(runtime, name) for runtime in bench.runtimes for name in NETWORKS[: 1 if bench.quick else None]]
    precisions: tuple[Precision, ...] = ("fp32", "fp16")
    for runtime, name in bench.in_time(units, notes):
        spec = find(name)
        file, trained = network_file(spec)
        if not trained:
            notes.append(f"{name} on {runtime}: left out, for random weights find nobody; give it trained ones first.")
            continue
        shown, regions = crops(spec, people)
        expected = _outputs(OnnxBackend(spec, file), shown)
        for precision in precisions:
            found = _outputs_of(bench, spec, file, precision, shown, runtime)
            away_px = _away_px(spec, found, expected, regions)
            most = max(float(np.abs(a - b).max()) for a, b in zip(found, expected, strict=True))
            p99 = float(np.percentile(away_px, 99))
            rows.append([runtime, name, precision, len(shown), most, p99, float(away_px.max())])
            what = f"{name}, {precision}, {runtime}"
            if precision == "fp32":
                goals.append(Held(f"{what}: outputs apart at most", most, "", Goal("<", MOST_FP32)))
            else:
                goals.append(Held(f"{what}: joints apart, p99", p99, "px", Goal("<", MOST_FP16_PX)))
    if not rows:
        raise NotMeasuredError("; ".join(notes))
    columns = ("runtime", "network", "precision", "crops", "outputs apart, max", "joints p99 px", "joints max px")
    what = "engine against ONNX Runtime on the CPU in fp32, on crops of real people; joints in frame pixels"
    return Part(what, columns, rows, goals, (*notes, f"Joints that score {SURE} or more on the CPU."))


def _outputs_of(
    bench: Bench, spec: ModelSpec, file: Path, precision: Precision, images: NDArray[np.generic], runtime: Device
) -> list[NDArray[np.float32]]:
    backend = bench.backend(spec, file, runtime, precision)
    try:
        return _outputs(backend, images)
    finally:
        backend.close()


def _outputs(backend: Backend, images: NDArray[np.generic]) -> list[NDArray[np.float32]]:
    outputs = [np.empty(shape, np.float32) for shape in backend.output_shapes(images.shape)]
    backend.run([Batch(images, outputs)])
    return outputs


def _away_px(
    spec: ModelSpec,
    found: Sequence[NDArray[np.float32]],
    expected: Sequence[NDArray[np.float32]],
    regions: Sequence[Region],
) -> NDArray[np.float64]:
    """How far the sure joints lie apart."""
    size_hw = spec.input.size_hw
    assert size_hw is not None, f"{spec.name} takes no crops"
    codec = codec_for(spec)
    ours, theirs = (codec.decode(outputs, regions, size_hw) for outputs in (found, expected))
    assert isinstance(ours, Poses), f"{spec.name} finds no poses"
    assert isinstance(theirs, Poses), f"{spec.name} finds no poses"
    away = np.linalg.norm(ours.keypoints - theirs.keypoints, axis=-1)
    return np.asarray(away[theirs.keypoint_scores >= SURE], np.float64)
