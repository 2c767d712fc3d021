"""The forms of less precision: what they keep, how near they are, and which runtime has which."""

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
from posestream.engines.zoo.make.from_package import onnx_path
from posestream.engines.zoo.precision import fp16, qdq_int8, selection
from posestream.engines.zoo.precision.last_layers import after_the_last
from posestream.engines.zoo.precision.openvino_int8 import NotQuantisedError
from posestream.engines.zoo.precision.selection import NoSuchPrecisionError, Precision, Runtime
from posestream.engines.zoo.store import cache


@pytest.fixture(autouse=True)
def forms_of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own, with the packages of the usual one: networks are imported into it anew."""
    usual = cache.directory()
    (tmp_path / "cache").mkdir()
    if (usual / "sources").is_dir():
        (tmp_path / "cache" / "sources").symlink_to(usual / "sources")
    monkeypatch.setenv("POSESTREAM_CACHE", str(tmp_path / "cache"))


def imported(spec: ModelSpec) -> Path:
    try:
        return onnx_path(spec)
    except WeightsError as error:
        pytest.skip(f"weights cannot be had here: {error}")


def outputs_of(spec: ModelSpec, file: Path, images: np.ndarray) -> list[np.ndarray]:
    backend = OnnxBackend(spec, file, 2)
    outputs = [
        np.empty(shape, output.dtype)
        for shape, output in zip(backend.output_shapes(images.shape), spec.outputs, strict=True)
    ]
    backend.run([Batch(images, outputs)])
    return outputs


def pictures(spec: ModelSpec, count: int) -> np.ndarray:
    """Coarse noise, which looks like something to a network."""
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
    looks = [(picture, region) for picture in pictures for region in regions]
    for (picture, region), image in zip(looks, images, strict=True):
        assert picture is not None
        Preprocessor(spec.input)(np.asarray(picture, np.uint8), "bgr24", region, image)
    return images


def test_joints_of_halves_are_within_half_a_pixel() -> None:
    spec = find("movenet-thunder")
    file = imported(spec)
    images = people(spec)
    single, halves = (outputs_of(spec, each, images)[0][:, 0] for each in (file, fp16.path_of(spec, file)))
    sure = single[..., 2] > 0.2
    away_px = np.linalg.norm(single - halves, axis=-1)[sure] * 256
    assert sure.sum() > 10
    assert np.percentile(away_px, 99) < 0.5


def test_boxes_of_halves_are_those_of_the_detector() -> None:
    spec = find("nanodet")
    file = imported(spec)
    images = pictures(spec, 2)
    region, size_hw = whole_frame(spec.input, (416, 416))
    found = []
    for each in (file, fp16.path_of(spec, file)):
        given = images.astype(np.float16) if each != file else images
        found.append(codec_for(spec).decode([o[:1] for o in outputs_of(spec, each, given)], [region], size_hw))
    single, halves = found
    assert len(single) == len(halves)


def test_halves_take_half_images_and_give_single_outputs() -> None:
    spec = find("nanodet")
    graph = onnx.load(fp16.path_of(spec, imported(spec))).graph
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
    assert graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_whole_numbers_stay_what_they_are() -> None:
    spec = find("movenet-lightning")
    graph = onnx.load(fp16.path_of(spec, imported(spec))).graph
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.INT32


@pytest.mark.parametrize("name", ["nanodet", "movenet-lightning", "fastestdet", "rtmpose-t"])
def test_behind_the_last_convolution_nothing_is_rounded_to_halves(name: str) -> None:
    """The converter's own casts rounded what each of these nodes gave to the next, places and whole numbers too."""
    spec = find(name)
    file = imported(spec) if spec.fetched else from_checkpoint.with_random_weights(spec)
    behind = set(after_the_last(onnx.load(file)))
    graph = onnx.load(fp16.path_of(spec, file)).graph
    onnx.checker.check_model(onnx.load(fp16.path_of(spec, file)), full_check=True)
    made_of = {name: node for node in graph.node for name in node.output}
    halves = {n.output[0] for n in graph.node if n.op_type == "Cast" and n.attribute[0].i == onnx.TensorProto.FLOAT16}
    rounded = [made_of[made_of[n].input[0]].name for n in halves if made_of[n].input[0] in made_of]
    assert not behind.intersection(rounded)
    values = outputs_of(spec, fp16.path_of(spec, file), looked_at(spec, graph))
    assert any((value != value.astype(np.float16)).any() for value in values)


def looked_at(spec: ModelSpec, graph: onnx.GraphProto) -> np.ndarray:
    """A picture in the dtype that a form of the network takes."""
    halves = graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
    return pictures(spec, 1).astype(np.float16 if halves else spec.input.tensor.dtype)


def test_halves_are_made_once_for_the_same_weights() -> None:
    spec = find("movenet-lightning")
    file = imported(spec)
    made = fp16.path_of(spec, file)
    changed_ns = made.stat().st_mtime_ns
    assert fp16.path_of(spec, file) == made
    assert made.stat().st_mtime_ns == changed_ns


def test_what_makes_joints_of_maps_comes_after_the_last_convolution() -> None:
    model = onnx.load(imported(find("movenet-lightning")))
    behind = set(after_the_last(model))
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


def test_too_few_images_say_too_little() -> None:
    spec = find("movenet-lightning")
    with pytest.raises(WeightsError, match="saw 3 inputs in these images, and needs 10"):
        qdq_int8.quantise(spec, imported(spec), list(pictures(spec, 3)[:, None]))


@pytest.mark.parametrize(("precision", "runtime"), [("fp16", "openvino"), ("fp16", "onnx"), ("int8", "onnx")])
def test_what_a_runtime_has_not_is_said_with_what_to_do(precision: Precision, runtime: Runtime) -> None:
    spec = find("movenet-lightning")
    with pytest.raises(
        NoSuchPrecisionError, match=f"run.precision = '{precision}': {runtime} has none; .*set run.device"
    ):
        selection.select_file(spec, imported(spec), precision, runtime)


def test_a_detector_without_an_int8_form_runs_as_it_is() -> None:
    spec = find("nanodet")
    file = imported(spec)
    assert selection.select_file(spec, file, "int8", "tensorrt") == (file, "fp32")
