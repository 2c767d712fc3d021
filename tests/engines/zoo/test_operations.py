"""Each operation that the importer knows gives what OpenVINO's own TensorFlow reader gives, on one small graph each."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from posestream.engines.zoo.importer import graphdef
from posestream.engines.zoo.importer.to_onnx import OPS, OPSET, translate
from posestream.engines.zoo.importer.writer import Writer
from tests.engines.zoo.graphdef_writer import GraphDef
from tests.engines.zoo.operation_cases import CASES, CHAINS, F32, I32, IMAGE, convolution
from tests.engines.zoo.runtimes import onnx_runtime, openvino_f32, relative_error


@pytest.mark.parametrize(
    ("case", "after_a_convolution"),
    [(name, False) for name in CASES] + [(name, True) for name, case in CASES.items() if case[1] == "image"],
)
def test_gives_what_openvino_gives(case: str, after_a_convolution: bool, tmp_path: Path) -> None:
    """After a convolution a value is stored channels first, which each operation has to support."""
    op, kind, operands, attrs = CASES[case]
    shape = IMAGE if kind == "image" else (3, 6)
    graph = GraphDef()
    x = graph.placeholder("x", "float32", shape)
    if after_a_convolution:
        x = convolution(graph, x)
    inputs = [x if isinstance(o, str) else graph.const(f"c{i}", o, o.dtype.name) for i, o in enumerate(operands)]
    graph.node("result", op, inputs, **attrs)
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32) * 3
    _compare(graph, values, tmp_path)


def _compare(graph: GraphDef, values: np.ndarray[Any, Any], tmp_path: Path) -> None:
    (tmp_path / "graph.pb").write_bytes(graph.data)
    wanted = openvino_f32(tmp_path / "graph.pb", values)
    got = onnx_runtime(_imported(graph, len(wanted), values.shape, tmp_path), values)
    shapes = {w.shape for w in wanted}
    assert {g.shape for g in got} == shapes
    for g in got:  # OpenVINO names its outputs but does not keep their order
        assert any(
            g.shape == w.shape and relative_error(g.astype(np.float64), w.astype(np.float64)) < 1e-5 for w in wanted
        )


def _imported(graph: GraphDef, outputs: int, shape: tuple[int, ...], tmp_path: Path) -> Path:
    out = Writer()
    tensors = ["result", *(f"result:{i}" for i in range(1, outputs))]
    values = translate(graphdef.read(graph.data), tensors, {"x": "x"}, out)
    names = [out.tensor(value) for value in values]
    infos = [helper.make_empty_tensor_value_info(name) for name in names]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    made = helper.make_graph(out.nodes, "test", [x], infos, list(out.initialisers.values()))
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), tmp_path / "graph.onnx")
    return tmp_path / "graph.onnx"


def test_integers_are_divided_downwards(tmp_path: Path) -> None:
    graph = GraphDef()
    graph.placeholder("x", "float32", (4,))
    graph.node("whole", "Cast", ["x"], SrcT=F32, DstT=I32)
    graph.const("three", 3, "int32")
    graph.node("result", "FloorDiv", ["whole", "three"], T=I32)
    path = _imported(graph, 1, (4,), tmp_path)
    (got,) = onnx_runtime(path, np.array([-7, -3, 2, 7], np.float32))
    assert got.tolist() == [-3, -1, 0, 2]


@pytest.mark.parametrize("op", CHAINS)
def test_operations_between_others_give_what_openvino_gives(op: str, tmp_path: Path) -> None:
    graph = GraphDef()
    graph.placeholder("x", "float32", (3, 6))
    CHAINS[op](graph)
    _compare(graph, np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32), tmp_path)


def test_every_operation_is_tried_here_or_by_a_whole_network() -> None:
    used_by_networks = {
        *("Abs", "Add", "AddV2", "Equal", "FusedDepthwiseConv2dNative", "Identity", "Maximum", "Minimum", "PadV2"),
        *("RealDiv", "SparseToDense", "Sqrt", "_FusedConv2D"),
    }
    tried_here = {op for op, _, _, _ in CASES.values()} | CHAINS.keys()
    assert OPS.keys() == tried_here | used_by_networks
