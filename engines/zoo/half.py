"""fp16 forms of networks, for GPUs: TensorRT 11 and RTX halve nothing by themselves, they take a network as it is.

Images are halves where they were float32; so is all up to the last convolution. What makes joints of maps stays
float32 (`engines.zoo.convolutions`), and so do the outputs.
"""

import warnings
from pathlib import Path
from typing import Any

import onnx

from engines.spec import ModelSpec
from engines.zoo import cache, kept
from engines.zoo.convolutions import after_the_last

_MADE_BY = 1  # raised where networks are halved in another way: older ones are then made anew


def path_of(spec: ModelSpec, onnx_path: Path) -> Path:
    """The ONNX file of the fp16 form of the network at `onnx_path`, made in seconds where there is none yet."""
    name = f"{spec.name}.fp16"
    recipe = {"onnx_sha256": cache.sha256_of(onnx_path), "made_by": _MADE_BY}
    with cache.writing(), cache.lock(name):
        if there := kept.look(name, recipe).onnx:
            return there
        model = _halved(spec, onnx.load(onnx_path))
        return kept.keep_form(name, model, recipe)


def _halved(spec: ModelSpec, model: onnx.ModelProto) -> onnx.ModelProto:
    from onnxruntime.transformers.float16 import convert_float_to_float16  # with its registry of operators

    outputs = [output.name for output in spec.outputs]
    behind = after_the_last(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of weights near zero that become the least half
        halved: Any = convert_float_to_float16(model, keep_io_types=outputs, node_block_list=behind)
    assert isinstance(halved, onnx.ModelProto)
    return halved
