"""Runs an ONNX or TensorFlow file in float32 with either runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import openvino
from numpy.typing import NDArray


def onnx_runtime(model: Path, *images: NDArray[Any]) -> list[NDArray[Any]]:
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    names = [tensor.name for tensor in session.get_inputs()]
    return [np.asarray(output) for output in session.run(None, dict(zip(names, images, strict=True)))]


def openvino_f32(model: Path, *images: NDArray[Any]) -> list[NDArray[Any]]:
    """Reads ONNX, and frozen TensorFlow graphs by OpenVINO's own reader."""
    core = openvino.Core()
    network = core.read_model(model)
    network.reshape({tensor.any_name: list(array.shape) for tensor, array in zip(network.inputs, images, strict=True)})
    compiled = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = compiled(list(images))
    return [np.array(results[output]) for output in compiled.outputs]


def relative_error(got: NDArray[Any], wanted: NDArray[Any]) -> float:
    """The largest difference in units of the largest magnitude wanted."""
    return float(np.abs(got - wanted).max() / max(np.abs(wanted).max(), 1e-12))
