"""Each ONNX operator in torch against ONNX Runtime; and torch as a runtime, on the CPU.

CUDA graphs and streams are not there: `python -m tools.gpu_check` is for those.
"""

import itertools
import subprocess
import sys
import unittest.mock
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from posestream.engines.backends.onnxruntime import OnnxBackend
from posestream.engines.backends.torch import nodes
from posestream.engines.backends.torch.graph_bucket import GraphBucket
from posestream.engines.backends.torch.nodes import OnnxNode
from posestream.engines.backends.torch.operators import Operator
from posestream.engines.backends.torch.program import OPERATORS, TorchNetwork
from posestream.engines.backends.torch.torch_backend import TorchBackend
from posestream.engines.batches import Batch
from posestream.engines.exceptions import BackendError, DeviceLostError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import MODELS, find
from posestream.engines.zoo.make import from_checkpoint
from posestream.engines.zoo.precision import selection
from tests.engines.backends.test_backends import images_for, imported, outputs_of

torch = pytest.importorskip("torch", reason="torch is not installed")
RANDOM = np.random.default_rng(0)


def normal(*shape: int) -> NDArray[np.float32]:
    return RANDOM.normal(size=shape).astype(np.float32)


def whole(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def number(value: float) -> NDArray[np.float32]:
    return np.array(value, np.float32)


IMAGES = normal(2, 4, 7, 9)
KERNEL, TRANSPOSED = normal(6, 4, 3, 3), normal(4, 3, 4, 4)
LINEAR, NEAREST = {"mode": "linear"}, {"mode": "nearest", "nearest_mode": "floor"}

CASES: list[tuple[str, Sequence[NDArray[Any] | None], dict[str, Any], int]] = [
    ("Conv", [IMAGES, KERNEL, normal(6)], {"pads": [1, 0, 2, 1]}, 1),
    ("Conv", [IMAGES, KERNEL], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, 1),
    ("Conv", [IMAGES, KERNEL], {"auto_pad": "SAME_LOWER", "strides": [2, 2]}, 1),
    ("Conv", [IMAGES, KERNEL], {"auto_pad": "VALID", "dilations": [2, 3]}, 1),
    ("Conv", [IMAGES, normal(4, 1, 3, 3)], {"group": 4}, 1),
    ("ConvTranspose", [IMAGES, TRANSPOSED, normal(3)], {"strides": [2, 2], "pads": [1, 1, 1, 1]}, 1),
    ("ConvTranspose", [IMAGES, TRANSPOSED], {"strides": [2, 2], "output_padding": [1, 1]}, 1),
    ("ConvTranspose", [IMAGES, TRANSPOSED], {"strides": [2, 2], "pads": [1, 1, 0, 0]}, 1),
    ("MaxPool", [IMAGES], {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}, 1),
    ("MaxPool", [IMAGES], {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}, 1),
    ("MaxPool", [IMAGES], {"kernel_shape": [3, 3], "pads": [0, 0, 2, 2], "strides": [2, 2]}, 1),
    ("AveragePool", [IMAGES], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]}, 1),
    ("AveragePool", [IMAGES], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}, 1),
    ("BatchNormalization", [IMAGES, normal(4), normal(4), normal(4), np.abs(normal(4))], {"epsilon": 0.01}, 1),
    ("Resize", [IMAGES, None, None, whole(2, 4, 12, 21)], {**LINEAR}, 1),
    ("Resize", [IMAGES, None, np.array([1, 1, 2, 2], np.float32)], {**LINEAR}, 1),
    (
        "Resize",
        [IMAGES, None, None, whole(2, 4, 12, 21)],
        {**LINEAR, "coordinate_transformation_mode": "align_corners"},
        1,
    ),
    (
        "Resize",
        [IMAGES, None, np.array([1, 1, 2, 2], np.float32)],
        {**NEAREST, "coordinate_transformation_mode": "asymmetric"},
        1,
    ),
    ("GridSample", [IMAGES, normal(2, 5, 6, 2)], {"mode": "linear", "padding_mode": "border"}, 1),
    ("GridSample", [IMAGES, normal(2, 5, 6, 2)], {"mode": "nearest", "align_corners": 1}, 1),
    ("Gemm", [normal(3, 5), normal(4, 3), normal(4)], {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0}, 1),
    ("Gemm", [normal(3, 5), normal(5, 4)], {}, 1),
    ("MatMul", [normal(2, 3, 5), normal(5, 4)], {}, 1),
    ("Div", [whole(-7, 7, 9), whole(2, -2, 3)], {}, 1),
    ("Div", [IMAGES, normal(9)], {}, 1),
    ("Mod", [whole(-7, 7, 9), whole(3, -3, 3)], {}, 1),
    ("Clip", [IMAGES, number(-0.5)], {}, 1),
    ("Clip", [IMAGES, None, number(0.5)], {}, 1),
    ("Cast", [IMAGES], {"to": TensorProto.INT32}, 1),
    ("Max", [IMAGES, normal(9), number(0.1)], {}, 1),
    ("Min", [IMAGES], {}, 1),
    ("Sum", [IMAGES, normal(9), normal(7, 1)], {}, 1),
    ("LeakyRelu", [IMAGES], {}, 1),
    ("Elu", [IMAGES], {"alpha": 0.7}, 1),
    ("HardSigmoid", [IMAGES], {}, 1),
    ("Softmax", [IMAGES], {"axis": 1}, 1),
    ("ArgMax", [np.array([[1, 3, 3, 0], [2, 2, 2, 2]], np.float32)], {"axis": 1, "keepdims": 0}, 1),
    ("ReduceMean", [IMAGES, whole(-1, 2)], {"keepdims": 0}, 1),
    ("ReduceMax", [IMAGES], {}, 1),
    ("ReduceSum", [IMAGES, whole(1)], {}, 1),
    ("ReduceL2", [IMAGES, whole(1)], {}, 1),
    ("Where", [IMAGES > 0, IMAGES, number(7)], {}, 1),
    ("Reshape", [IMAGES, whole(0, -1, 9)], {}, 1),
    ("Expand", [normal(3, 1), whole(2, 1, 4)], {}, 1),
    ("Tile", [normal(2, 3), whole(2, 2)], {}, 1),
    ("Transpose", [IMAGES], {}, 1),
    ("Squeeze", [normal(1, 3, 1), whole(-1)], {}, 1),
    ("Squeeze", [normal(1, 3, 1)], {}, 1),
    ("Unsqueeze", [normal(3), whole(0, -1)], {}, 1),
    ("Concat", [IMAGES, IMAGES], {"axis": -1}, 1),
    ("Split", [IMAGES], {"axis": 2, "num_outputs": 3}, 3),
    ("Split", [IMAGES, whole(2, 4, 1)], {"axis": 2}, 3),
    ("Slice", [IMAGES, whole(1, -3), whole(100, 6), whole(1, 2)], {}, 1),
    ("Slice", [IMAGES, whole(-1), whole(-(2**62)), whole(3), whole(-2)], {}, 1),
    ("Slice", [IMAGES, whole(1, 0), whole(2, 3)], {}, 1),
    ("Gather", [IMAGES, np.array([[0, -1], [2, 1]])], {"axis": 2}, 1),
    ("Gather", [IMAGES, np.array(-1)], {"axis": 1}, 1),
    ("GatherND", [IMAGES, np.array([[[1, 2], [0, -1]], [[3, 0], [2, 2]]])], {"batch_dims": 1}, 1),
    ("GatherND", [IMAGES, np.array([[1, 2], [0, 3]])], {}, 1),
    ("TopK", [normal(3, 8), whole(3)], {"axis": -1}, 2),
    ("TopK", [normal(8, 3), whole(3)], {"axis": 0, "largest": 0}, 2),
    ("Pad", [IMAGES, whole(0, 0, 1, 2, 0, 0, 3, -1), number(5)], {}, 1),
    ("Pad", [IMAGES, whole(1, 2, 3, 4), None, whole(2, 3)], {"mode": "edge"}, 1),
    ("DepthToSpace", [normal(1, 8, 2, 3)], {"blocksize": 2}, 1),
    ("DepthToSpace", [normal(1, 8, 2, 3)], {"blocksize": 2, "mode": "CRD"}, 1),
    ("Shape", [IMAGES], {"start": 1, "end": 3}, 1),
    ("Size", [IMAGES], {}, 1),
    ("Range", [np.array(1), np.array(9), np.array(3)], {}, 1),
]
ALONE = {"Abs", "Exp", "Identity", "Neg", "Reciprocal", "Relu", "Sigmoid", "Sqrt"}
TWO = {"Add", "Equal", "Greater", "GreaterOrEqual", "Less", "Mul", "Pow", "Sub"}
CASES += [(name, [np.abs(IMAGES) + 1], {}, 1) for name in sorted(ALONE)]
CASES += [(name, [np.abs(IMAGES), np.abs(IMAGES[:1])], {}, 1) for name in sorted(TWO)]
CASES += [("And", [IMAGES > 0, IMAGES > 0.5], {}, 1)]


def model_of(name: str, inputs: Sequence[NDArray[Any] | None], attributes: dict[str, Any], outputs: int) -> Any:
    given = [f"input{i}" if each is not None else "" for i, each in enumerate(inputs)]
    made = [f"output{i}" for i in range(outputs)]
    node = helper.make_node(name, given, made, **attributes)
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(each.dtype), each.shape)
        for name, each in zip(given, inputs, strict=True)
        if each is not None
    ]
    graph = helper.make_graph([node], "one", values, [helper.make_empty_tensor_value_info(name) for name in made])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


@pytest.mark.parametrize(
    ("name", "inputs", "attributes", "outputs"), CASES, ids=[f"{case[0]}-{i}" for i, case in enumerate(CASES)]
)
def test_an_operator_does_what_onnx_runtime_does(
    name: str, inputs: Sequence[NDArray[Any] | None], attributes: dict[str, Any], outputs: int
) -> None:
    model = model_of(name, inputs, attributes, outputs)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, {f"input{i}": each for i, each in enumerate(inputs) if each is not None})
    node = model.graph.node[0]
    ours = OnnxNode(
        name, {a.name: helper.get_attribute_value(a) for a in node.attribute}, tuple(node.input), tuple(node.output)
    )
    found = OPERATORS[name].run(ours, *(None if each is None else torch.tensor(each) for each in inputs))
    for a, b in zip(found if isinstance(found, tuple) else (found,), expected, strict=True):
        assert tuple(a.shape) == b.shape
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-4, atol=1e-5)


def test_every_operator_of_the_table_has_a_case() -> None:
    assert {case[0] for case in CASES} == set(OPERATORS)


def network(tmp_path: Path, nodes: Sequence[Any], constants: Sequence[Any] = ()) -> tuple[ModelSpec, Path]:
    """A network of these nodes, with the input and output names of FastestDet."""
    spec = find("fastestdet")
    images = helper.make_tensor_value_info(spec.input.tensor.name, TensorProto.FLOAT, ["n", 3, 352, 352])
    output = helper.make_empty_tensor_value_info(spec.outputs[0].name)
    graph = helper.make_graph(nodes, "net", [images], [output], constants)
    file = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), file)
    return spec, file


def test_an_operator_that_torch_lacks_here_is_named(tmp_path: Path) -> None:
    spec = find("fastestdet")
    spec, file = network(tmp_path, [helper.make_node("Selu", [spec.input.tensor.name], [spec.outputs[0].name])])
    with pytest.raises(BackendError, match=r"torch cannot run fastestdet: .*Selu"):
        TorchBackend(spec, file)


def test_a_kind_of_operator_that_torch_lacks_here_is_named(tmp_path: Path) -> None:
    """The attribute was ignored, and the result wrong."""
    spec = find("fastestdet")
    given, made = [spec.input.tensor.name], [spec.outputs[0].name]
    spec, file = network(tmp_path, [helper.make_node("ArgMax", given, made, axis=1, select_last_index=1)])
    with pytest.raises(BackendError, match=r"torch has no ArgMax with select_last_index = 1 here"):
        TorchBackend(spec, file)


def test_a_kind_of_resize_that_torch_lacks_is_one_line(tmp_path: Path) -> None:
    spec = find("fastestdet")
    scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    given = [spec.input.tensor.name, "", "scales"]
    spec, file = network(tmp_path, [helper.make_node("Resize", given, [spec.outputs[0].name], mode="cubic")], [scales])
    backend = TorchBackend(spec, file)
    with pytest.raises(BackendError, match=r"^torch cannot run fastestdet: Resize b'cubic' with b'half_pixel'$"):
        backend.run([Batch(images_for(spec, 1), [np.zeros((1, 85, 22, 22), np.float32)])])


def test_nodes_may_come_in_any_order(tmp_path: Path) -> None:
    spec = find("fastestdet")
    last = helper.make_node("Relu", ["middle"], [spec.outputs[0].name])
    first = helper.make_node("Neg", [spec.input.tensor.name], ["middle"])
    _, file = network(tmp_path, [last, first])
    assert [node.operator for node in nodes.read(file).nodes] == ["Neg", "Relu"]


def test_batches_share_buckets() -> None:
    spec = find("movenet-lightning")
    file = imported(spec)
    backend, reference = TorchBackend(spec, file, batches=(1, 4)), OnnxBackend(spec, file)
    batches = [(images_for(spec, n, seed=n), np.zeros((n, 1, 17, 3), np.float32)) for n in (3, 1, 2)]
    backend.run([Batch(images, [found]) for images, found in batches])
    for images, found in batches:
        np.testing.assert_allclose(found, outputs_of(reference, images)[0], atol=1e-5)
    backend.close()


def test_fp16_is_near_fp32() -> None:
    spec = find("nanodet")
    file = imported(spec)
    half = TorchBackend(spec, selection.select_file(spec, file, "fp16", "torch").path, precision="fp16")
    assert half.device.endswith("CPU, fp16")
    images = images_for(spec, 1).astype(np.float32) / 60 - 2
    for ours, theirs in zip(outputs_of(half, images), outputs_of(OnnxBackend(spec, file), images), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.05)


def test_without_a_gpu_it_logs_that_it_runs_on_the_cpu(caplog: pytest.LogCaptureFixture) -> None:
    if torch.cuda.is_available():
        pytest.skip("torch sees a GPU")
    spec = find("fastestdet")
    assert "CPU, fp32" in TorchBackend(spec, imported(spec)).device
    assert "sees no GPU" in caplog.text


def test_a_device_that_fails_is_lost_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_bucket: GraphBucket) -> None:
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nSearch for it")

    spec = find("fastestdet")
    backend = TorchBackend(spec, imported(spec))
    monkeypatch.setattr(GraphBucket, "run", fail)
    with pytest.raises(DeviceLostError, match=r"^torch cannot run fastestdet: CUDA error: .* encountered$"):
        outputs_of(backend, images_for(spec, 1))


def test_inference_only_leaves_its_outputs_in_the_bucket() -> None:
    spec = find("fastestdet")
    backend = TorchBackend(spec, imported(spec), batches=(2,))
    images = images_for(spec, 2)
    expected = outputs_of(backend, images)[0]
    backend.inference_only(images.shape)()
    again = np.empty_like(expected)
    backend._buckets.get(images.shape).take(0, 0, again)
    np.testing.assert_array_equal(again, expected)


def test_values_are_freed_after_their_last_use_while_a_program_is_made(tmp_path: Path) -> None:
    """All values of the network were held at once: gigabytes, where a call needs a fraction of one."""
    spec = find("fastestdet")
    given, made = spec.input.tensor.name, spec.outputs[0].name
    names = [given, *(f"value{i}" for i in range(20)), made]
    chain = [helper.make_node("Exp", [one], [other]) for one, other in itertools.pairwise(names)]
    _, file = network(tmp_path, chain)
    network_of_chain = TorchNetwork(nodes.read(file), torch.device("cpu"))
    alive: list[int] = []
    held: list[weakref.ref[Any]] = []

    def watched(_node: OnnxNode, values: Any) -> Any:
        found = values.exp()
        held.append(weakref.ref(found))
        alive.append(sum(each() is not None for each in held))
        return found

    with unittest.mock.patch.dict(OPERATORS, {"Exp": Operator(watched)}):
        network_of_chain.program(torch.zeros(1, 3, 8, 8), [made])
    assert max(alive) <= 2


def test_fp32_is_without_tf32_and_torchs_settings_can_still_be_read() -> None:
    """torch's newer setting left convolutions in TF32 in one version, and made another raise when it was read."""
    code = (
        "import torch\n"
        "from posestream.engines.backends.torch.torch_backend import _keep_fp32_exact\n_keep_fp32_exact()\n"
        "print(torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32)\n"
        "with torch.backends.cudnn.flags(): pass\n"  # as torch's exporter does
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "False False\n"), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, spec in MODELS.items() if not spec.fetched])
def test_torch_runs_every_network_of_the_literature(name: str) -> None:
    spec = find(name)
    file = from_checkpoint.with_random_weights(spec)
    images = images_for(spec, 1)
    pairs = zip(outputs_of(TorchBackend(spec, file), images), outputs_of(OnnxBackend(spec, file), images), strict=True)
    for ours, theirs in pairs:
        assert np.abs(ours - theirs).max() <= 5e-4 * np.abs(theirs).max()  # random weights let rounding grow
