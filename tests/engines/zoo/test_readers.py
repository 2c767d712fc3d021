"""The two readers: of frozen GraphDefs and of TensorFlow.js graph models."""

import base64
import json
import struct
from typing import Any

import numpy as np
import pytest

from posestream.engines.exceptions import ImportModelError
from posestream.engines.zoo.importer import graphdef, tfjs
from posestream.engines.zoo.importer.graph import TfGraph, TfNode
from tests.engines.zoo.graphdef_writer import GraphDef


def test_graphdef_gives_nodes_inputs_and_attributes() -> None:
    graph = GraphDef()
    graph.placeholder("x", "float32", (1, 2))
    graph.node("y", "Op", ["x", "^x"], ints=[1, -2], number=-3, real=0.5, flag=True, text="SAME", texts=["a", "b"])
    read = graphdef.read(graph.data)
    node = read.nodes["y"]
    assert (node.op, node.inputs) == ("Op", ("x",))  # a control input moves no data
    assert node.attrs == {"ints": (1, -2), "number": -3, "real": 0.5, "flag": True, "text": "SAME", "texts": ("a", "b")}
    assert read.nodes["x"].attrs == {"dtype": np.dtype("float32"), "shape": (1, 2)}


@pytest.mark.parametrize(
    "array", [np.array([[1.5, -2]], "f4"), np.array([7, -1]), np.array(True), np.zeros((0, 1), "i4")]
)
def test_graphdef_gives_constants_as_arrays(array: np.ndarray[Any, Any]) -> None:
    graph = GraphDef()
    graph.const("c", array, array.dtype.name)
    constant = graphdef.read(graph.data).constants["c"]
    assert constant.dtype == array.dtype
    np.testing.assert_array_equal(constant, array)


def test_graphdef_repeats_the_last_value_of_a_short_tensor() -> None:
    shape = bytes([0x12, 4, 0x12, 2, 0x08, 3])  # one axis of 3
    tensor = bytes([0x08, 1]) + shape + bytes([0x2A, 8]) + struct.pack("<2f", 1, 2)  # float_val, packed
    value = bytes([0x42, len(tensor)]) + tensor
    attr = bytes([0x0A, 5]) + b"value" + bytes([0x12, len(value)]) + value
    node = bytes([0x0A, 1]) + b"c" + bytes([0x12, 5]) + b"Const" + bytes([0x2A, len(attr)]) + attr
    constant = graphdef.read(bytes([0x0A, len(node)]) + node).constants["c"]
    assert constant.tolist() == [1, 2, 2]


def test_truncated_graphdef_is_refused() -> None:
    graph = GraphDef()
    graph.const("c", np.zeros(100), "float32")
    for size in (0, 1, 50, len(graph.data) - 1):
        with pytest.raises(ImportModelError, match="not a frozen GraphDef"):
            graphdef.read(graph.data[:size])


def _tfjs(weights: list[dict[str, Any]], nodes: list[dict[str, Any]]) -> bytes:
    manifest = [{"paths": ["w.bin"], "weights": weights}]
    return json.dumps({"modelTopology": {"node": nodes}, "weightsManifest": manifest}).encode()


HALF = {
    "name": "w",
    "dtype": "float32",
    "shape": [3],
    "quantization": {"dtype": "float16", "original_dtype": "float32"},
}


def test_tfjs_widens_weights_of_half_precision() -> None:
    model = _tfjs([HALF], [{"name": "w", "op": "Const", "attr": {"dtype": {"type": "DT_FLOAT"}}}])
    stored = np.array([0.1, -2, 65504], np.float16)
    constant = tfjs.read(model, stored.tobytes()).constants["w"]
    assert constant.dtype == np.float32
    np.testing.assert_array_equal(constant, stored.astype(np.float32))


def test_tfjs_widens_integers_stored_narrower_than_the_node_says() -> None:
    weights = [{"name": "n", "dtype": "int32", "shape": [2]}]
    model = _tfjs(weights, [{"name": "n", "op": "Const", "attr": {"dtype": {"type": "DT_INT64"}}}])
    constant = tfjs.read(model, np.array([5, -6], np.int32).tobytes()).constants["n"]
    assert constant.dtype == np.int64
    assert constant.tolist() == [5, -6]


def test_tfjs_gives_attributes() -> None:
    attrs = {
        "strides": {"list": {"i": ["1", "2"]}},
        "padding": {"s": base64.b64encode(b"SAME").decode()},
        "T": {"type": "DT_FLOAT"},
        "shape": {"shape": {"dim": [{"size": "-1"}, {"size": "3"}]}},
        "axis": {"i": "-1"},
        "none": {"list": {}},
    }
    node = tfjs.read(_tfjs([], [{"name": "y", "op": "Op", "input": ["a", "^b"], "attr": attrs}]), b"").nodes["y"]
    wanted = {"strides": (1, 2), "padding": "SAME", "T": np.float32, "shape": (None, 3), "axis": -1, "none": ()}
    assert (node.inputs, node.attrs) == (("a",), wanted)


@pytest.mark.parametrize(
    ("model", "weights", "message"),
    [
        (b"{", b"", "not a TensorFlow.js graph model"),
        (b"[]", b"", "not a TensorFlow.js graph model"),
        (_tfjs([HALF], []), bytes(8), "describes 6 bytes of weights, the file has 8"),
        (_tfjs([HALF], []), bytes(4), "not a TensorFlow.js graph model"),
        (_tfjs([HALF | {"quantization": {"dtype": "uint8"}}], []), bytes(3), "quantised to uint8"),
    ],
)
def test_tfjs_refuses_what_it_cannot_read(model: bytes, weights: bytes, message: str) -> None:
    with pytest.raises(ImportModelError, match=message):
        tfjs.read(model, weights)


def _graph(**inputs: tuple[str, ...]) -> TfGraph:
    return TfGraph({name: TfNode(name, "Op", names, {}) for name, names in inputs.items()}, {"c": np.zeros(1)})


def test_nodes_come_after_their_inputs_and_without_the_unneeded() -> None:
    graph = _graph(c=("b", "a"), b=("a:1", "c0"), a=(), c0=(), unneeded=("c",))
    graph = TfGraph(graph.nodes, {"c0": np.zeros(1)})
    assert [node.name for node in graph.in_order(["c"])] == ["a", "b", "c"]


def test_loop_and_missing_node_are_named() -> None:
    with pytest.raises(ImportModelError, match="loop through node"):
        _graph(a=("b",), b=("a",)).in_order(["a"])
    with pytest.raises(ImportModelError, match="no node 'ghost'"):
        _graph(a=("ghost",)).in_order(["a"])
