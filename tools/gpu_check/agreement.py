"""Whether a GPU finds what ONNX Runtime finds on the CPU, on real crops."""

import pickle
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from posestream.engines.backends.onnxruntime import OnnxBackend
from posestream.engines.backends.protocol import Backend
from posestream.engines.batches import Batch
from posestream.engines.codecs import codec_for
from posestream.engines.plan import Region
from posestream.engines.results import Poses
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import find
from tools.benchmark.figures import Goal, NotMeasuredError
from tools.gpu_check import weight_files
from tools.gpu_check.findings import Findings
from tools.gpu_check.people import crops, people_of
from tools.gpu_check.unit import Bench, Unit

SURE = 0.3  # of a joint: the place of one that is not there means nothing
FP32, FP16_PX = Goal("<", 1e-3), Goal("<", 0.5)
LOOK_FP32 = "is TF32 off, and does another build of the engine (a newer TensorRT, a cache that is emptied) agree?"
LOOK_FP16 = "is one joint far off, or all a little? The row's max tells; fp32 shows whether it is the precision"

Outputs: TypeAlias = list[NDArray[np.float32]]


def measure(bench: Bench, unit: Unit, found: Findings) -> None:
    """On "onnx": what is expected, kept for the other units. Else a network on a runtime beside that."""
    spec, weights = find(unit.network), weight_files.of(unit.network)
    kept = bench.path(f"{unit.network}.expected")
    if unit.runtime == "onnx":
        images, regions = crops(spec, people_of(bench))
        kept.write_bytes(pickle.dumps((images, regions, _outputs(OnnxBackend(spec, weights.file), images))))
        return
    images, regions, expected = pickle.loads(kept.read_bytes())  # our own, of a minute ago
    backend = bench.backend(unit)
    outputs = _outputs(backend, images)
    backend.close()
    apart = max(float(np.abs(ours - theirs).max()) for ours, theirs in zip(outputs, expected, strict=True))
    if not np.isfinite(apart):
        raise NotMeasuredError("the network made no finite numbers")
    away_px = _away_px(spec, outputs, expected, regions) if weights.trained else np.empty(0)
    p99_px, max_px = (float(np.percentile(away_px, 99)), float(away_px.max())) if away_px.size else (None, None)
    found.row(
        {"runtime": unit.runtime, "network": unit.network, "precision": unit.precision, "crops": len(images)},
        {"outputs max": apart, "joints p99 px": p99_px, "joints max px": max_px},
    )
    found.note("Outputs: the largest difference. Joints: those that score 0.3 or more on the CPU, in frame pixels.")
    if unit.precision == "fp32":
        found.goal(f"{unit.name}: outputs apart at most", apart, "", FP32, LOOK_FP32)
    elif not weights.trained:
        found.write("missed", f"joints in pixels: {weight_files.ADVICE.format(unit.network)}")
    elif p99_px is None:
        raise NotMeasuredError("no joint is sure in these pictures")
    else:
        found.goal(f"{unit.name}: joints apart, p99", p99_px, "px", FP16_PX, LOOK_FP16)


def _outputs(backend: Backend, images: NDArray[np.generic]) -> Outputs:
    outputs = [np.empty(shape, np.float32) for shape in backend.output_shapes(images.shape)]
    backend.run([Batch(images, outputs)])
    return outputs


def _away_px(spec: ModelSpec, found: Outputs, expected: Outputs, regions: Sequence[Region]) -> NDArray[np.float64]:
    """How far the sure joints lie apart."""
    size_hw, codec = spec.input.size_hw, codec_for(spec)
    assert size_hw is not None, f"{spec.name} takes no crops"
    ours, theirs = (codec.decode(outputs, regions, size_hw) for outputs in (found, expected))
    assert isinstance(ours, Poses), f"{spec.name} finds no poses"
    assert isinstance(theirs, Poses), f"{spec.name} finds no poses"
    away = np.linalg.norm(ours.keypoints - theirs.keypoints, axis=-1)
    return np.asarray(away[theirs.keypoint_scores >= SURE], np.float64)
