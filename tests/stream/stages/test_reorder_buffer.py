"""Frames come out in their order, whatever the order in which they are finished."""

from hypothesis import given
from hypothesis import strategies as st

from posestream.stream.stages.postprocess.reorder_buffer import ReorderBuffer


def test_a_frame_that_follows_none_is_released_at_once() -> None:
    buffer: ReorderBuffer[str] = ReorderBuffer()
    assert buffer.push(0, -1, "a") == ["a"]
    assert buffer.last == 0


def test_a_frame_waits_for_the_one_before_it_and_follows_at_once() -> None:
    buffer: ReorderBuffer[str] = ReorderBuffer()
    assert buffer.push(1, 0, "b") == []
    assert buffer.push(2, 1, "c") == []
    assert buffer.last == -1
    assert buffer.push(0, -1, "a") == ["a", "b", "c"]
    assert buffer.last == 2


def test_frames_that_were_dropped_before_their_admission_are_not_waited_for() -> None:
    buffer: ReorderBuffer[str] = ReorderBuffer()
    buffer.push(0, -1, "a")
    assert buffer.push(9, 0, "j") == ["j"]


def test_one_that_died_with_preprocess_holds_nobody_up() -> None:
    """4 waits for 3, which died. Of 5 it is said that it comes after 2: nothing was under way in between."""
    buffer: ReorderBuffer[str] = ReorderBuffer()
    buffer.push(2, -1, "c")
    assert buffer.push(4, 3, "orphan") == []
    assert buffer.push(5, 2, "f") == ["f"]
    assert buffer.push(6, 5, "g") == ["g"]


@given(st.data())
def test_every_order_of_arrival_gives_the_order_of_frames(data: st.DataObject) -> None:
    seqs = sorted(data.draw(st.sets(st.integers(0, 50), min_size=1, max_size=12)))
    after = dict(zip(seqs, [-1, *seqs], strict=False))
    buffer: ReorderBuffer[int] = ReorderBuffer()
    released = [item for seq in data.draw(st.permutations(seqs)) for item in buffer.push(seq, after[seq], seq)]
    assert released == seqs
    assert buffer.last == seqs[-1]
