"""The form of a network that a runtime needs for a precision: the file that it reads."""

import logging
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from posestream.engines.exceptions import WeightsError
from posestream.engines.spec import ModelSpec, Role
from posestream.engines.zoo.precision import openvino_int8
from posestream.engines.zoo.precision.openvino_int8 import NotQuantisedError

Precision: TypeAlias = Literal["fp32", "fp16", "int8"]
Runtime: TypeAlias = Literal["tensorrt", "openvino", "onnx", "torch"]

HALVES: frozenset[Runtime] = frozenset({"tensorrt", "torch"})
"""Which runtimes have fp16."""

log = logging.getLogger(__name__)


class NoSuchPrecisionError(WeightsError):
    """A runtime has no such precision."""


class Form(NamedTuple):
    """A file, and the precision that the network in it has."""

    path: Path
    precision: Precision


def select_file(spec: ModelSpec, onnx_path: Path, precision: Precision, runtime: Runtime) -> Form:
    """The form for `runtime`; that of fp16 is made of the ONNX file where it is not there yet.

    int8 has to be there, made from images of the user's; a detector without it runs in fp32, and a line in the log says
    so. Raises NoSuchPrecisionError where the runtime has no such precision, NotQuantisedError, MissingExtraError.
    """
    match precision, runtime:
        case "fp32", _:
            return Form(onnx_path, "fp32")
        case "fp16", _ if runtime in HALVES:
            from posestream.engines.zoo.precision import fp16

            return Form(fp16.path_of(spec, onnx_path), "fp16")
        case "int8", "tensorrt" | "openvino":
            from posestream.engines.zoo.precision import qdq_int8

            made = qdq_int8.path_of if runtime == "tensorrt" else openvino_int8.path_of
            try:
                return Form(made(spec, onnx_path), "int8")
            except NotQuantisedError as error:
                if spec.role is not Role.DETECTOR:
                    raise
                log.info("%s; it runs in fp32 now", error)
                return Form(onnx_path, "fp32")
    raise NoSuchPrecisionError(f"run.precision = {precision!r}: {runtime} has none; {_ADVICE[precision]}")


def check_precision(spec: ModelSpec, onnx_path: Path, precision: Precision, runtime: Runtime) -> None:
    """Raises what `select_file` would, and makes nothing."""
    if precision != "fp16" or runtime not in HALVES:
        select_file(spec, onnx_path, precision, runtime)


_ADVICE = {
    "fp16": 'it is for GPUs: set run.device to "tensorrt" or "torch", or run.precision to "fp32" or "int8"',
    "int8": 'set run.device to "auto", "openvino" or "tensorrt"',
}
