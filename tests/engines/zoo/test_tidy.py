"""Tidying an ONNX graph leaves what it computes."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from posestream.engines.zoo.importer.tidy import fold_constants, fold_pads, scale_resizes, without_unused
from tests.engines.zoo.runtimes import onnx_runtime

OPSET = 17


def _constants(**arrays: Any) -> dict[str, TensorProto]:
    return {name: numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()}


def _ops(nodes: list[NodeProto]) -> list[str]:
    return [node.op_type for node in nodes]


def test_nodes_of_constants_are_evaluated() -> None:
    nodes = [
        helper.make_node("Add", ["a", "b"], ["c"]),
        helper.make_node("Mul", ["c", "a"], ["d"]),
        helper.make_node("Mul", ["x", "d"], ["y"]),
    ]
    varying, constants = fold_constants(nodes, _constants(a=[2, 3], b=[10, 10]), OPSET)
    assert _ops(varying) == ["Mul"]
    assert numpy_helper.to_array(constants["d"]).tolist() == [24, 39]


def _padded(
    amounts: list[int], kernel: Any, more: list[NodeProto], **conv: Any
) -> tuple[list[NodeProto], dict[str, Any]]:
    nodes = [
        helper.make_node("Pad", ["x", "amounts"], ["padded"]),
        helper.make_node("Conv", ["padded", "kernel"], ["y"], **conv),
        *more,
    ]
    return nodes, _constants(amounts=np.array(amounts), kernel=kernel)


def _run(nodes: list[NodeProto], constants: dict[str, TensorProto], x: Any, tmp_path: Path) -> Any:
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)]
    outputs = [helper.make_empty_tensor_value_info("y")]
    graph = helper.make_graph(nodes, "test", inputs, outputs, list(constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), tmp_path / "net.onnx")
    return onnx_runtime(tmp_path / "net.onnx", x)[0]


def test_zeros_around_an_image_become_the_padding_of_its_convolution(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(1, 2, 5, 6)).astype("f4"), rng.normal(size=(3, 2, 3, 3)).astype("f4")
    nodes, constants = _padded([0, 0, 1, 2, 0, 0, 0, 3], kernel, [], strides=[2, 1])
    wanted = _run(nodes, constants, x, tmp_path)
    folded = fold_pads(nodes, constants, ["y"])
    assert _ops(folded) == ["Conv"]
    np.testing.assert_array_equal(_run(folded, constants, x, tmp_path), wanted)


@pytest.mark.parametrize(
    ("amounts", "more", "conv"),
    [
        ([0, 1, 1, 1, 0, 0, 1, 1], [], {}),  # pads channels
        ([0, 0, -1, 1, 0, 0, 1, 1], [], {}),  # crops
        ([0, 0, 1, 1, 0, 0, 1, 1], [], {"pads": [1, 1, 1, 1]}),  # the convolution pads already
        ([0, 0, 1, 1, 0, 0, 1, 1], [helper.make_node("Relu", ["padded"], ["z"])], {}),  # something else reads it
    ],
)
def test_other_padding_stays(amounts: list[int], more: list[NodeProto], conv: dict[str, Any]) -> None:
    nodes, constants = _padded(amounts, np.zeros((1, 1, 3, 3), "f4"), more, **conv)
    assert _ops(fold_pads(nodes, constants, ["y", "z"])) == _ops(nodes)


def test_resize_between_fixed_sizes_gets_scales() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "zero", "two"], ["batch"]),
        helper.make_node("Concat", ["batch", "sides"], ["sizes"], axis=0),
        helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], "resize", mode="linear"),
    ]
    constants = _constants(zero=np.array([0]), two=np.array([2]), sides=np.array([8, 3]))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2, 4, 6])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2, 8, 3])]
    graph = helper.make_graph(nodes, "test", inputs, outputs, list(constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    scale_resizes(model)
    assert _ops(list(model.graph.node)) == ["Resize"]
    (scales,) = model.graph.initializer
    assert numpy_helper.to_array(scales).tolist() == [1, 1, 2, 0.5]


def test_only_what_the_outputs_need_is_kept() -> None:
    nodes = [helper.make_node("Add", ["x", "a"], ["y"]), helper.make_node("Add", ["x", "b"], ["z"])]
    kept, constants = without_unused(nodes, _constants(a=1.0, b=2.0), ["y"])
    assert (kept, list(constants)) == (nodes[:1], ["a"])
