"""TensorRT engines: really built, by TensorRT-RTX, which needs no GPU for that; and kept, checked, built anew."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engines import build
from engines.backends.tensorrt import installed
from engines.backends.tensorrt.installed import TensorRTError
from engines.build import engine_for, profiles_of
from engines.cuda.driver import Gpu, NoGpuError, gpus
from engines.spec import ModelSpec
from engines.zoo import cache, trained
from engines.zoo.catalogue import FETCHED, MODELS, find
from engines.zoo.errors import ZooError
from engines.zoo.forms import Precision
from engines.zoo.imported import onnx_path

EVERY_PROOF = ("nanodet", "movenet-thunder", "hrnet-w32")
OTHERS = [name for name in MODELS if name not in EVERY_PROOF]
MODULES = Path(__file__).parents[1] / "standin" / "modules"
H200 = Gpu(0, "NVIDIA H200", 90, 150_000_000_000, "13.0")


@pytest.fixture(autouse=True)
def engines_of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own, with the networks of the usual one."""
    usual = cache.directory()
    own = tmp_path / "cache"
    own.mkdir()
    if (usual / "sources").is_dir():
        (own / "sources").symlink_to(usual / "sources")
    monkeypatch.setenv("POSESTREAM_CACHE", str(own))


def file_of(spec: ModelSpec) -> Path:
    """Its ONNX file, with random weights where nobody can have others."""
    try:
        return onnx_path(spec) if spec.fetched else trained.with_random_weights(spec)
    except ZooError as error:
        pytest.skip(f"weights cannot be had here: {error}")


# ---- really built


def assert_builds(name: str, precision: Precision) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")
    spec = find(name)
    engine = engine_for(spec, file_of(spec), precision, (1, 4), None)
    assert engine.fresh
    assert len(engine.content()) > 100_000
    assert engine.sidecar["gpu"] == "none"
    assert [tensor["name"] for tensor in engine.sidecar["outputs"]] == [output.name for output in spec.outputs]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", EVERY_PROOF)
def test_an_engine_is_built_without_a_gpu(name: str, precision: Precision) -> None:
    assert_builds(name, precision)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", OTHERS)
def test_every_other_network_is_built_too(name: str, precision: Precision) -> None:
    assert_builds(name, precision)


def test_int8_is_built_by_the_command_from_what_a_source_shows() -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")
    file_of(find("nanodet"))
    command = [sys.executable, "-m", "stream.cli.main", "models", "build", "nanodet", "--precision", "int8"]
    done = subprocess.run(
        [*command, "--images", "demo", "--count", "10", "--batches", "1,4"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "nanodet: built, for tensorrt-rtx" in done.stdout
    assert "int8, batches of 1, 4" in done.stdout


def test_what_tensorrt_cannot_read_is_one_line_that_names_the_file(tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")
    file = tmp_path / "broken.onnx"
    file.write_bytes(b"not a network")
    with pytest.raises(TensorRTError, match=r"cannot read .*broken\.onnx") as refused:
        engine_for(find("nanodet"), file, "fp32", (1,), None)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("package", ["", "tensorrt", "tensorrt_rtx", "tensorrt_lean_bindings"])
def test_the_driver_says_that_there_is_no_gpu_and_nothing_crashes(package: str) -> None:
    if package:
        pytest.importorskip(package, reason=f"{package} is not installed")
    try:
        gpus()
        pytest.skip("there is a GPU here")
    except NoGpuError:
        pass
    code = f"import {package or 'engines'}\nfrom engines.cuda.driver import NoGpuError, gpus\n"
    code += "try:\n    gpus()\nexcept NoGpuError as error:\n    print('no GPU:', error)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("no GPU: ")


# ---- kept, checked, built anew: with a TensorRT that records what is asked of it


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls of a stand-in for TensorRT."""
    monkeypatch.syspath_prepend(str(MODULES))
    monkeypatch.delitem(sys.modules, "tensorrt", raising=False)
    found = installed.find()
    assert found.version.endswith("standin")
    calls: list[str] = found.api.calls
    calls.clear()
    return calls


def built(gpu: Gpu | None = H200, precision: Precision = "fp32") -> build.Engine:
    spec = find("movenet-lightning")
    return engine_for(spec, file_of(spec), precision, (4, 1), gpu)


def test_networks_are_strongly_typed_and_fp32_is_not_tf32(standin: list[str]) -> None:
    built()
    assert standin == ["create_network(2)", "parse", "clear_flag(TF32)", "build_serialized_network"]


@pytest.mark.parametrize("call", ["parse", "build_serialized_network"])
def test_a_refusal_is_an_error_that_names_it(standin: list[str], call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_REFUSE", call)
    with pytest.raises(TensorRTError, match="cannot read" if call == "parse" else "build_serialized_network failed"):
        built()
    monkeypatch.delenv("STANDIN_REFUSE")
    assert built().fresh  # nothing half made was left


def test_an_engine_is_built_once_and_found_again(standin: list[str]) -> None:
    first, second = built(), built()
    assert (first.fresh, second.fresh) == (True, False)
    assert first.path == second.path
    assert standin.count("build_serialized_network") == 1


def test_the_sidecar_says_what_the_engine_was_made_of_for_what(standin: list[str]) -> None:
    sidecar = json.loads(built().path.with_suffix(".json").read_text())
    assert {key: sidecar[key] for key in ("model", "flavour", "version", "gpu", "sm", "driver", "precision")} == {
        "model": "movenet-lightning",
        "flavour": "tensorrt",
        "version": "11.4.0.standin",
        "gpu": "NVIDIA H200",
        "sm": 90,
        "driver": "13.0",
        "precision": "fp32",
    }
    assert [profile[0][0] for profile in sidecar["profiles"]] == [1, 4]
    assert sidecar["inputs"] == [{"name": "images", "dtype": "INT32", "shape": [-1, 192, 192, 3]}]


@pytest.mark.parametrize(
    "other",
    [
        {"gpu": Gpu(0, "NVIDIA L4", 89, 1, "13.0")},
        {"gpu": Gpu(0, "NVIDIA H200", 90, 1, "12.9")},
        {"gpu": None},
        {"precision": "fp16"},
    ],
    ids=["another GPU", "another driver", "no GPU", "another precision"],
)
def test_for_anything_else_another_engine_is_built(standin: list[str], other: dict[str, object]) -> None:
    first = built()
    second = built(**other)  # type: ignore[arg-type]
    assert second.fresh
    assert second.path != first.path


def test_an_engine_that_was_changed_on_disk_is_built_anew_and_never_loaded(standin: list[str]) -> None:
    path = built().path
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert built().fresh
    path.with_suffix(".json").write_text("{")
    assert built().fresh


def test_two_that_want_the_same_engine_build_it_once(standin: list[str]) -> None:
    file_of(find("movenet-lightning"))
    threads = [threading.Thread(target=built) for _ in range(3)]  # the lock is of files: it holds among processes too
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert standin.count("build_serialized_network") == 1


def test_a_network_of_one_image_has_one_profile_and_one_that_follows_the_frame_a_range() -> None:
    assert profiles_of(find("fastestdet"), (1, 4, 8))[0][0][0] == 1
    multipose = profiles_of(find("movenet-multipose"), (1, 4))
    assert len(multipose) == 1
    ((least, usual, most),) = multipose
    assert all(a <= b <= c for a, b, c in zip(least, usual, most, strict=True))
    assert least != most


def test_every_fetched_network_has_profiles() -> None:
    for spec in FETCHED:
        assert all(len(shapes) == 3 for shapes in profiles_of(spec, (1, 4)))
