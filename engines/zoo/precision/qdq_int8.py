"""int8 forms of networks for TensorRT: each range is written into the network, as a pair of Q and DQ nodes.

TensorRT 11 calibrates nothing by itself. Its parser takes signed, symmetric numbers without a quantised bias alone;
ONNX Runtime's quantiser makes them. What sets the ranges is what `engines.zoo.precision.openvino_int8` says, and images
are the user's here too. That file's OpenVINO form is another: nncf's is more exact there, and no ONNX.
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
from posestream.engines.zoo.precision.last_layers import after_the_last
from posestream.engines.zoo.precision.openvino_int8 import NotQuantisedError, check_enough
from posestream.engines.zoo.store import artifacts, cache

_MADE_BY = 1  # raised where networks are quantised in another way: older ones are then made anew
_PERCENTILE = 99.99
"""Of a tensor's values lie within its range; with all of them poses lost more, as few cells set the range of most."""


def path_of(spec: ModelSpec, onnx_path: Path) -> Path:
    """The ONNX file with Q and DQ nodes of the network at `onnx_path`.

    Raises NotQuantisedError where there is none, or only one of other weights.
    """
    there = artifacts.lookup(_name(spec), _recipe(onnx_path)).onnx
    if there is None:
        raise NotQuantisedError(
            f"{spec.name} has no int8 form for TensorRT on this machine: run "
            f"`posestream models build {spec.name} --precision int8 --images SOURCE`, with images such as it will see"
        )
    return there


def quantise(spec: ModelSpec, onnx_path: Path, inputs: Sequence[NDArray[Any]]) -> Path:
    """Makes the form from `inputs`, (1, ...) each, as preprocess gives them; returns its ONNX file.

    Raises WeightsError for too few inputs.
    """
    check_enough(spec, inputs)
    with cache.writing(), cache.lock(_name(spec)), TemporaryDirectory() as folder:
        small = _quantised(spec, onnx_path, inputs, Path(folder))
        return artifacts.store_derived(_name(spec), small, _recipe(onnx_path), inputs=len(inputs))


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
            self.left = iter(inputs)

        def get_next(self) -> Any:
            images = next(self.left, None)
            return None if images is None else {spec.input.tensor.name: images}

    prepared, made = folder / "prepared.onnx", folder / "made.onnx"
    quant_pre_process(str(onnx_path), str(prepared), skip_symbolic_shape=True)
    model = onnx.load(prepared)
    exact = _exact(model)
    onnx.save(model, prepared)  # its nodes have names now
    with contextlib.redirect_stdout(io.StringIO()):  # it tells of its histograms
        quantize_static(
            str(prepared),
            str(made),
            Inputs(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=exact,
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


def _exact(model: onnx.ModelProto) -> list[str]:
    """The nodes that keep their precision.

    Of the convolutions those are the first, the last of each branch, and the depthwise ones, which lose most and gain
    least: each of them has a handful of weights.
    """
    behind = after_the_last(model)
    users: dict[str, list[str]] = {}
    for node in model.graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node.name)
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    depthwise = [node.name for node in convolutions if any(a.name == "group" and a.i > 1 for a in node.attribute)]
    last = [node.name for node in convolutions if set(users.get(node.output[0], ())) <= set(behind)]
    return [*behind, *depthwise, *last, convolutions[0].name]


def _name(spec: ModelSpec) -> str:
    return f"{spec.name}.int8-qdq"


def _recipe(onnx_path: Path) -> dict[str, Any]:
    """All that the form depends on, but the images."""
    return {"onnx_sha256": cache.sha256_of(onnx_path), "made_by": _MADE_BY}
