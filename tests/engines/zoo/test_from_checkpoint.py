"""A user's checkpoint becomes an ONNX file, once, or an error in one line."""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from posestream.engines.architectures import create, export, reduced
from posestream.engines.architectures.pose_network import Deployed, Network
from posestream.engines.backends.load import load
from posestream.engines.batches import Batch
from posestream.engines.exceptions import FetchError, MissingExtraError, WrongWeightsError
from posestream.engines.spec import Architecture, ModelSpec
from posestream.engines.zoo import resolve
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.make import from_checkpoint
from posestream.engines.zoo.make.from_checkpoint import adopt, in_cache, onnx_path, with_random_weights

pytestmark = pytest.mark.usefixtures("empty_cache")


def small(name: str) -> ModelSpec:
    """A model of the literature in the reduced form of its network, which is made in a second."""
    spec = find(name)
    assert spec.architecture is not None
    of = spec.architecture
    return replace(spec, architecture=Architecture(of.name, of.variant, dict(reduced(of.name, of.variant))))


SPEC = small("rtmpose-t")


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces torch's exporter, which is slow: the file depends on the weights."""

    def to_onnx(network: torch.nn.Module, spec: ModelSpec) -> onnx.ModelProto:
        weights = np.array([float(parameter.detach().double().sum()) for parameter in network.parameters()])
        return onnx.ModelProto(graph=onnx.GraphProto(initializer=[onnx.numpy_helper.from_array(weights, spec.name)]))

    if "with_torchs_exporter" not in request.node.name:
        monkeypatch.setattr(export, "to_onnx", to_onnx)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Of the reduced RTMPose, as torch saves it."""
    path = tmp_path / "mine.pth"
    torch.manual_seed(3)
    torch.save(network(SPEC).state_dict(), path)
    return path


def network(spec: ModelSpec) -> Network:
    assert spec.architecture is not None
    return create(spec.architecture.name, spec.architecture.variant, **spec.architecture.options)


def entries(cache: Path) -> set[str]:
    return {path.name for path in cache.rglob("*") if path.is_file() and path.parent.name != "locks"}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the networks that were made, not taken from the cache."""
    seen: list[str] = []
    store = from_checkpoint.store

    def note(spec: ModelSpec, name: str, *rest: object, **facts: object) -> Path:
        seen.append(name)
        return store(spec, name, *rest, **facts)  # type: ignore[arg-type]

    monkeypatch.setattr(from_checkpoint, "store", note)
    return seen


def answer(spec: ModelSpec, path: Path, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    backend = load(spec, path, "onnx", threads=1)
    outputs = [np.empty(shape, np.float32) for shape in backend.output_shapes(images.shape)]
    backend.run([Batch(images, outputs)])
    return outputs


@pytest.mark.slow
def test_the_file_gives_what_the_network_gives_with_the_users_weights__with_torchs_exporter(tmp_path: Path) -> None:
    spec = small("hourglass-s1")
    torch.manual_seed(3)
    mine = network(spec)
    torch.save({"state_dict": mine.state_dict()}, tmp_path / "mine.pth")
    path = adopt(spec, tmp_path / "mine.pth")
    images = np.random.default_rng(0).normal(size=(1, 3, 256, 256)).astype(np.float32)
    with torch.no_grad():
        (expected,) = Deployed(mine).eval()(torch.from_numpy(images))
    (got,) = answer(spec, path, images)
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-4 * float(expected.abs().max()))


def test_once_given_the_weights_are_remembered(checkpoint: Path, made: list[str]) -> None:
    path = adopt(SPEC, checkpoint)
    checkpoint.unlink()
    assert onnx_path(SPEC) == resolve.onnx_path(SPEC) == path
    there = resolve.in_cache(SPEC)
    assert there.parameters == sum(p.numel() for p in network(SPEC).parameters())
    assert there.sidecar["checkpoint"]["path"] == str(checkpoint)
    assert made == [SPEC.name]


def test_the_same_checkpoint_is_read_once_and_another_takes_its_place(checkpoint: Path, made: list[str]) -> None:
    first = adopt(SPEC, checkpoint).read_bytes()
    adopt(SPEC, checkpoint)
    assert len(made) == 1
    torch.save(network(SPEC).state_dict(), checkpoint)
    assert adopt(SPEC, checkpoint).read_bytes() != first
    assert len(made) == 2


# ---- out of date


@pytest.fixture
def outdated(checkpoint: Path) -> Path:
    """The ONNX file, made by other sources."""
    path = adopt(SPEC, checkpoint)
    sidecar = path.with_suffix(".json")
    facts = json.loads(sidecar.read_text())
    facts["recipe"]["sources"] = "other"
    sidecar.write_text(json.dumps(facts))
    return path


def test_an_outdated_file_is_made_again_from_the_same_checkpoint(outdated: Path, checkpoint: Path) -> None:
    assert "made by another version" in in_cache(SPEC).problem
    said: list[str] = []
    assert onnx_path(SPEC, said.append) == outdated
    assert str(checkpoint) in said[0]
    assert in_cache(SPEC).problem == ""


def test_a_damaged_file_is_made_again(checkpoint: Path) -> None:
    path = adopt(SPEC, checkpoint)
    path.write_bytes(b"cut off")
    assert "damaged" in in_cache(SPEC).problem
    onnx_path(SPEC)
    assert in_cache(SPEC).onnx == path


@pytest.mark.parametrize(
    ("spoil", "why"), [(Path.unlink, "is gone"), (lambda path: path.write_bytes(b"another"), "has changed")]
)
def test_without_its_checkpoint_an_outdated_file_is_an_error_that_names_it(
    outdated: Path, checkpoint: Path, spoil: Callable[[Path], object], why: str
) -> None:
    spoil(checkpoint)
    with pytest.raises(FetchError, match=rf"{checkpoint}, from which it came, {why}: give it again with .*--weights"):
        onnx_path(SPEC)


def test_a_lost_sidecar_is_an_error_that_asks_for_the_weights(checkpoint: Path) -> None:
    adopt(SPEC, checkpoint).with_suffix(".json").unlink()
    with pytest.raises(FetchError, match="its checkpoint is not recorded: give it again"):
        onnx_path(SPEC)


# ---- what cannot be


def test_without_weights_it_says_who_publishes_them_and_what_else_can_be_done(empty_cache: Path) -> None:
    with pytest.raises(FetchError, match=r"rtmpose-t: .*OpenMMLab, PyTorch \(.pth\).*--weights FILE.*--random-weights"):
        onnx_path(SPEC)
    assert entries(empty_cache) == set()


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"none.pth: no such file: give the checkpoint of rtmpose-t \(OpenMMLab"):
        adopt(SPEC, tmp_path / "none.pth")


def test_a_file_that_is_no_checkpoint_is_an_error_and_leaves_nothing(empty_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "holiday.pth").write_bytes(b"\xff\xd8\xff\xe0 a picture")
    with pytest.raises(WrongWeightsError, match=r"holiday.pth: cannot be read as a PyTorch checkpoint"):
        adopt(SPEC, tmp_path / "holiday.pth")
    assert entries(empty_cache) == set()


def test_a_checkpoint_of_another_network_is_an_error_and_what_was_there_stays(checkpoint: Path, tmp_path: Path) -> None:
    path = adopt(SPEC, checkpoint)
    before = path.read_bytes()
    other = tmp_path / "other.pth"
    torch.save(network(small("hourglass-s1")).state_dict(), other)
    with pytest.raises(WrongWeightsError, match=r"other.pth for rtmpose-t: .*does not fit: \d+ missing"):
        adopt(SPEC, other)
    assert path.read_bytes() == before
    assert in_cache(SPEC).onnx == path


def test_a_checkpoint_of_another_variant_is_an_error_that_names_it(tmp_path: Path) -> None:
    torch.save(create("rtmpose", "t").state_dict(), tmp_path / "t.pth")
    with pytest.raises(WrongWeightsError, match=r"t.pth for rtmpose-s: .*does not fit: .*; they are of rtmpose-t$"):
        adopt(find("rtmpose-s"), tmp_path / "t.pth")


def test_without_torch_it_says_how_to_install_it(
    checkpoint: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    makes: list[Callable[[], Path]] = [lambda: adopt(SPEC, checkpoint), lambda: with_random_weights(SPEC)]
    for make in makes:
        with pytest.raises(
            MissingExtraError, match=r"torch and onnxscript, not installed here: pip install 'posestrea"
        ):
            make()
    assert entries(empty_cache) == set()


# ---- random weights


def test_random_weights_are_the_same_each_time_and_made_once(empty_cache: Path, made: list[str]) -> None:
    first = with_random_weights(SPEC).read_bytes()
    assert with_random_weights(SPEC).read_bytes() == first
    assert made == ["rtmpose-t.random"]
    for file in (empty_cache / "onnx").iterdir():
        file.unlink()
    state = torch.get_rng_state()
    assert with_random_weights(SPEC).read_bytes() == first
    assert torch.equal(torch.get_rng_state(), state)  # nobody else's numbers are touched


def test_random_weights_are_never_taken_for_trained_ones(checkpoint: Path) -> None:
    random = with_random_weights(SPEC)
    assert in_cache(SPEC).onnx is None
    with pytest.raises(FetchError, match="no weights were given"):
        onnx_path(SPEC)
    assert adopt(SPEC, checkpoint) != random
