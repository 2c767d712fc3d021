"""What `tools.gpu_check` makes of what it sees: verdicts, comparisons, pictures, weights."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from posestream.engines.exceptions import WeightsError
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.download import fetch
from posestream.engines.zoo.download.photographs import photographs
from posestream.engines.zoo.resolve import onnx_path
from posestream.stream.errors import RunError
from posestream.stream.ipc.ledger import Account
from posestream.stream.published import Person, PoseMessage
from tools.benchmark import footage, timing
from tools.benchmark.figures import NotMeasuredError
from tools.benchmark.host import process_cpu_s, version_of
from tools.benchmark.observation import Observation, Passed
from tools.benchmark.watched_run import observe, watched
from tools.gpu_check import people, pipeline
from tools.gpu_check.cameras import Try, verdict
from tools.gpu_check.random_weights import normalised
from tools.gpu_check.whole_runs import BIT_RATE, mean_batch


@pytest.fixture(scope="module")
def pictures() -> None:
    try:
        photographs()
    except WeightsError as error:
        pytest.skip(f"the photographs cannot be had: {error}")


def seen(count: int, hz: float, dropped: int = 0, late: int = 0) -> Observation:
    """Two seconds of `count` cameras of `hz` each, but for `late` of them, which come to half of that."""
    frames = []
    for camera in range(count):
        rate_hz = hz / 2 if camera < late else hz
        for i in range(int(2 * rate_hz) + 1):
            at_ns = int(i / rate_hz * 1e9)
            frames.append(Passed(f"cam{camera}", i, 4, at_ns, {"publish": at_ns, "infer": at_ns}, {}))
    frames.sort(key=lambda frame: frame.stamps_ns["publish"])
    captured = len(frames) + dropped
    drops = {"replaced": dropped} if dropped else {}
    return Observation(frames, Account(0, 0, {}, 0), Account(captured, len(frames), drops, 0), 2.0, {}, {})


def test_cameras_whose_decoders_starve_drop_nothing_and_are_not_sustained() -> None:
    assert Try(64, seen(64, 30)).sustained
    assert Try(64, seen(64, 25)).flaw == "no: 1616 of 1920 fps"
    assert Try(64, seen(64, 30, late=1)).flaw == "no: one at 15.2 fps"
    assert Try(64, seen(64, 30, dropped=100)).flaw == "no: 2.5 % dropped"


def test_a_number_of_cameras_that_was_not_tried_is_no_miss() -> None:
    full = "no room in shared memory"
    assert verdict([Try(64, seen(64, 30))]) == (64, "")
    assert verdict([Try(64, seen(64, 25)), Try(48, seen(48, 30))]) == (48, "")
    assert verdict([Try(64, None, full), Try(48, seen(48, 30))]) == (None, f"64 cameras: {full}")
    assert verdict([Try(64, None, full), Try(48, seen(48, 20)), Try(32, seen(32, 30))]) == (32, "")


def message(seq: int, at_px: Sequence[float]) -> PoseMessage:
    joints = [[[x, 10.0, 0.9]] * 17 for x in at_px]
    persons = [
        Person(id=i, skeleton="coco17", box_xyxy=(0, 0, 1, 1), score=0.9, keypoints=each)  # type: ignore[arg-type]
        for i, each in enumerate(joints)
    ]
    return PoseMessage(
        camera="cam0", epoch=0, seq=seq, width=9, height=9, capture_ns=0, capture_unix_ns=0, source_ns=None,
        stamps_ns={}, people=persons, captured=seq + 1, drops={},
    )  # fmt: skip


def test_a_run_that_lost_pictures_or_people_is_no_match() -> None:
    expected = [message(0, [1, 50]), message(1, [1]), message(2, [7])]
    assert pipeline.beside(expected, expected) == (0, 0, [0.0] * 17 * 4)
    missing, alone, away_px = pipeline.beside([message(0, [1]), message(2, [8, 40])], expected)
    assert (missing, alone) == (1, 3)
    assert max(away_px) == 49
    lost_by_the_cpu = pipeline.beside(expected, expected[:2])
    assert lost_by_the_cpu == (0, 1, [0.0] * 17 * 3)
    assert pipeline.beside([], expected) == (3, 4, [])


def test_the_batch_is_what_ran_together_and_not_what_was_there() -> None:
    at = [(5, 4), (5, 4), (9, 4), (12, 2)]  # when infer ended, people
    assert mean_batch([Passed("cam0", 0, people, 0, {"infer": ns}, {}) for ns, people in at]) == 14 / 3


def test_percentiles_of_nothing_are_not_measured() -> None:
    with pytest.raises(NotMeasuredError):
        timing.percentiles([])


def test_calls_are_timed_in_turn_after_a_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "WARM_UP_S", 0.05)
    monkeypatch.setattr(timing, "CALLS", 4)
    called: list[tuple[str, float]] = []

    def call(name: str) -> None:
        called.append((name, time.monotonic()))

    began_s = time.monotonic()
    taken = timing.in_turn({"raw": lambda: call("raw"), "stage": lambda: call("stage")})
    assert set(taken) == {"raw", "stage"}
    assert [name for name, _ in called[-8:]] == ["raw", "stage"] * 4
    assert called[-8][1] >= began_s + 0.05


def test_random_weights_give_numbers_that_can_disagree() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from posestream.engines.architectures.pose_network import Deployed
    from posestream.engines.architectures.seeded import seeded

    spec = find("rtmpose-t")
    assert spec.architecture is not None
    images = np.random.default_rng(0).normal(size=(4, 3, 256, 192)).astype(np.float32)
    plain = seeded(0, spec.architecture.name, spec.architecture.variant, **spec.architecture.options)
    with torch.no_grad():
        faded = Deployed(plain).eval()(torch.from_numpy(images))
        outputs = Deployed(normalised(spec, images)).eval()(torch.from_numpy(images))
    for fades, output in zip(faded, outputs, strict=True):
        assert float(fades.abs().max()) < 0.1
        assert float(output.abs().max()) == pytest.approx(1, abs=1e-4)
        assert float(output.std()) > 0.05


def test_four_people_are_to_be_seen_in_the_pictures(pictures: None) -> None:
    onnx_path(find("nanodet"))
    found = people.people_in(footage.four_people(20))
    assert np.median([len(boxes) for _, boxes in found]) == 4
    assert {picture.shape for picture, _ in found} == {(720, 1280, 3)}


def test_a_video_is_its_frames_so_many_times_with_the_bits_of_a_camera(pictures: None, tmp_path: Path) -> None:
    import av

    path = footage.write_video(tmp_path / "four.mp4", footage.four_people(60), footage.HD, bit_rate=BIT_RATE, times=2)
    with av.open(str(path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert np.allclose(times, np.arange(120) / 30, atol=0.002)
    assert 2.5e6 < 8 * path.stat().st_size / 4 < 6e6


def test_pictures_that_are_not_here_are_not_fetched_by_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSESTREAM_CACHE", str(tmp_path))
    monkeypatch.setattr(fetch, "download", None)
    footage._wall.cache_clear()
    with pytest.raises(NotMeasuredError, match="photographs are not here"):
        next(footage.four_people(1))


def test_the_users_own_settings_are_no_part_of_what_is_measured(
    pictures: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text('[run]\nmodel = "hrnet-w32"\ndetect_every = 3\n')
    monkeypatch.chdir(tmp_path)
    with watched({"cam0": "demo"}, "latest", {"run.model": "movenet-thunder"}) as topology:
        assert topology.config.run.detect_every == 10
        assert topology.config.run.model == "movenet-thunder"


def test_a_run_that_does_not_get_on_ends_at_its_limit(pictures: None) -> None:
    with pytest.raises(RunError, match=r"frames were published in 1 s, too few to go on"):
        observe("demo", "latest", warm_up=1, frames=10**6, settings={}, limit_s=1)


def test_processes_and_packages_that_are_not_there_are_no_error() -> None:
    assert process_cpu_s(2**22 + 1) is None
    assert (process_cpu_s(os.getpid()) or 0) > 0
    assert version_of("no-such-package-of-posestream") is None
