"""`posestream doctor` on this machine, and on this machine with something broken or missing."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from posestream.stream import config
from posestream.stream.cli.doctor import verdict
from posestream.stream.doctor import machine, runtimes
from posestream.stream.doctor.finding import Finding, Mark
from posestream.stream.doctor.probes import Probe, probe
from posestream.stream.ipc import shared_memory
from posestream.stream.run import run_folder
from posestream.stream.sources.webcam.v4l2 import CameraInfo

REPOSITORY = Path(__file__).parents[3]
PATIENCE_S = 120
ANY_PORTS = '[publish]\nendpoint = "tcp://127.0.0.1:*"\n[page]\naddress = "127.0.0.1:0"\n'

GOOD_DRIVER = """
#include <string.h>
int cuInit(unsigned flags) { return 0; }
int cuDriverGetVersion(int *version) { *version = 12080; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = 9; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetName(char *name, int size, int device) { strncpy(name, "Example GPU", size); return 0; }
int cuDeviceTotalMem_v2(unsigned long *bytes, int device) { *bytes = 8ul << 30; return 0; }
"""
REFUSING_DRIVER = """
int cuInit(unsigned flags) { return 803; }
int cuGetErrorString(int code, const char **text) { *text = "driver and library do not match"; return 0; }
"""
CRASHING_DRIVER = "#include <stdlib.h>\nint cuInit(unsigned flags) { abort(); }\n"


def doctor(tmp_path: Path, packages: Path | None = None) -> tuple[int, dict[str, str]]:
    """Exit code of the command, and its output: topic -> mark and detail; the last line as "verdict"."""
    settings = tmp_path / "settings.toml"
    settings.write_text(ANY_PORTS)
    command = [sys.executable, "-m", "posestream.stream.cli.main", "doctor", "--config", str(settings)]
    environment = {**os.environ, "PYTHONPATH": str(packages or "")}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=REPOSITORY, env=environment, check=False, timeout=PATIENCE_S
    )
    assert done.stderr == ""
    found: dict[str, str] = {}
    topic = ""
    for line in filter(None, done.stdout.splitlines()):
        mark, name, detail = line[:6].strip(), line[6:21].strip(), line[21:].strip()
        topic = name or topic
        found[topic] = " ".join(f"{found.get(topic, '')} {mark} {detail}".split())
    return done.returncode, {**found, "verdict": done.stdout.splitlines()[-1]}


def test_on_a_machine_with_everything_a_plain_run_works(tmp_path: Path) -> None:
    code, found = doctor(tmp_path)
    assert (code, found["verdict"]) == (0, "All that `posestream run` needs is here.")
    assert found["Python"].startswith(f"ok {sys.version.split()[0]} in {sys.prefix}; posestream ")
    assert " cores of " in found["processor"]
    assert "a camera takes about " in found["shared memory"]
    assert "on CPU" in found["OpenVINO"]


def test_broken_packages_come_with_advice_and_extras_are_not_imported(tmp_path: Path) -> None:
    for package, body in {
        "cv2": "raise ImportError('libGL.so.1: cannot open shared object file')",
        "openvino": "raise ImportError('wrong version of glibc')",
        "torch": "import os; os.abort()",
    }.items():
        (tmp_path / f"{package}.py").write_text(body)
    (tmp_path / "torch-2.4.0.dist-info").mkdir()
    (tmp_path / "torch-2.4.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.4.0\n")
    code, found = doctor(tmp_path, packages=tmp_path)
    assert (code, found["verdict"]) == (1, "To fix before `posestream run` works: OpenCV.")
    assert found["OpenCV"] == (
        "fix cannot be loaded: ImportError: libGL.so.1: cannot open shared object file "
        "→ on Debian and Ubuntu: sudo apt-get install libgl1 libglib2.0-0"
    )
    assert found["OpenVINO"].startswith("note cannot be used: ImportError: wrong version of glibc → install it")
    assert found["ONNX Runtime"].startswith("ok ")
    installed, missing = found["extras"].split("; not installed, and not needed: ")
    assert installed.startswith("note installed: ")
    assert "torch 2.4.0" in installed
    assert "tensorrt" in missing.split(", ")  # the full one: the tests' own needs hold RTX alone


def test_weights_that_are_not_here_are_fetched_by_the_first_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSESTREAM_CACHE", str(tmp_path / "none"))
    code, found = doctor(tmp_path)
    assert code == 0
    assert "nanodet: not in the cache yet → the first run fetches them" in found["weights"]
    assert found["other weights"].startswith("note not fetched yet: fastestdet, ")
    assert not (tmp_path / "none").exists()


def test_one_runtime_is_enough_and_none_is_not() -> None:
    broken, good = Probe(problem="no"), Probe(("1.2", "CPU"))
    assert [each.mark for each in runtimes.runtimes(good, broken)] == [Mark.OK, Mark.NOTE]
    assert [each.mark for each in runtimes.runtimes(broken, good)] == [Mark.NOTE, Mark.OK]
    assert [each.mark for each in runtimes.runtimes(broken, broken)] == [Mark.FIX, Mark.FIX]


NO_TENSORRT = Probe(problem="ImportError: no TensorRT")


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Driver":
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler to make a GPU driver of")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    return Driver(tmp_path)


class Driver:
    """Makes a library that is found in place of a GPU's driver."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, source: str) -> None:
        (self.folder / "driver.c").write_text(source)
        command = ["cc", "-shared", "-fPIC", "-w", "-o", "libcuda.so.1", "driver.c"]
        subprocess.run(command, cwd=self.folder, check=True)


def test_a_gpu_is_named_with_its_memory_and_cuda(driver: Driver, tmp_path: Path) -> None:
    driver.make(GOOD_DRIVER)
    assert runtimes.gpu(probe("cuda"), NO_TENSORRT, tmp_path).detail.startswith(
        "Example GPU (8 GB); the driver has CUDA 12.8"
    )


def test_the_runtime_of_a_gpu_is_named_or_how_to_install_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = Probe(("13.0", "Example GPU (8 GB)"))
    with_it = runtimes.gpu(there, Probe(("tensorrt 11.4",)), tmp_path)
    assert (with_it.mark, with_it.advice) == (Mark.OK, "")
    assert with_it.detail.endswith("networks run on it, by tensorrt 11.4")
    without = runtimes.gpu(there, NO_TENSORRT, tmp_path)
    assert without.mark is Mark.NOTE
    assert without.detail.endswith("networks run on the CPU")
    assert without.advice == NO_TENSORRT.problem
    monkeypatch.setattr(runtimes, "_is_installed", lambda package, _module: package not in ("cuda-bindings", "pycuda"))
    undriven = runtimes.gpu(there, Probe(("tensorrt 11.4",)), tmp_path)
    assert undriven.detail.endswith("networks run on the CPU: neither cuda-bindings nor pycuda is installed")
    assert undriven.advice == "pip install posestream[cuda]"


def test_a_driver_that_refuses_is_quoted(driver: Driver, tmp_path: Path) -> None:
    driver.make(REFUSING_DRIVER)
    assert "driver and library do not match (803)" in runtimes.gpu(probe("cuda"), NO_TENSORRT, tmp_path).detail


def test_a_driver_that_crashes_takes_only_the_probe_with_it(driver: Driver, tmp_path: Path) -> None:
    driver.make(CRASHING_DRIVER)
    finding = runtimes.gpu(probe("cuda"), NO_TENSORRT, tmp_path)
    assert (finding.mark, finding.detail) == (Mark.NOTE, "the NVIDIA driver does not work: crashed (SIGABRT)")


def test_a_gpu_without_its_driver_is_seen(tmp_path: Path) -> None:
    nothing = Probe(problem="OSError: libcuda.so.1: cannot open shared object file")
    assert runtimes.gpu(nothing, NO_TENSORRT, tmp_path).detail.startswith("no NVIDIA driver")
    (tmp_path / "0000:01:00.0").mkdir()
    (tmp_path / "0000:01:00.0" / "vendor").write_text("0x10de\n")
    (tmp_path / "0000:01:00.0" / "class").write_text("0x030000\n")
    assert runtimes.gpu(nothing, NO_TENSORRT, tmp_path).detail.startswith("an NVIDIA GPU without a driver")


def test_a_port_in_use_comes_with_advice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = config.load(
            None, {"publish.endpoint": f"tcp://127.0.0.1:{port}", "page.address": f"127.0.0.1:{port}"}
        )
        publishing, page = machine.ports(settings)
    assert (publishing.mark, page.mark) == (Mark.FIX, Mark.FIX)
    assert "Address already in use" in publishing.detail
    assert "--publish tcp://HOST:PORT" in publishing.advice
    assert "the port is in use" in page.detail
    assert {finding.mark for finding in machine.ports(settings)} == {Mark.OK}


def test_a_first_camera_that_cannot_be_opened_is_to_fix() -> None:
    good = CameraInfo("/dev/video2", "Webcam", "usb:1:2:3#0", "1-1", 2)
    closed = CameraInfo("/dev/video0", "Webcam", "usb:1:2:4#0", "1-2", 0, "add yourself to the group")
    first, second = machine.cameras([closed, good], has_v4l2=True)
    assert (first.mark, first.advice, second.mark) == (Mark.FIX, "add yourself to the group", Mark.OK)
    assert machine.cameras([good, closed], has_v4l2=True)[1].mark is Mark.NOTE


def test_without_a_camera_the_demo_is_named() -> None:
    (finding,) = machine.cameras([], has_v4l2=True)
    assert finding.mark is Mark.NOTE
    assert "shows the demo" in finding.detail


def test_folders_of_dead_runs_are_counted() -> None:
    with run_folder.open_run_dir() as alive:
        assert alive not in run_folder.dead()
        left = alive.with_name(f"{alive.name}-left")
        left.mkdir()
        try:
            (left / "lock").touch()
            assert left in run_folder.dead()
            assert "which the next run removes" in machine.shared_memory_room(config.load()).detail
        finally:
            shutil.rmtree(left, ignore_errors=True)


def test_too_little_shared_memory_comes_with_the_command_to_enlarge_it(
    tiny_shm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_memory, "place", lambda: tiny_shm)
    finding = machine.shared_memory_room(config.load())
    assert finding.mark is Mark.FIX
    assert finding.detail.startswith(f"{tiny_shm}: 1 of 1 MB are free, a camera takes about ")
    assert "--shm-size=256m" in finding.advice


def test_the_verdict_names_each_topic_to_fix_once() -> None:
    bad = Finding("cameras", Mark.FIX, "x", "y")
    assert verdict([bad, bad, Finding("GPU", Mark.NOTE, "")]) == "To fix before `posestream run` works: cameras."
