"""The live page in a real browser."""

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from posestream.stream.drawing.palette import RANDOM_WEIGHTS_NOTICE, colour_rgb
from tests.stream.consumer_run import ConsumerRun
from tests.stream.page.watched_page import WatchedPage
from tests.stream.publisher import person, state

Picture = NDArray[np.uint8]
JPEG_LOSS = 12


@pytest.fixture
def meadow() -> Picture:
    """(240, 320, 3) BGR: sky over grass, which no skeleton is coloured like."""
    picture = np.empty((240, 320, 3), np.uint8)
    picture[:120], picture[120:] = (190, 140, 90), (40, 90, 30)
    return picture


def open_page(tab: Page, watched: WatchedPage) -> None:
    tab.goto(watched.url, wait_until="commit")
    expect(tab.locator("#connection")).to_have_text("connected")


def pixel(tab: Page, canvas: str, x: float, y: float, camera: str = "cam0") -> list[int]:
    """RGBA of a camera's canvas at a place in frame pixels of 320x240."""
    found: list[int] = tab.evaluate(
        """([camera, canvas, x, y]) => {
            const element = document.querySelector(`[data-camera=${camera}] .${canvas}`);
            const at = [(x + 0.5) * element.width / 320, (y + 0.5) * element.height / 240].map(Math.floor);
            return [...element.getContext("2d").getImageData(...at, 1, 1).data];
        }""",
        [camera, canvas, x, y],
    )
    return found


def shows(tab: Page, camera: str = "cam0") -> Any:
    return tab.evaluate(f"document.querySelector('[data-camera={camera}]').dataset.seq")


def test_shows_picture_and_skeleton_of_the_same_frame(
    watched: WatchedPage, tab: Page, meadow: Picture, tmp_path: Path
) -> None:
    open_page(tab, watched)
    watched.run.publisher.send(state("cam0"))
    someone = person(id=0, x=120, y=30, size=190)
    watched.publish_until(lambda: shows(tab), meadow, people=[someone])
    sky, grass = pixel(tab, "picture", 300, 60), pixel(tab, "picture", 300, 200)
    assert np.abs(np.array([sky[:3], grass[:3]]) - [(90, 140, 190), (30, 90, 40)]).max() < JPEG_LOSS
    (x, ankle_y, _), (_, knee_y, _) = someone.keypoints[15], someone.keypoints[13]
    assert pixel(tab, "skeletons", x, (ankle_y + knee_y) / 2) == [*colour_rgb(0), 255]
    assert pixel(tab, "skeletons", *someone.keypoints[15][:2]) == [255, 255, 255, 255]
    assert pixel(tab, "skeletons", 300, 60)[3] == 0
    tab.screenshot(path=tmp_path / "page.png")
    # a frame with nobody: the skeleton goes with it
    watched.publish_until(lambda: pixel(tab, "skeletons", x, (ankle_y + knee_y) / 2)[3] == 0, meadow, people=[])


def test_a_keypoint_pales_with_its_score_and_vanishes_below_the_least(
    watched: WatchedPage, tab: Page, meadow: Picture
) -> None:
    open_page(tab, watched)
    scores = {15: 0.9, 13: 0.3, 11: 0.19}  # left ankle, knee, hip
    someone = person(id=0, x=120, y=30, size=190)
    points = [(x, y, scores.get(joint, 0.0)) for joint, (x, y, _) in enumerate(someone.keypoints)]
    changed = person(id=0, keypoints=points, x=120, y=30, size=190)
    watched.publish_until(lambda: shows(tab), meadow, people=[changed])
    ankle, knee, hip = (pixel(tab, "skeletons", *points[joint][:2])[3] for joint in (15, 13, 11))
    assert ankle == 255 > knee > hip == 0


def test_shows_figures_and_state_of_each_camera(watched: WatchedPage, tab: Page, meadow: Picture) -> None:
    open_page(tab, watched)
    watched.run.publisher.send(state("cam0"), state("door", "lost", "rtsp://door/stream: no route to host"))
    camera, door = tab.locator("[data-camera=cam0]"), tab.locator("[data-camera=door]")
    drops = {"replaced": 1200, "stage_lost": 3}
    people = [person(), person(x=200)]
    latency = camera.locator(".latency")
    watched.publish_until(lambda: latency.text_content() == "13 ms", meadow, people=people, drops=drops)
    expect(camera.locator(".name")).to_have_text("cam0")
    expect(camera.locator(".state")).to_have_text("live")
    expect(camera.locator(".people")).to_have_text("2")
    expect(camera.locator(".drops")).to_have_text("1,203 replaced 1,200, stage lost 3")
    watched.publish_until(lambda: float((camera.locator(".fps").text_content() or "–").replace("–", "0")), meadow)
    expect(door.locator(".state")).to_have_text("lost")
    expect(door.locator(".trouble")).to_have_text("rtsp://door/stream: no route to host")
    expect(door.locator(".people")).to_have_text("–")
    expect(tab.locator("#summary")).to_contain_text("1 of 2 cameras live")


def test_a_camera_that_dies_keeps_its_last_picture_and_shows_the_reason(
    watched: WatchedPage, tab: Page, meadow: Picture
) -> None:
    open_page(tab, watched)
    watched.run.publisher.send(state("cam0"))
    watched.publish_until(lambda: shows(tab), meadow)
    watched.run.publisher.send(state("cam0", "stalled", "no frame for 2 s"))
    expect(tab.locator("[data-camera=cam0] .trouble")).to_have_text("no frame for 2 s")
    expect(tab.locator("[data-camera=cam0] .fps")).to_have_text("–")
    assert pixel(tab, "picture", 300, 60)[3] == 255


def test_a_page_opened_late_shows_the_last_frame_at_once(watched: WatchedPage, tab: Page, meadow: Picture) -> None:
    watched.publish_until(lambda: watched.status()["cameras"]["cam0"]["captured"] > 5, meadow)
    open_page(tab, watched)
    expect(tab.locator("[data-camera=cam0]")).to_have_attribute("data-seq", str(next(watched.seqs) - 1))


def test_a_new_picture_size_is_shown(watched: WatchedPage, tab: Page, meadow: Picture) -> None:
    open_page(tab, watched)
    watched.publish_until(lambda: shows(tab), meadow)
    wide = np.zeros((90, 1280, 3), np.uint8)
    canvas = tab.locator("[data-camera=cam0] .picture")
    watched.publish_until(lambda: canvas.get_attribute("width") == "640", wide, epoch=1)  # page.width_px
    assert canvas.get_attribute("height") == "45"


def test_the_page_finds_posestream_again_after_a_restart(tmp_path: Path, tab: Page, meadow: Picture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with ConsumerRun(tmp_path, policy="latest", settings={"page.address": address}) as run:
        watched = WatchedPage(run)
        open_page(tab, watched)
        watched.child.kill()
        watched.child.wait()
        expect(tab.locator("#connection")).to_have_text("posestream does not answer; trying again")
        again = WatchedPage(run)
        expect(tab.locator("#connection")).to_have_text("connected")
        again.publish_until(lambda: shows(tab), meadow)


def test_poses_of_random_weights_carry_a_notice(tmp_path: Path, tab: Page) -> None:
    with ConsumerRun(tmp_path, policy="latest", settings={"run.random_weights": True}) as run:
        open_page(tab, WatchedPage(run))
        expect(tab.locator("#notice")).to_be_visible()
        expect(tab.locator("#notice")).to_have_text(RANDOM_WEIGHTS_NOTICE)


def test_poses_of_trained_weights_carry_no_notice(watched: WatchedPage, tab: Page) -> None:
    open_page(tab, watched)
    expect(tab.locator("#notice")).to_be_hidden()


def test_a_hidden_page_costs_nothing(watched: WatchedPage, browser: Browser, meadow: Picture) -> None:
    with browser.new_page() as tab:
        open_page(tab, watched)
        watched.publish_until(lambda: watched.status()["viewers"] == 1, meadow)
        tab.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        watched.publish_until(lambda: watched.status()["viewers"] == 0, meadow)
        tab.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
        watched.publish_until(lambda: watched.status()["viewers"] == 1, meadow)
