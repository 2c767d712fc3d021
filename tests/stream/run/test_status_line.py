"""The status line of a run."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from posestream.stream.ipc.ledger import Account
from posestream.stream.ipc.messages import SourceState
from posestream.stream.run.status_line import Reading, Status, summary

S = 10**9


def latencies(*counts: tuple[int, int]) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint64]]":
    """A histogram of (bucket, frames); bucket 112 is 16.4 ms, 120 is 32.8 ms, give or take 4 %."""
    histogram = np.zeros(256, np.uint64)
    for bucket, frames in counts:
        histogram[bucket] = frames
    return histogram


def a_state(name: Any) -> SourceState:
    return SourceState(camera="cam0", state=name, reason="", at_ns=0, final=False)


def a_line(
    *readings: Reading,
    cameras: int = 1,
    states: Sequence[SourceState | None] = (a_state("live"),),
    accounts: Sequence[Account] = (Account(300, 290, {"replaced": 4}, 2),),
) -> list[str]:
    status = Status(cameras)
    for reading in readings or [Reading(0, 0, latencies())]:
        status.note(reading)
    return status.line(accounts, states).split(" · ")


def test_a_line_says_state_rate_people_latency_and_drops() -> None:
    line = a_line(Reading(0, 10, latencies()), Reading(2 * S, 70, latencies((112, 50), (120, 10))))
    assert line == ["live", "30.0 fps", "2 people", "latency 17 ms (p95 34)", "4 of 300 frames dropped"]


def test_rate_and_latency_are_those_of_the_last_two_seconds() -> None:
    slow = [Reading(i * S // 2, i, latencies((160, i))) for i in range(20)]
    fast = [Reading(slow[-1].at_ns + i * S // 2, 19 + 30 * i, latencies((160, 19), (112, 30 * i))) for i in range(1, 5)]
    assert a_line(*slow, *fast)[1:4:2] == ["60.0 fps", "latency 17 ms (p95 17)"]


def test_readings_do_not_pile_up() -> None:
    status = Status(1)
    for i in range(1000):
        status.note(Reading(i * S // 2, i, latencies()))
    assert len(status.readings) == 5
    assert status.readings[-1].at_ns - status.readings[0].at_ns == 2 * S


def test_where_nothing_was_published_there_is_no_latency() -> None:
    assert a_line(Reading(0, 5, latencies((112, 5))), Reading(S, 5, latencies((112, 5))))[1:4:2] == [
        "0.0 fps",
        "latency –",
    ]


def test_before_the_first_frame_there_is_a_state_and_no_figures() -> None:
    assert a_line(states=[None], accounts=[Account(0, 0, {}, 0)]) == ["starting"]
    assert a_line(states=[a_state("connecting")], accounts=[Account(0, 0, {}, 0)]) == ["connecting"]


def test_one_person_is_one_person() -> None:
    assert a_line(accounts=[Account(1, 1, {}, 1)])[2] == "1 person"
    assert a_line(accounts=[Account(1, 1, {}, 0)])[2] == "0 people"


def test_of_several_cameras_it_says_how_many_are_live_and_the_rate_of_one() -> None:
    line = a_line(
        Reading(0, 0, latencies()),
        Reading(2 * S, 120, latencies()),
        cameras=3,
        states=[a_state("live"), a_state("lost"), None],
        accounts=[Account(10, 5, {"torn": 1}, 1), Account(20, 5, {"torn": 2}, 2), Account(0, 0, {}, 0)],
    )
    assert line[0] == "1 of 3 cameras live"
    assert line[1:3] == ["20.0 fps a camera", "3 people"]
    assert line[4] == "3 of 30 frames dropped"


def test_the_summary_is_a_balance() -> None:
    assert summary("cam0", Account(10, 10, {}, 0)) == "cam0: 10 frames captured = 10 published + 0 dropped"
    drops = {"replaced": 2, "stopped": 1}
    assert summary("cam0", Account(10, 7, drops, 0)) == (
        "cam0: 10 frames captured = 7 published + 3 dropped (2 replaced, 1 stopped)"
    )
