"""A whole run where infer cuts the crops: on the CPU, and with TensorRT on the stand-in of a GPU, which also fails.

The poses are those of the usual way. Where kernels cut, a pixel may be a level of brightness off.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from posestream.engines.cuda.driver import gpus
from posestream.engines.exceptions import NoGpuError
from posestream.engines.zoo.store import cache
from posestream.stream.published import PoseMessage
from tests.ipc.conftest import StartRun
from tests.ipc.footage import people, write_video
from tests.ipc.product import Product, wait_until
from tests.standin.gpu import StandIn, driver, standin

__all__ = ["driver", "standin"]

FRAMES = 40
MOST = 0.98  # where a level of brightness makes one cell of a map larger than another, a joint moves by a cell
SMOOTH = "[smooth]\nenabled = false\n"
CUT_BY_INFER = '[preprocess]\ndevice = "cuda"\n'
BATCHES = "[infer]\nbatches = [1, 4]\n"
ONNX = '[run]\ndevice = "onnx"\n'  # what the stand-in of TensorRT runs networks by
TENSORRT = BATCHES + '[run]\ndevice = "tensorrt"\n'
TENSORRT_CUTS = BATCHES + CUT_BY_INFER + '[run]\ndevice = "tensorrt"\n'
ALONE = "detect_every = 1\n"  # no crop follows a pose: what is a hair off in one frame stays there


@pytest.fixture(scope="module")
def clip(weights: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People, for a second and a half."""
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", people(FRAMES))


@pytest.fixture
def no_gpu() -> None:
    """Skips where there is one."""
    with contextlib.suppress(NoGpuError):
        pytest.skip(f"there is a GPU here: {gpus()[0].name}")


def published(run: StartRun, clip: Path, folder: Path, settings: str, **options: Any) -> list[PoseMessage]:
    """The messages that a run over the whole clip wrote."""
    output = folder / "poses.jsonl"
    output.unlink(missing_ok=True)
    ended = run(clip, "--output", output, settings=SMOOTH + settings, **options).finish()
    assert ended.code == 0, ended.lines
    return [msgspec.json.decode(line, type=PoseMessage) for line in output.read_bytes().splitlines()]


def assert_same(
    messages: list[PoseMessage], others: list[PoseMessage], tolerance_px: float, share: float = 1.0
) -> None:
    """As many people in every frame, and this share of their sure joints within a tolerance."""
    assert [message.seq for message in messages] == [message.seq for message in others] == list(range(FRAMES))
    assert sum(len(message.people) for message in messages) > FRAMES
    away = []
    for message, other in zip(messages, others, strict=True):
        assert len(message.people) == len(other.people)
        found = np.array([person.keypoints for person in message.people]).reshape(-1, 17, 3)
        for theirs in other.people:  # of two people scored alike either may come first, and have the first id
            expected = np.array(theirs.keypoints)
            nearest = np.abs(found - expected)[..., :2].max(axis=(1, 2)).argmin()
            away += np.abs(found[nearest] - expected)[expected[:, 2] > 0.3, :2].max(axis=1).tolist()
    assert (np.array(away) <= tolerance_px).mean() >= share


def test_poses_are_the_same_when_infer_cuts_on_the_cpu(posestream: StartRun, clip: Path, tmp_path: Path) -> None:
    usual = published(posestream, clip, tmp_path, "")
    assert_same(published(posestream, clip, tmp_path, CUT_BY_INFER), usual, 0.01)


def test_tensorrt_in_a_run_gives_the_stand_ins_poses(
    posestream: StartRun, clip: Path, tmp_path: Path, standin: StandIn
) -> None:
    environment = standin.environment(POSESTREAM_CACHE=cache_with_networks(tmp_path))
    usual = published(posestream, clip, tmp_path, ONNX)
    assert_same(published(posestream, clip, tmp_path, TENSORRT, environment=environment), usual, 0.01)


def test_crops_cut_by_kernels_in_a_run_give_the_poses_of_those_cut_by_opencv(
    posestream: StartRun, clip: Path, tmp_path: Path, standin: StandIn
) -> None:
    environment = standin.environment(POSESTREAM_CACHE=cache_with_networks(tmp_path))
    usual = published(posestream, clip, tmp_path, ONNX + ALONE)
    ours = published(posestream, clip, tmp_path, TENSORRT_CUTS + ALONE, environment=environment)
    assert_same(ours, usual, 1.0, MOST)


def test_auto_takes_the_gpu_and_names_it_at_start(
    posestream: StartRun, clip: Path, tmp_path: Path, standin: StandIn
) -> None:
    environment = standin.environment(POSESTREAM_CACHE=cache_with_networks(tmp_path))
    said = posestream(clip, "--frames", 3, environment=environment).finish().lines
    assert any("movenet-lightning on tensorrt 11.4.0.standin, stand-in GPU, fp32, CUDA graph" in line for line in said)


def test_auto_falls_back_to_the_cpu_with_the_reason_where_tensorrt_refuses(
    posestream: StartRun, clip: Path, tmp_path: Path, standin: StandIn
) -> None:
    environment = standin.environment(
        POSESTREAM_CACHE=cache_with_networks(tmp_path), STANDIN_REFUSE="build_serialized_network"
    )
    ended = posestream(clip, "--frames", 3, environment=environment).finish()
    assert ended.code == 0
    assert any(
        "the GPU is not used: tensorrt 11.4.0.standin: build_serialized_network failed" in s for s in ended.lines
    )
    assert any("movenet-lightning on OpenVINO" in line for line in ended.lines)


def test_a_gpu_that_fails_is_tried_once_more_and_then_left(
    posestream: StartRun, clip: Path, tmp_path: Path, standin: StandIn
) -> None:
    environment = standin.environment(POSESTREAM_CACHE=cache_with_networks(tmp_path), STANDIN_FAIL="cuGraphLaunch:5")
    ended = posestream(clip, settings=TENSORRT_CUTS, environment=environment).finish()
    assert ended.code == 0, ended.lines
    assert sum("an illegal memory access was encountered" in line for line in ended.lines) == 2
    assert any("infer ended 2 times on the GPU: the networks run on the CPU" in line for line in ended.lines)
    assert any("infer runs again: nanodet on OpenVINO" in line for line in ended.lines)
    captured, published, dropped = ended.balance()
    assert captured == FRAMES == published + dropped
    assert published >= FRAMES // 2


def test_where_the_settings_forbid_the_cpu_a_gpu_that_keeps_failing_ends_the_run(
    posestream: StartRun, clip: Path, tmp_path: Path, standin: StandIn
) -> None:
    environment = standin.environment(POSESTREAM_CACHE=cache_with_networks(tmp_path), STANDIN_FAIL="cuGraphLaunch:0")
    settings = '[run]\ndevice = "tensorrt"\n[infer]\nbatches = [1, 4]\nfallback = false\n[supervisor]\nrestarts = 1\n'
    ended = posestream(clip, settings=settings, environment=environment).finish()
    assert ended.code == 3
    assert "infer failed too often (exit code 75)" in ended.error


@pytest.mark.parametrize("device", ["tensorrt", "auto"])
def test_a_gpu_that_is_gone_after_it_failed_is_left_for_the_cpu(
    posestream: StartRun, clip: Path, tmp_path: Path, standin: StandIn, device: str
) -> None:
    """It ended the run: a failure to load after a restart was taken for a wrong setting."""
    environment = losing_its_gpu(standin, tmp_path)
    settings = f'{BATCHES}{CUT_BY_INFER}[run]\ndevice = "{device}"\nprecision = "fp16"\n'
    ended = posestream(clip, settings=settings, environment=environment).finish()
    assert ended.code == 0, ended.lines
    assert any("no CUDA-capable device is detected" in line for line in ended.lines)
    assert any("infer runs again: nanodet on OpenVINO" in line for line in ended.lines)
    captured, published, dropped = ended.balance()
    assert captured == FRAMES == published + dropped
    assert published >= FRAMES // 2


def test_infer_killed_twice_on_the_gpu_falls_back_to_the_cpu(
    posestream: StartRun, tmp_path: Path, standin: StandIn
) -> None:
    """As the supervisor kills it where the GPU hangs; it was started on the GPU again and again."""
    environment = standin.environment(POSESTREAM_CACHE=cache_with_networks(tmp_path))
    run = posestream("demo", settings=TENSORRT, environment=environment)
    run.line(r"on tensorrt 11\.4\.0\.standin")
    for _ in range(2):
        kill_infer(run)
    run.line("infer ended 2 times on the GPU: the networks run on the CPU")
    run.line("infer runs again: nanodet on OpenVINO")
    assert run.interrupt().code == 0


def test_infer_that_runs_on_the_cpu_from_its_start_may_die_without_blaming_the_gpu(
    posestream: StartRun, tmp_path: Path, standin: StandIn
) -> None:
    environment = standin.environment(
        POSESTREAM_CACHE=cache_with_networks(tmp_path), STANDIN_REFUSE="build_serialized_network"
    )
    run = posestream("demo", settings="[infer]\nfallback = false\n", environment=environment)
    run.line("movenet-lightning on OpenVINO")
    for _ in range(2):
        kill_infer(run)
    ended = run.interrupt()
    assert ended.code == 0
    assert not any("on the GPU: the networks run" in line or "the GPU runs none" in line for line in ended.lines)


def test_the_reason_why_infer_lost_its_gpu_is_the_runs_error_without_restarts_left(
    posestream: StartRun, clip: Path, tmp_path: Path, standin: StandIn
) -> None:
    """The reason was lost, and its exit code: "infer failed too often; its last line: none"."""
    environment = losing_its_gpu(standin, tmp_path)
    settings = TENSORRT + "[supervisor]\nrestarts = 1\n"
    ended = posestream(clip, settings=settings, environment=environment).finish()
    assert ended.code == 3
    assert "the GPU is gone: " in ended.error


def test_where_the_settings_forbid_the_cpu_a_gpu_that_is_gone_ends_the_run(
    posestream: StartRun, clip: Path, tmp_path: Path, standin: StandIn
) -> None:
    environment = losing_its_gpu(standin, tmp_path)
    settings = "[infer]\nbatches = [1, 4]\nfallback = false\n"
    ended = posestream(clip, settings=settings, environment=environment).finish()
    assert ended.code == 3
    assert "no CUDA-capable device is detected" in ended.error
    assert not any("on OpenVINO" in line for line in ended.lines)


def test_keypoints_that_the_gpu_finds_are_those_of_the_decoder(
    posestream: StartRun, clip: Path, tmp_path: Path, standin: StandIn
) -> None:
    environment = standin.environment(POSESTREAM_CACHE=cache_with_networks(tmp_path))
    noise = 'model = "rtmpose-t"\nrandom_weights = true\n' + ALONE
    usual = published(posestream, clip, tmp_path, ONNX + noise)
    ours = published(posestream, clip, tmp_path, TENSORRT_CUTS + noise, environment=environment)
    away = []
    for message, other in zip(ours, usual, strict=True):
        assert len(message.people) == len(other.people)
        found, expected = (np.array([p.keypoints for p in each.people]).reshape(-1, 17, 3) for each in (message, other))
        away += np.linalg.norm(found - expected, axis=2).ravel().tolist()
    assert len(away) > FRAMES * 17
    assert (np.array(away) < 1).mean() > 0.8  # of noise a level of brightness may make another peak the highest


def test_pages_that_cannot_be_locked_are_logged_once(
    posestream: StartRun, clip: Path, tmp_path: Path, standin: StandIn
) -> None:
    environment = standin.environment(POSESTREAM_CACHE=cache_with_networks(tmp_path), STANDIN_REFUSE_LOCK="1")
    ended = posestream(
        f"a={clip}", f"b={clip}", "--frames", 3, settings=TENSORRT_CUTS, environment=environment
    ).finish()
    assert ended.code == 0, ended.lines
    assert sum("are not page-locked, so copies to the GPU take longer" in line for line in ended.lines) == 1


def test_crops_that_no_gpu_cuts_are_logged_as_cut_on_the_cpu(posestream: StartRun, clip: Path) -> None:
    ended = posestream(clip, "--frames", 3, "--device", "cpu", settings=CUT_BY_INFER).finish()
    assert any("no GPU runs movenet-lightning, so infer cuts its crops on the CPU" in line for line in ended.lines)


def test_halves_where_there_is_no_gpu_are_refused_before_anything_starts(
    posestream: StartRun, clip: Path, no_gpu: None
) -> None:
    ended = posestream(clip, "--precision", "fp16").finish()
    assert ended.code == 2
    assert 'run.precision = "fp16" is for GPUs, and there is none (no ' in ended.error


def test_a_run_that_asks_for_a_gpu_without_one_is_an_error(posestream: StartRun, clip: Path, no_gpu: None) -> None:
    ended = posestream(clip, "--device", "tensorrt").finish()
    assert ended.code == 3
    assert "install NVIDIA's driver" in ended.error
    assert "no NVIDIA driver" in ended.error or "knows no GPU" in ended.error or "no CUDA-capable" in ended.error


def losing_its_gpu(standin: StandIn, folder: Path) -> Mapping[str, str]:
    """Environment of a run whose GPU fails after a few frames, and is gone from then on."""
    return standin.environment(
        POSESTREAM_CACHE=cache_with_networks(folder),
        STANDIN_FAIL="cuGraphLaunch:5",
        STANDIN_GONE=str(folder / "gone"),
    )


def kill_infer(run: Product) -> None:
    """Kills infer, and waits until there is another."""
    victim = run.process("infer")
    victim.kill()
    wait_until(lambda: run.process("infer").pid != victim.pid, "infer is started again")


def cache_with_networks(folder: Path) -> str:
    """A cache whose engines are the test's own, and whose networks are those of the usual one."""
    own = folder / "cache"
    own.mkdir()
    for name in ("onnx", "sources"):
        (own / name).symlink_to(cache.directory() / name)
    return str(own)
