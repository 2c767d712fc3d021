"""int8 networks for TensorRT: ONNX with each activation range written into it, as a pair of Q and DQ nodes.

TensorRT 11 has no calibration of its own, and its parser takes signed, symmetric ranges without quantised biases;
ONNX Runtime's quantiser makes them. The ranges come from the user's images, as in
`engines.zoo.precision.openvino_int8`. OpenVINO's int8 network is another one: nncf's is more accurate there, and not
ONNX.
"""

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
from numpy.typing import NDArray

from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.precision.last_layers import after_last_convolution
from posestream.engines.zoo.precision.openvino_int8 import NotQuantisedError, check_count
from posestream.engines.zoo.store import artifacts, cache

_CONVERSION = 1  # raised with each change to the quantisation: older files are then refused
_PERCENTILE = 99.99
"""Of a tensor's values lie within its range; at 100, where few outliers set the range, poses lost more accuracy."""


def path_of(spec: ModelSpec, onnx_path: Path) -> Path:
    """The ONNX file with Q and DQ nodes of the network at `onnx_path`.

    Raises NotQuantisedError where the cache has none, or one of other weights.
    """
    cached = artifacts.lookup(_name(spec), _recipe(onnx_path)).onnx
    if cached is None:
        raise NotQuantisedError(
            f"{spec.name} has no int8 version for TensorRT on this machine: run "
            f"`posestream models build {spec.name} --precision int8 --images SOURCE`, with images such as it will see"
        )
    return cached


def quantise(spec: ModelSpec, onnx_path: Path, inputs: Sequence[NDArray[Any]]) -> Path:
    """Makes the int8 version from `inputs`, (1, ...) each, of preprocess; returns its ONNX file.

    Raises WeightsError where the inputs are too few.
    """
    check_count(spec, inputs)
    with cache.writing(), artifacts.lock(_name(spec)), TemporaryDirectory() as folder:
        model = _quantised(spec, onnx_path, inputs, Path(folder))
        return artifacts.store_derived(_name(spec), model, _recipe(onnx_path), inputs=len(inputs))


def _quantised(spec: ModelSpec, onnx_path: Path, inputs: Sequence[NDArray[Any]], folder: Path) -> onnx.ModelProto:
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Inputs(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.remaining = iter(inputs)

        def get_next(self) -> Any:
            images = next(self.remaining, None)
            return None if images is None else {spec.input.tensor.name: images}

    prepared, made = folder / "prepared.onnx", folder / "made.onnx"
    quant_pre_process(str(onnx_path), str(prepared), skip_symbolic_shape=True)
    model = onnx.load(prepared)
    float_nodes = _float_nodes(model)
    onnx.save(model, prepared)  # with names for all nodes, which the exclusion needs
    with contextlib.redirect_stdout(io.StringIO()):  # the quantiser prints about its histograms
        quantize_static(
            str(prepared),
            str(made),
            Inputs(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=float_nodes,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
                "CalibPercentile": _PERCENTILE,
            },
        )
    return onnx.load(made)


def _float_nodes(model: onnx.ModelProto) -> list[str]:
    """The nodes that stay float32: those after the last convolution, and some convolutions.

    These are the first one, the last of each branch, and the depthwise ones, which lose most accuracy and save least
    time: each has a handful of weights.
    """
    after = after_last_convolution(model)
    readers: dict[str, list[str]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node.name)
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    depthwise = [node.name for node in convolutions if any(a.name == "group" and a.i > 1 for a in node.attribute)]
    last = [node.name for node in convolutions if set(readers.get(node.output[0], ())) <= set(after)]
    return [*after, *depthwise, *last, convolutions[0].name]


def _name(spec: ModelSpec) -> str:
    return f"{spec.name}.int8-qdq"


def _recipe(onnx_path: Path) -> dict[str, Any]:
    """Everything that the int8 version depends on except the images."""
    return artifacts.derived_recipe(onnx_path, _CONVERSION)
