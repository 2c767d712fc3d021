"""Each imported network computes what the published one does, on photographs of people."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import FETCHED, MODELS
from posestream.engines.zoo.download.fetch import fetch_source
from tests.engines.zoo.original_runtime.fixture import FIXTURE, sampled
from tests.engines.zoo.runtimes import onnx_runtime, openvino_f32, relative_error
from tests.engines.zoo.scenes import TFJS, images, one_person, people, prepared

TOLERANCE = 1e-4  # of an output's largest magnitude
Network = Callable[[ModelSpec], Path]

every_model = pytest.mark.parametrize("spec", FETCHED, ids=lambda spec: spec.name)


@pytest.mark.parametrize("runtime", [onnx_runtime, openvino_f32])
@pytest.mark.parametrize("spec", TFJS, ids=lambda spec: spec.name)
def test_gives_what_tensorflow_js_gave(spec: ModelSpec, runtime: Callable[..., Any], network: Network) -> None:
    path = network(spec)
    recorded = json.loads(FIXTURE.read_text())["models"][spec.name]
    for output, got in zip(spec.outputs, runtime(path, images(spec)), strict=True):
        wanted = recorded[output.name]
        largest = wanted["largest"]
        assert got.size == wanted["size"]
        np.testing.assert_allclose(sampled(got), wanted["values"], rtol=0, atol=TOLERANCE * largest)
        assert np.linalg.norm(got.astype(np.float64)) == pytest.approx(wanted["norm"], rel=TOLERANCE)
        assert got.mean(dtype=np.float64) == pytest.approx(wanted["mean"], abs=TOLERANCE * largest)


@pytest.mark.parametrize("runtime", [onnx_runtime, openvino_f32])
def test_gives_what_openvinos_own_tensorflow_reader_gives(runtime: Callable[..., Any], network: Network) -> None:
    spec = MODELS["openpose-mobilenet-thin"]
    path = network(spec)
    (graph_file,) = fetch_source(spec.source)
    (wanted,) = openvino_f32(graph_file, images(spec))
    (got,) = runtime(path, images(spec))
    assert got.shape == wanted.shape == (1, 128 // 8, 384 // 8, 57)
    assert relative_error(got, wanted) < TOLERANCE


@pytest.mark.parametrize("runtime", [onnx_runtime, openvino_f32])
def test_published_onnx_stays_the_same_network(runtime: Callable[..., Any], network: Network) -> None:
    spec = MODELS["fastestdet"]
    path = network(spec)
    (published,) = fetch_source(spec.source)
    (wanted,) = onnx_runtime(published, images(spec))
    (got,) = runtime(path, images(spec))
    assert relative_error(got, wanted) < TOLERANCE


@every_model
def test_has_the_inputs_and_outputs_of_its_spec(spec: ModelSpec, network: Network) -> None:
    import onnx

    graph = onnx.load(network(spec)).graph
    for tensor, wanted in zip([*graph.input, *graph.output], [spec.input.tensor, *spec.outputs], strict=True):
        sizes = tuple(dim.dim_value or None for dim in tensor.type.tensor_type.shape.dim)
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.type.tensor_type.elem_type)
        assert (tensor.name, dtype.name, sizes) == (wanted.name, wanted.dtype, wanted.shape)


def _different_scenes(spec: ModelSpec) -> NDArray[Any]:
    """(3, ...) three inputs that no one could mistake for each other."""
    height, width = spec.input.size_hw or (128, 128)
    scenes = [one_person(height), one_person(height)[:, ::-1], people(height, width)]
    return np.concatenate([prepared(spec, np.ascontiguousarray(scene[:, :width])) for scene in scenes])


@pytest.mark.parametrize("runtime", [onnx_runtime, openvino_f32])
@pytest.mark.parametrize("spec", [s for s in FETCHED if s.batched], ids=lambda spec: spec.name)
def test_batch_of_three_equals_three_calls(spec: ModelSpec, runtime: Callable[..., Any], network: Network) -> None:
    path, scenes = network(spec), _different_scenes(spec)
    together = runtime(path, scenes)
    singly = [runtime(path, scenes[i : i + 1]) for i in range(3)]
    for output, *parts in zip(together, *singly, strict=True):
        assert relative_error(output, np.concatenate(parts)) < TOLERANCE
        assert relative_error(output[:1], output[1:2]) > 0.01  # the scenes do differ
