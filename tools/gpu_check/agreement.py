"""Whether a GPU finds what ONNX Runtime finds on the CPU, on real crops."""

import pickle
from collections.abc import Sequence

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
from tools.benchmark.figures import Goal
from tools.gpu_check import weights
from tools.gpu_check.bench import Bench
from tools.gpu_check.findings import Cell, Findings, Held, NotMeasuredError
from tools.gpu_check.people import crops, people_of
from tools.gpu_check.unit import Unit

SURE = 0.3  # of a joint: the place of one that is not there means nothing
MOST_FP32, MOST_FP16_PX = 1e-3, 0.5
LOOK_FP32 = "is TF32 off, and does another build of the engine (a newer TensorRT, a cache that is emptied) agree?"
LOOK_FP16 = "is one joint far off, or all a little? The row's max tells; fp32 shows whether it is the precision"


def measure(bench: Bench, unit: Unit, found: Findings) -> None:
    """On "onnx": what is expected, kept for the other units. Else a network on a runtime beside that."""
    spec, trained = find(unit.network), weights.of(unit.network).trained
    kept = bench.path(f"{unit.network}.expected")
    if unit.runtime == "onnx":
        shown, regions = crops(spec, people_of(bench))
        expected = _outputs(OnnxBackend(spec, weights.of(unit.network).file), shown)
        kept.write_bytes(pickle.dumps((shown, regions, expected)))
        return
    shown, regions, expected = pickle.loads(kept.read_bytes())  # our own, of a minute ago
    backend = bench.backend(unit.network, unit.runtime, unit.precision)
    outputs = _outputs(backend, shown)
    backend.close()
    most = max(float(np.abs(a - b).max()) for a, b in zip(outputs, expected, strict=True))
    about: dict[str, Cell] = {
        "runtime": unit.runtime,
        "network": unit.network,
        "precision": unit.precision,
        "crops": len(shown),
    }
    if not np.isfinite(most):
        raise NotMeasuredError("the network made no finite numbers")
    away_px = _away_px(spec, outputs, expected, regions) if trained else np.empty(0)
    p99, furthest = (float(np.percentile(away_px, 99)), float(away_px.max())) if away_px.size else (None, None)
    found.row({**about, "outputs max": most, "joints p99 px": p99, "joints max px": furthest})
    found.note("Outputs: the largest difference. Joints: those that score 0.3 or more on the CPU, in frame pixels.")
    if unit.precision == "fp32":
        found.goal(Held(f"{unit.name}: outputs apart at most", most, "", Goal("<", MOST_FP32), LOOK_FP32))
    elif p99 is not None:
        found.goal(Held(f"{unit.name}: joints apart, p99", p99, "px", Goal("<", MOST_FP16_PX), LOOK_FP16))
    elif trained:
        raise NotMeasuredError("no joint is sure in these pictures")
    else:
        found.missed(f"joints in pixels: {weights.ADVICE.format(unit.network)}")


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
