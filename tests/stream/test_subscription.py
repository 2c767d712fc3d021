"""Frames of a run that goes on elsewhere, over real sockets."""

import asyncio
from collections.abc import Iterator

import pytest

from posestream.engines.skeletons import MPII16
from posestream.stream.errors import Timeout
from posestream.stream.subscription import subscribe, subscribe_async
from tests.stream.publisher import Publisher, person, pose, state

SOON_S = 20.0
NOTHING_S = 0.05


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        yield publisher


def subscribed(publisher: Publisher, topics: int = 2) -> None:
    for _ in range(topics):
        publisher.subscription()


def test_yields_frames_in_order(publisher: Publisher) -> None:
    with subscribe(publisher.endpoint, timeout=SOON_S) as frames:
        subscribed(publisher)
        publisher.send(pose(seq=0), pose("cam1", seq=7, people=[]), pose(seq=3))
        got = [next(frames) for _ in range(3)]
        assert [(frame.camera, frame.seq, len(frame.poses)) for frame in got] == [
            ("cam0", 0, 1),
            ("cam1", 7, 0),
            ("cam0", 3, 1),
        ]
        assert frames.missing == {"cam0": 2, "cam1": 0}


def test_knows_the_state_of_each_camera(publisher: Publisher) -> None:
    with subscribe(publisher.endpoint, timeout=SOON_S) as frames:
        subscribed(publisher)
        publisher.send(state(name="connecting"), state("cam1", name="lost"), state(name="live"), pose())
        assert next(frames).seq == 0
        assert frames.states == {"cam0": "live", "cam1": "lost"}


def test_an_empty_scene_has_the_skeleton_that_its_camera_had(publisher: Publisher) -> None:
    somebody = person(skeleton="mpii16", keypoints=[(1.0, 2.0, 0.5)] * 16)
    with subscribe(publisher.endpoint, timeout=SOON_S) as frames:
        subscribed(publisher)
        publisher.send(pose(people=[somebody]), pose(seq=1, people=[]))
        assert [next(frames).poses.skeleton for _ in range(2)] == [MPII16, MPII16]


def test_only_the_cameras_asked_for(publisher: Publisher) -> None:
    with subscribe(publisher.endpoint, cameras=["door"], timeout=SOON_S) as frames:
        subscribed(publisher)
        publisher.send(state("yard"), pose("yard"), pose("doorbell"), pose("door", seq=4))
        assert next(frames).seq == 4
        assert frames.states == {}


def test_silence_is_a_timeout_after_which_it_goes_on(publisher: Publisher) -> None:
    with subscribe(publisher.endpoint, timeout=NOTHING_S) as frames:
        subscribed(publisher)
        with pytest.raises(Timeout, match="is posestream running there"):
            next(frames)
        publisher.send(pose(seq=5))
        while True:
            try:
                assert next(frames).seq == 5
                break
            except Timeout:
                continue  # it is on its way


def test_says_what_an_endpoint_looks_like() -> None:
    with pytest.raises(ValueError, match="an endpoint looks like tcp://127"):
        subscribe("nonsense")
    with pytest.raises(ValueError, match="an endpoint looks like tcp://127"):
        subscribe_async("nonsense")


def test_asyncio_gets_the_same_frames(publisher: Publisher) -> None:
    async def read() -> list[int]:
        async with subscribe_async(publisher.endpoint, cameras=["cam0"], timeout=SOON_S) as frames:
            await asyncio.to_thread(subscribed, publisher)
            publisher.send(state(), pose(seq=0), pose("cam1", seq=9), pose(seq=2))
            seqs: list[int] = []
            async for frame in frames:
                seqs.append(frame.seq)
                if len(seqs) == 2:
                    break
            assert frames.states == {"cam0": "live"}
            assert frames.missing == {"cam0": 1}
            return seqs

    assert asyncio.run(read()) == [0, 2]


def test_asyncio_is_told_of_silence(publisher: Publisher) -> None:
    async def read() -> None:
        async with subscribe_async(publisher.endpoint, timeout=NOTHING_S) as frames:
            await anext(frames)

    with pytest.raises(Timeout, match="is posestream running there"):
        asyncio.run(read())


@pytest.mark.parametrize("latest", [True, False])
def test_asyncio_passes_over_older_frames_only_where_the_latest_are_asked_for(
    publisher: Publisher, latest: bool
) -> None:
    async def read() -> list[int]:
        async with subscribe_async(publisher.endpoint, latest=latest, timeout=SOON_S) as frames:
            await asyncio.to_thread(subscribed, publisher)
            publisher.send(*(pose(seq=seq) for seq in range(50)))
            seqs: list[int] = []
            while not seqs or seqs[-1] != 49:
                seqs.append((await anext(frames)).seq)
            return seqs

    seqs = asyncio.run(read())
    assert seqs == sorted(seqs)
    if not latest:
        assert seqs == list(range(50))
