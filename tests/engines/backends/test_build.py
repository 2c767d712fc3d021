"""TensorRT engines: really built, by TensorRT-RTX, which needs no GPU for that; and cached, checked, rebuilt."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest

from posestream.engines.backends.tensorrt import api, build
from posestream.engines.backends.tensorrt.api import TensorRTError
from posestream.engines.backends.tensorrt.build import engine_for, profiles_of
from posestream.engines.cuda.driver import Gpu, gpus
from posestream.engines.exceptions import NoGpuError, WeightsError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import FETCHED, MODELS, find
from posestream.engines.zoo.make import from_checkpoint
from posestream.engines.zoo.precision.selection import Precision
from posestream.engines.zoo.store import cache
from tests.engines.zoo.caches import imported, own_cache
from tests.standin.gpu import HERE

EVERY_PROOF = ("nanodet", "movenet-thunder", "hrnet-w32")
OTHERS = [name for name in MODELS if name not in EVERY_PROOF]
MODULES, RTX = (HERE / name for name in ("modules", "rtx"))
H200 = Gpu(0, "NVIDIA H200", 90, 150_000_000_000, "13.0", "580.65.06")


@pytest.fixture(autouse=True)
def engines_of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own, with the packages of the usual one."""
    own_cache(tmp_path, monkeypatch, "sources")


def file_of(spec: ModelSpec) -> Path:
    """Its ONNX file, with random weights where no package ships trained ones."""
    try:
        return imported(spec) if spec.fetched else from_checkpoint.with_random_weights(spec)
    except WeightsError as error:
        pytest.skip(f"weights cannot be had here: {error}")


# ---- really built


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.fixture
def networks_made_once(networks: Path, engines_of_this_test: None) -> None:
    """torch takes half a minute to export one with random weights, which is the same for each precision."""
    (cache.directory() / "onnx").symlink_to(networks)


def assert_builds(name: str, precision: Precision) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")
    spec = find(name)
    engine = engine_for(spec, file_of(spec), precision, (1, 4), None)
    assert engine.fresh
    assert len(engine.content()) > 100_000
    assert engine.sidecar["gpu"] == "none"
    assert not engine.sidecar["version"].endswith("standin")
    assert [tensor["name"] for tensor in engine.sidecar["outputs"]] == [output.name for output in spec.outputs]


@pytest.mark.timeout(600)  # torch exports hrnet-w32 first
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", EVERY_PROOF)
@pytest.mark.usefixtures("networks_made_once")
def test_an_engine_is_built_without_a_gpu(name: str, precision: Precision) -> None:
    assert_builds(name, precision)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.usefixtures("networks_made_once")
def test_every_other_network_is_built_too(name: str, precision: Precision) -> None:
    assert_builds(name, precision)


def test_int8_is_built_by_the_command_from_what_a_source_shows() -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")
    file_of(find("nanodet"))
    command = [sys.executable, "-m", "posestream.stream.cli.main", "models", "build", "nanodet", "--precision", "int8"]
    done = subprocess.run(
        [*command, "--images", "demo", "--count", "10", "--batches", "1,4"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "nanodet: built, for tensorrt-rtx" in done.stdout
    assert "int8, batches of 1, 4" in done.stdout
    (sidecar,) = (cache.directory() / "engines").glob("nanodet-*.json")
    made = cache.directory() / "onnx" / "nanodet.int8-qdq.onnx"
    assert json.loads(sidecar.read_text())["onnx_sha256"] == cache.sha256_of(made)


def test_what_tensorrt_cannot_read_is_one_line_that_names_the_file(tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")
    file = tmp_path / "broken.onnx"
    file.write_bytes(b"not a network")
    with pytest.raises(TensorRTError, match=r"cannot read .*broken\.onnx") as refused:
        engine_for(find("nanodet"), file, "fp32", (1,), None)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("package", ["", "tensorrt", "tensorrt_rtx", "tensorrt_lean_bindings"])
def test_without_a_gpu_the_driver_is_asked_and_nothing_crashes(package: str) -> None:
    """With `package` imported already; "": none of them can be imported."""
    if package:
        pytest.importorskip(package, reason=f"{package} is not installed")
    try:
        gpus()
        pytest.skip("there is a GPU here")
    except NoGpuError:
        pass
    absent = "import sys\nsys.modules.update(tensorrt=None, tensorrt_rtx=None, tensorrt_lean=None)"
    code = (
        f"{f'import {package}' if package else absent}\nfrom posestream.engines.cuda.driver import NoGpuError, gpus\n"
    )
    code += "try:\n    gpus()\nexcept NoGpuError as error:\n    print('no GPU:', error)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("no GPU: ")


# ---- kept, checked, built anew: with a TensorRT that records what is asked of it


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The calls of a stand-in for TensorRT."""
    monkeypatch.syspath_prepend(str(MODULES))
    monkeypatch.delitem(sys.modules, "tensorrt", raising=False)
    found = api.find()
    assert found.version.endswith("standin")
    calls: list[str] = found.api.calls
    calls.clear()
    yield calls
    sys.modules.pop("tensorrt", None)


@pytest.fixture
def standin_of_rtx(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The calls of a stand-in for TensorRT-RTX; the full one is not installed."""
    monkeypatch.syspath_prepend(str(RTX))
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.delitem(sys.modules, "tensorrt_rtx", raising=False)
    found = api.find()
    assert (found.flavour, found.version) == ("tensorrt-rtx", "1.7.1.standin")
    calls: list[str] = found.api.calls
    calls.clear()
    yield calls
    sys.modules.pop("tensorrt_rtx", None)


def built(
    gpu: Gpu | None = H200, precision: Precision = "fp32", batches: tuple[int, ...] = (4, 1), file: Path | None = None
) -> build.CachedEngine:
    spec = find("movenet-lightning")
    return engine_for(spec, file or file_of(spec), precision, batches, gpu)


def test_networks_are_strongly_typed_and_fp32_is_not_tf32(standin: list[str]) -> None:
    built()
    assert standin == [
        *("Builder", "create_network(2)", "OnnxParser", "parse", "create_builder_config", "clear_flag(TF32)"),
        *("create_optimization_profile", "set_shape", "add_optimization_profile") * 2,
        "build_serialized_network",
    ]


def test_rtx_gets_the_flags_that_are_off_by_default(
    standin_of_rtx: list[str],
) -> None:
    built(Gpu(0, "NVIDIA GeForce RTX 2080", 75, 1, "13.0"))
    asked = standin_of_rtx[standin_of_rtx.index("clear_flag(TF32)") :]
    assert asked[1:3] == ["set_flag(REQUIRE_USER_ALLOCATION)", "set_compute_capability(SM75)"]
    standin_of_rtx.clear()
    built(Gpu(0, "NVIDIA GeForce RTX 4090", 89, 1, "13.0"))
    assert not any(call.startswith("set_compute_capability") for call in standin_of_rtx)


def test_progress_is_reported_by_phase(standin: list[str]) -> None:
    heard: list[tuple[str, float]] = []
    spec = find("movenet-lightning")
    engine_for(spec, file_of(spec), "fp32", (1,), H200, lambda phase, done: heard.append((phase, done)))
    assert heard[0] == ("Building", 0.0)
    assert heard[-1] == ("Building", 1.0)


@pytest.mark.parametrize(
    "call",
    [
        *("Builder", "create_network", "OnnxParser", "parse", "create_builder_config", "create_optimization_profile"),
        *("set_shape", "add_optimization_profile", "build_serialized_network"),
    ],
)
def test_a_refusal_is_an_error_that_names_it(standin: list[str], call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_REFUSE", call)
    with pytest.raises(TensorRTError, match="cannot read" if call == "parse" else rf"{call}(\(.*\))? failed"):
        built()
    monkeypatch.delenv("STANDIN_REFUSE")
    assert built().fresh  # nothing half made was left


def test_an_engine_is_built_once_and_found_again(standin: list[str]) -> None:
    first, second = built(), built()
    assert (first.fresh, second.fresh) == (True, False)
    assert first.path == second.path
    assert standin.count("build_serialized_network") == 1


def test_the_sidecar_has_everything_that_the_engine_depends_on(standin: list[str]) -> None:
    sidecar = json.loads(built().path.with_suffix(".json").read_text())
    assert {key: sidecar[key] for key in ("model", "flavour", "version", "gpu", "sm", "driver", "precision")} == {
        "model": "movenet-lightning",
        "flavour": "tensorrt",
        "version": "11.4.0.standin",
        "gpu": "NVIDIA H200",
        "sm": 90,
        "driver": "580.65.06, CUDA 13.0",
        "precision": "fp32",
    }
    assert [profile[0][0] for profile in sidecar["profiles"]] == [1, 4]
    assert sidecar["inputs"] == [{"name": "images", "dtype": "INT32", "shape": [-1, 192, 192, 3]}]


@pytest.mark.parametrize(
    "other",
    [
        {"gpu": Gpu(0, "NVIDIA L4", 89, 1, "13.0", "580.65.06")},
        {"gpu": Gpu(0, "NVIDIA H200", 90, 1, "13.0", "580.82.07")},
        {"gpu": None},
        {"precision": "fp16"},
        {"batches": (1, 4, 8)},
    ],
    ids=["another GPU", "another driver", "no GPU", "another precision", "other batches"],
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


def test_for_other_weights_another_engine_is_built(standin: list[str], tmp_path: Path) -> None:
    first = built()
    other = tmp_path / "other.onnx"
    model = onnx.load(file_of(find("movenet-lightning")))
    model.doc_string = "another"
    onnx.save(model, other)
    assert built(file=other).path != first.path


@pytest.mark.parametrize(("attribute", "other"), [("__version__", "11.5.0.standin"), ("__version__", "10.13.3")])
def test_for_another_tensorrt_another_engine_is_built(
    standin: list[str], attribute: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = built()
    monkeypatch.setattr(api.find().api, attribute, other)
    second = built()
    assert second.fresh
    assert second.path != first.path


def test_an_engine_whose_sidecar_is_of_another_machine_is_rebuilt_and_never_loaded(standin: list[str]) -> None:
    path = built().path
    sidecar = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**sidecar, "gpu": "NVIDIA L4"}))
    assert built().fresh


def test_two_processes_that_want_the_same_engine_build_it_once(tmp_path: Path) -> None:
    file_of(find("movenet-lightning"))
    command = [
        sys.executable,
        "-m",
        "posestream.stream.cli.main",
        "models",
        "build",
        "movenet-lightning",
        "--batches",
        "1",
    ]
    environment = {**os.environ, "PYTHONPATH": str(MODULES)}
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(2)]
    said = [process.communicate()[0].splitlines()[-1] for process in running]
    assert sorted(line.split(",")[0] for line in said) == [
        "movenet-lightning: built",
        "movenet-lightning: there already",
    ]


@pytest.mark.parametrize(
    ("flavour", "version", "said"),
    [
        ("tensorrt", "10.12.0.36", r"tensorrt 10\.12\.0\.36 is too old: 10\.13 or newer is needed"),
        ("tensorrt_rtx", "1.3.0", r"tensorrt-rtx 1\.3\.0 is too old: 1\.4 or newer is needed"),
    ],
)
def test_a_tensorrt_that_is_too_old_is_an_error_with_advice(
    monkeypatch: pytest.MonkeyPatch, flavour: str, version: str, said: str
) -> None:
    for name in ("tensorrt", "tensorrt_rtx"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(__version__=version) if name == flavour else None)
    with pytest.raises(ImportError, match=rf"no TensorRT: {said}; install posestream\[tensorrt\], or for RTX GPUs"):
        api.find()


def test_int8_that_was_never_made_is_refused_before_anything_is_built(standin: list[str]) -> None:
    file_of(find("nanodet"))
    command = [sys.executable, "-m", "posestream.stream.cli.main", "models", "build", "nanodet", "--precision", "int8"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "nanodet has no int8 version for TensorRT on this machine: run `posestream models build" in done.stderr


def test_the_sidecar_of_a_detector_without_int8_has_precision_fp32(standin: list[str]) -> None:
    spec = find("nanodet")
    engine = engine_for(spec, file_of(spec), "int8", (1,), H200)
    assert engine.sidecar["precision"] == "fp32"
    assert "clear_flag(TF32)" in standin


def test_a_network_of_one_image_has_one_profile_and_one_that_follows_the_frame_a_range() -> None:
    assert profiles_of(find("fastestdet"), (1, 4, 8))[0][0][0] == 1
    multipose = profiles_of(find("movenet-multipose"), (1, 4))
    assert len(multipose) == 1
    ((min_shape, opt_shape, max_shape),) = multipose
    assert all(a <= b <= c for a, b, c in zip(min_shape, opt_shape, max_shape, strict=True))
    assert min_shape != max_shape


def test_every_fetched_network_has_profiles() -> None:
    for spec in FETCHED:
        assert all(len(shapes) == 3 for shapes in profiles_of(spec, (1, 4)))
