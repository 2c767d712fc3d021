"""Webcams with the real V4L2 and UVC drivers, in a guest. `inside.py` reports the scenes, which are checked here."""

import json
import sys
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from tests.webcam.guest import run_in_guest
from tests.webcam.inside import USB, USB_FORMATS, VIVID
from tests.webcam.kernel import CannotPrepare
from tests.webcam.pictures import COUNT, PATCHES_BGR, make_pictures
from tests.webcam.uvc_descriptors import HEIGHT, WIDTH

pytestmark = pytest.mark.timeout(400)  # a cold start installs QEMU and fetches a kernel

REPOSITORY = Path(__file__).parents[2]
# 75 % colour bars: white, yellow, cyan, green, magenta, red, blue, black
VIVID_BARS_BGR = [[blue, green, red] for green in (190, 0) for red in (190, 0) for blue in (190, 0)]
Story: TypeAlias = list[dict[str, Any]]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """All reports from the guest, in order."""
    folder = tmp_path_factory.mktemp("guest")
    make_pictures(folder)
    command: list[str | Path] = [sys.executable, "-m", "tests.webcam.inside", folder, "scenes"]
    try:
        outcome = run_in_guest(command, folder=folder, cwd=REPOSITORY, environment={}, timeout_s=200)
    except CannotPrepare as reason:
        pytest.skip(str(reason))
    assert outcome.exit_code == 0, outcome.stderr
    return [json.loads(line) for line in outcome.stdout.splitlines()]


def scenes(story: Story, name: str) -> Story:
    found = [seen for seen in story if seen["scene"] == name]
    assert found, f"no scene {name!r} in {[seen['scene'] for seen in story]}"
    return found


def scene(story: Story, name: str) -> dict[str, Any]:
    (found,) = scenes(story, name)
    return found


def negotiated(story: Story, path: str, asked: str) -> dict[str, Any]:
    (found,) = (seen for seen in scenes(story, "negotiated") if (seen["path"], seen["asked"]) == (path, asked))
    return found


def test_a_camera_is_listed_once_though_it_has_two_nodes(story: Story) -> None:
    listed = scene(story, "listed")
    assert [camera["path"] for camera in listed["cameras"]] == [VIVID, USB]
    assert len(listed["nodes"]) == 3


def test_a_camera_is_known_by_its_usb_serial_number(story: Story) -> None:
    camera = scene(story, "listed")["cameras"][1]
    assert camera["name"] == "Emulated Webcam"
    assert camera["identity"] == "usb:1d6b:0102:A1#0"


def test_a_camera_without_permission_is_listed_with_what_to_do(story: Story) -> None:
    cameras = scene(story, "listed without permission")["cameras"]
    assert [camera["path"] for camera in cameras] == [VIVID, USB]
    assert all("group" in camera["problem"] for camera in cameras)
    assert "permission denied for /dev/video1" in scene(story, "opened without permission")["error"]


def test_what_was_asked_and_what_was_granted_is_told(story: Story) -> None:
    granted = negotiated(story, USB, "MJPG")["granted"]
    assert granted == "640x480 MJPG 30 fps (asked 1280x720 MJPG 30 fps)"


def test_a_refused_format_is_told(story: Story) -> None:
    granted, _, asked = negotiated(story, VIVID, "MJPG")["granted"].partition("(asked")
    assert "MJPG" not in granted
    assert "MJPG" in asked


@pytest.mark.parametrize("kind", USB_FORMATS)
def test_a_usb_camera_delivers_its_pictures_whole_in_order_and_in_their_colours(story: Story, kind: str) -> None:
    frames = negotiated(story, USB, kind)["frames"]
    assert [frame["geometry"] for frame in frames] == [[WIDTH, HEIGHT, "i420"]] * 3
    steps = np.diff([frame["number"] for frame in frames]) % COUNT
    assert np.all((steps > 0) & (steps < COUNT // 2))
    for frame in frames:
        np.testing.assert_allclose(frame["patches"], PATCHES_BGR, atol=4)


@pytest.mark.parametrize(
    ("kind", "pixel_format"), [("MJPG", "bgr24"), ("YUYV", "i420"), ("NV12", "nv12"), ("YU12", "i420")]
)
def test_each_raw_format_comes_out_in_its_colours(story: Story, kind: str, pixel_format: str) -> None:
    for frame in negotiated(story, VIVID, kind)["frames"]:
        assert frame["geometry"][2] == pixel_format
        np.testing.assert_allclose(frame["bars"], VIVID_BARS_BGR, atol=4)


def test_a_format_that_is_not_known_raw_is_converted(story: Story) -> None:
    for frame in negotiated(story, VIVID, "GREY")["frames"]:
        bars = np.array(frame["bars"])
        assert frame["geometry"][2] == "bgr24"
        assert np.all(bars == bars[:, :1])
        assert np.all(np.diff(bars[:, 0]) < 0)


def test_a_frame_has_the_times_of_its_exposure_and_of_its_arrival_on_one_clock(story: Story) -> None:
    frames = negotiated(story, USB, "MJPG")["frames"]
    assert all(0 < frame["source_ns"] < frame["arrived_ns"] for frame in frames)
    assert np.all(np.diff([frame["source_ns"] for frame in frames]) > 0)


def test_a_damaged_jpeg_is_an_error_and_the_next_whole_one_is_read(story: Story) -> None:
    assert scene(story, "damage 0")["error"]["kind"] == "DecodeError"
    assert scene(story, "heal 0")["number"] is not None


def test_a_camera_in_use_says_so(story: Story) -> None:
    error = scene(story, "busy")["error"]
    assert error["kind"] == "SourceError"
    assert "another program" in error["text"]


def test_a_camera_that_falls_silent_is_lost_and_can_be_opened_again(story: Story) -> None:
    error = scene(story, "silent")["error"]
    assert error == {"kind": "SourceLost", "text": "Emulated Webcam (/dev/video1): no frame for 1.5 s"}
    assert scene(story, "speaks again")["number"] is not None


def test_an_unplugged_camera_is_lost(story: Story) -> None:
    assert [seen["state"] for seen in scenes(story, "plugged")] == ["connecting", "live"]
    lost = scenes(story, "unplugged")[0]
    assert lost["state"] == "lost"
    assert lost["reason"] == "Emulated Webcam (/dev/video1): unplugged"


def test_while_a_camera_is_away_the_error_names_it_and_those_that_are_there(story: Story) -> None:
    text = scene(story, "away")["error"]["text"]
    assert text == "Emulated Webcam (usb:1d6b:0102:A1#0): no such camera; there is /dev/video0 (vivid-000-vid-cap)"


def test_a_camera_is_found_again_under_another_number_though_a_twin_has_its_old_one(story: Story) -> None:
    identities = {camera["path"]: camera["identity"] for camera in scene(story, "replugged nodes")["cameras"]}
    assert identities[USB] == "usb:1d6b:0102:TWIN#0"
    frame = scene(story, "replugged frame")
    assert frame["path"] != USB
    assert identities[frame["path"]] == "usb:1d6b:0102:A1#0"
    assert frame["number"] is not None
