"""Selects the file that a runtime reads to run a network in a given precision."""

import logging
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from posestream.engines.exceptions import WeightsError
from posestream.engines.spec import ModelSpec, Role
from posestream.engines.zoo.precision import openvino_int8
from posestream.engines.zoo.precision.openvino_int8 import NotQuantisedError

Precision: TypeAlias = Literal["fp32", "fp16", "int8"]
Runtime: TypeAlias = Literal["tensorrt", "openvino", "onnx", "torch"]

FP16_RUNTIMES: frozenset[Runtime] = frozenset({"tensorrt", "torch"})

log = logging.getLogger(__name__)


class NoSuchPrecisionError(WeightsError):
    """The runtime does not support the precision."""


class SelectedFile(NamedTuple):
    """A file, and the precision of the network in it."""

    path: Path
    precision: Precision


def select_file(spec: ModelSpec, onnx_path: Path, precision: Precision, runtime: Runtime) -> SelectedFile:
    """The file for `runtime`; the fp16 one is made from the ONNX file where the cache has none.

    int8 is made beforehand, from the user's images; a detector without it runs in fp32, and the log says so. Raises
    NoSuchPrecisionError where the runtime does not support the precision, NotQuantisedError where int8 was not made.
    """
    match precision, runtime:
        case "fp32", _:
            return SelectedFile(onnx_path, "fp32")
        case "fp16", _ if runtime in FP16_RUNTIMES:
            from posestream.engines.zoo.precision import fp16

            return SelectedFile(fp16.path_of(spec, onnx_path), "fp16")
        case "int8", "tensorrt" | "openvino":
            from posestream.engines.zoo.precision import qdq_int8

            path_of = qdq_int8.path_of if runtime == "tensorrt" else openvino_int8.path_of
            try:
                return SelectedFile(path_of(spec, onnx_path), "int8")
            except NotQuantisedError as error:
                if spec.role is not Role.DETECTOR:
                    raise
                log.info("%s; it runs in fp32 now", error)
                return SelectedFile(onnx_path, "fp32")
    raise NoSuchPrecisionError(f"run.precision = {precision!r}: {runtime} does not support it; {_ADVICE[precision]}")


def check_precision(spec: ModelSpec, onnx_path: Path, precision: Precision, runtime: Runtime) -> None:
    """Raises as `select_file`, but makes no file."""
    if precision != "fp16" or runtime not in FP16_RUNTIMES:
        select_file(spec, onnx_path, precision, runtime)


_ADVICE = {
    "fp16": 'it is for GPUs: set run.device to "tensorrt" or "torch", or run.precision to "fp32" or "int8"',
    "int8": 'set run.device to "auto", "openvino" or "tensorrt"',
}
