"""fp16 and int8 networks: how near they are to fp32, which nodes stay float32, and which runtime has which."""

import concurrent.futures
import multiprocessing
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from posestream.engines.backends.onnxruntime import OnnxBackend
from posestream.engines.batches import Batch
from posestream.engines.codecs import codec_for
from posestream.engines.exceptions import WeightsError
from posestream.engines.geometry import whole_frame
from posestream.engines.pixels import Preprocessor
from posestream.engines.plan import Region
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.download.photographs import photographs
from posestream.engines.zoo.make import from_checkpoint
from posestream.engines.zoo.precision import fp16, qdq_int8, selection
from posestream.engines.zoo.precision.last_layers import after_last_convolution
from posestream.engines.zoo.precision.openvino_int8 import NotQuantisedError
from posestream.engines.zoo.precision.selection import NoSuchPrecisionError, Precision, Runtime
from tests.engines.zoo.caches import imported, own_cache


@pytest.fixture(autouse=True)
def networks_of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own, with the packages of the usual one: networks are imported into it."""
    own_cache(tmp_path, monkeypatch, "sources")


def outputs_of(spec: ModelSpec, file: Path, images: np.ndarray) -> list[np.ndarray]:
    backend = OnnxBackend(spec, file, 2)
    outputs = [
        np.empty(shape, output.dtype)
        for shape, output in zip(backend.output_shapes(images.shape), spec.outputs, strict=True)
    ]
    backend.run([Batch(images, outputs)])
    return outputs


def pictures(spec: ModelSpec, count: int) -> np.ndarray:
    """Coarse noise, in which a network finds structure."""
    assert spec.input.size_hw is not None
    height, width = spec.input.size_hw
    coarse = np.random.default_rng(3).integers(0, 256, (count, height // 16, width // 16, 3))
    images = coarse.repeat(16, axis=1).repeat(16, axis=2).astype(np.float32)
    images = (images - spec.input.mean) / spec.input.std
    return np.ascontiguousarray(
        images.transpose(0, 3, 1, 2) if spec.input.layout == "nchw" else images, spec.input.tensor.dtype
    )


def people(spec: ModelSpec) -> np.ndarray:
    """The two people of the demo, close and from afar."""
    assert spec.input.size_hw is not None
    try:
        pictures = [cv2.imread(str(path)) for path in photographs()]
    except WeightsError as error:
        pytest.skip(f"photographs cannot be had here: {error}")
    regions = [Region(0, 0, 512, 512), Region(-60, -40, 600, 600)]
    images = np.empty((4, *spec.input.image_shape(spec.input.size_hw)), spec.input.tensor.dtype)
    views = [(picture, region) for picture in pictures for region in regions]
    for (picture, region), image in zip(views, images, strict=True):
        assert picture is not None
        Preprocessor(spec.input)(np.asarray(picture, np.uint8), "bgr24", region, image)
    return images


def test_fp16_joints_are_within_half_a_pixel_of_fp32() -> None:
    spec = find("movenet-thunder")
    file = imported(spec)
    images = people(spec)
    fp32, half = (outputs_of(spec, each, images)[0][:, 0] for each in (file, fp16.path_of(spec, file)))
    sure = fp32[..., 2] > 0.2
    away_px = np.linalg.norm(fp32 - half, axis=-1)[sure] * 256
    assert sure.sum() > 10
    assert np.percentile(away_px, 99) < 0.5


def test_fp16_detects_as_many_boxes_as_fp32() -> None:
    spec = find("nanodet")
    file = imported(spec)
    images = pictures(spec, 2)
    region, size_hw = whole_frame(spec.input, (416, 416))
    found = []
    for each in (file, fp16.path_of(spec, file)):
        given = images.astype(np.float16) if each != file else images
        found.append(codec_for(spec).decode([o[:1] for o in outputs_of(spec, each, given)], [region], size_hw))
    fp32, half = found
    assert len(fp32) == len(half)


def test_fp16_takes_float16_images_and_returns_float32_outputs() -> None:
    spec = find("nanodet")
    graph = onnx.load(fp16.path_of(spec, imported(spec))).graph
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
    assert graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_integer_inputs_stay_integers() -> None:
    spec = find("movenet-lightning")
    graph = onnx.load(fp16.path_of(spec, imported(spec))).graph
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.INT32


@pytest.mark.parametrize("name", ["nanodet", "movenet-lightning", "fastestdet", "rtmpose-t"])
def test_after_the_last_convolution_nothing_is_rounded_to_fp16(name: str) -> None:
    """The converter's casts rounded every value between these nodes, positions and integers too."""
    spec = find(name)
    file = imported(spec) if spec.fetched else from_checkpoint.with_random_weights(spec)
    behind = set(after_last_convolution(onnx.load(file)))
    graph = onnx.load(fp16.path_of(spec, file)).graph
    onnx.checker.check_model(onnx.load(fp16.path_of(spec, file)), full_check=True)
    made_of = {name: node for node in graph.node for name in node.output}
    halves = {n.output[0] for n in graph.node if n.op_type == "Cast" and n.attribute[0].i == onnx.TensorProto.FLOAT16}
    rounded = [made_of[made_of[n].input[0]].name for n in halves if made_of[n].input[0] in made_of]
    assert not behind.intersection(rounded)
    values = outputs_of(spec, fp16.path_of(spec, file), input_of(spec, graph))
    assert any((value != value.astype(np.float16)).any() for value in values)


def input_of(spec: ModelSpec, graph: onnx.GraphProto) -> np.ndarray:
    """A picture in the dtype of the network's input."""
    halves = graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
    return pictures(spec, 1).astype(np.float16 if halves else spec.input.tensor.dtype)


def test_fp16_is_made_once_for_the_same_weights() -> None:
    spec = find("movenet-lightning")
    file = imported(spec)
    made = fp16.path_of(spec, file)
    changed_ns = made.stat().st_mtime_ns
    assert fp16.path_of(spec, file) == made
    assert made.stat().st_mtime_ns == changed_ns


def test_the_nodes_that_turn_maps_into_joints_come_after_the_last_convolution() -> None:
    model = onnx.load(imported(find("movenet-lightning")))
    behind = set(after_last_convolution(model))
    kinds = {node.op_type for node in model.graph.node if node.name in behind}
    assert {"ArgMax", "GatherND", "Sqrt"} <= kinds
    assert "Conv" not in kinds


def test_int8_for_tensorrt_is_signed_symmetric_and_leaves_joints_alone() -> None:
    spec = find("movenet-lightning")
    file = imported(spec)
    with pytest.raises(NotQuantisedError, match=r"posestream models build movenet-lightning --precision int8 --images"):
        qdq_int8.path_of(spec, file)
    inputs = list(pictures(spec, 10)[:, None])
    spawn = multiprocessing.get_context("spawn")  # the quantiser warns of what its own imports do
    with concurrent.futures.ProcessPoolExecutor(1, spawn) as elsewhere:
        made = elsewhere.submit(qdq_int8.quantise, spec, file, inputs).result()
    assert qdq_int8.path_of(spec, file) == made
    graph = onnx.load(made).graph
    zeros = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    points = [zeros[node.input[2]] for node in graph.node if node.op_type == "QuantizeLinear"]
    assert points
    assert all(point.dtype == np.int8 and not point.any() for point in points)
    behind = {"ArgMax", "GatherND", "Sqrt"}
    quantised = {name for node in graph.node if node.op_type == "DequantizeLinear" for name in node.output}
    assert not any(quantised.intersection(node.input) for node in graph.node if node.op_type in behind)


def test_too_few_images_are_refused() -> None:
    spec = find("movenet-lightning")
    with pytest.raises(WeightsError, match="saw 3 inputs in these images, and needs 10"):
        qdq_int8.quantise(spec, imported(spec), list(pictures(spec, 3)[:, None]))


@pytest.mark.parametrize(("precision", "runtime"), [("fp16", "openvino"), ("fp16", "onnx"), ("int8", "onnx")])
def test_a_precision_that_a_runtime_lacks_is_an_error_with_advice(precision: Precision, runtime: Runtime) -> None:
    spec = find("movenet-lightning")
    with pytest.raises(
        NoSuchPrecisionError, match=f"run.precision = '{precision}': {runtime} does not support it; .*set run.device"
    ):
        selection.select_file(spec, imported(spec), precision, runtime)


def test_a_detector_without_int8_runs_in_fp32() -> None:
    spec = find("nanodet")
    file = imported(spec)
    assert selection.select_file(spec, file, "int8", "tensorrt") == (file, "fp32")
