"""The processes of a run, and their links."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from posestream.stream.config import load
from posestream.stream.run.process import MODULES
from posestream.stream.run.topology import CameraSpec, Topology
from posestream.stream.sources.source import Policy


def a_run(cameras: int = 1, *, policy: Policy = "latest", sinks: tuple[str, ...] = (), **settings: Any) -> Topology:
    specs = [
        CameraSpec(name=f"cam{i}", source=f"rtsp://u:p{i}@h", policy=policy, independent_images=False)
        for i in range(cameras)
    ]
    overrides = {name.replace("__", "."): value for name, value in settings.items()}
    return Topology(
        run_dir="/dev/shm/run",
        config=load(overrides=overrides),
        cameras=tuple(specs),
        networks={"nanodet": "/n.onnx", "movenet-lightning": "/m.onnx"},
        endpoints={"publish": "ipc:///dev/shm/run/0", "published": "ipc:///dev/shm/run/1"},
        sinks=sinks,
    )


def test_a_run_has_a_process_for_each_part_in_the_order_of_the_frames_way() -> None:
    run = a_run(2, sinks=("/a.jsonl", "/b.mp4"))
    stages = ("preprocess.0", "infer", "postprocess.0", "publish")
    assert run.processes == ("capture.cam0", "capture.cam1", *stages, "sink.0", "sink.1", "page")


def test_every_process_has_a_module() -> None:
    run = a_run(2, sinks=("/a.jsonl",))
    assert {name.partition(".")[0] for name in run.processes} == set(MODULES)


def test_the_page_may_be_off() -> None:
    assert "page" not in a_run(page__address="off").processes


def test_cameras_are_dealt_out_to_workers_in_turn_and_each_belongs_to_one_of_a_stage() -> None:
    run = a_run(5, preprocess__workers=2, postprocess__workers=3)
    assert run.workers("preprocess") == ("preprocess.0", "preprocess.1")
    assert [run.worker("preprocess", name) for name in run.camera_names] == [f"preprocess.{i % 2}" for i in range(5)]
    assert [camera.name for camera in run.cameras_of("preprocess.1")] == ["cam1", "cam3"]
    assert [camera.name for camera in run.cameras_of("postprocess.2")] == ["cam2"]


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
@pytest.mark.parametrize("cameras", [1, 2, 5])
def test_no_worker_is_without_a_camera_and_no_camera_without_a_worker(cameras: int, workers: int) -> None:
    run = a_run(cameras, preprocess__workers=workers)
    dealt = [camera.name for worker in run.workers("preprocess") for camera in run.cameras_of(worker)]
    assert all(run.cameras_of(worker) for worker in run.workers("preprocess"))
    assert sorted(dealt) == sorted(run.camera_names)


def test_under_latest_only_the_stages_hold_leases() -> None:
    assert a_run(policy="latest", sinks=("/a.jsonl",)).leaseholders("cam0") == ()


def test_every_waits_for_the_file_sinks_or_without_them_for_publish() -> None:
    assert a_run(policy="every", sinks=("/a.jsonl", "/b.mp4")).leaseholders("cam0") == ("sink.0", "sink.1")
    assert a_run(policy="every").leaseholders("cam0") == ("publish",)


def test_files_of_the_run_lie_in_its_folder_and_have_names_of_their_own() -> None:
    run = a_run(2)
    files = [
        *(run.frame_ring(camera, epoch) for camera in run.camera_names for epoch in range(2)),
        run.tensor_ring("preprocess.0"),
        run.output_ring("postprocess.0"),
        run.ledger,
    ]
    assert {file.parent for file in files} == {Path("/dev/shm/run")}
    assert len(set(files)) == len(files)


def test_it_travels_to_a_process_as_one_line_and_comes_out_as_it_went_in() -> None:
    run = a_run(2, policy="every", sinks=("/with\nnewline.jsonl",))
    assert b"\n" not in run.encode()
    assert Topology.decode(run.encode()) == run


def test_a_camera_is_found_by_its_name() -> None:
    run = a_run(3)
    assert run.camera("cam1") is run.cameras[1]


def test_only_the_capture_of_its_camera_receives_a_password() -> None:
    run = a_run(2)
    in_settings = msgspec.structs.replace(run.config, cameras={camera.name: camera.source for camera in run.cameras})
    run = msgspec.structs.replace(run, config=in_settings)
    assert run.redacted_for("capture.cam1").camera("cam1").source == "rtsp://u:p1@h"
    assert b"u:p0" not in run.redacted_for("capture.cam1").encode()
    for process in ("preprocess.0", "infer", "postprocess.0", "publish", "page"):
        assert b"u:p" not in run.redacted_for(process).encode()
        assert "@h" in run.redacted_for(process).camera("cam0").source
        assert run.redacted_for(process).processes == run.processes


def test_a_program_reads_files_frame_by_frame_and_cameras_over_the_stream() -> None:
    for policy, readers in (("every", ("program",)), ("latest", ())):
        run = msgspec.structs.replace(a_run(policy=policy), program=True)  # type: ignore[arg-type]
        assert run.readers("cam0") == run.leaseholders("cam0") == readers
        assert run.all_readers == ("program",)
        assert "program" not in run.processes


def test_a_program_reads_beside_the_sinks() -> None:
    run = msgspec.structs.replace(a_run(policy="every", sinks=("/a.jsonl",)), program=True)
    assert run.readers("cam0") == run.leaseholders("cam0") == run.all_readers == ("sink.0", "program")
