"""Messages between processes."""

import contextlib
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posestream.engines.plan import Region
from posestream.stream.ipc import messages
from posestream.stream.ipc.ledger import STAGES
from posestream.stream.ipc.messages import AnyMessage, Done, FrameFacts, Message, decode, encode
from tests.stream.ipc.any_message import values_of

KINDS: tuple[type[Message], ...] = get_args(AnyMessage)
DONE = Done(camera="cam0", epoch=1, seq=2, crops=[Region(1.0, 2.0, 3.0, 4.0, 0.5, 7)])


def plain(message: Message) -> dict[str, Any]:
    """The message as a MessagePack map, read without its type."""
    result: dict[str, Any] = msgspec.msgpack.decode(encode(message))
    return result


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_message_comes_out_as_it_went_in(kind: type[Message]) -> None:
    @settings(max_examples=20)
    @given(values_of(kind))
    def comes_out(message: AnyMessage) -> None:
        assert decode(encode(message)) == message

    comes_out()


def test_every_kind_of_message_can_be_received() -> None:
    defined = {kind for kind in vars(messages).values() if isinstance(kind, type) and issubclass(kind, Message)}
    assert set(KINDS) == defined - {Message}
    assert len({kind.__struct_config__.tag for kind in KINDS}) == len(KINDS)


ANY = st.one_of(*map(values_of, KINDS))


@settings(max_examples=60)
@given(ANY, st.data())
def test_a_damaged_payload_is_another_message_or_a_decode_error(message: AnyMessage, data: st.DataObject) -> None:
    payload = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.integers(0, len(payload)))
    for damaged in (bytes(payload), bytes(payload[:cut])):
        with contextlib.suppress(msgspec.DecodeError):
            assert isinstance(decode(damaged), KINDS)


@given(st.binary(max_size=60))
def test_noise_is_a_decode_error(noise: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(noise)


def test_text_that_is_not_utf_8_is_a_decode_error() -> None:
    with pytest.raises(msgspec.DecodeError, match="not UTF-8"):
        decode(encode(DONE).replace(b"cam0", b"cam\xff"))


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("camera", "Cam 0", r"\$.camera"),
        ("camera", "", r"\$.camera"),
        ("camera", "a" * 65, r"\$.camera"),
        ("camera", "../cam0", r"\$.camera"),
        ("camera", "cam0\n", r"\$.camera"),
        ("camera", 5, r"Expected `str`, got `int` - at `\$.camera`"),
        ("seq", -1, r"Expected `int` >= 0 - at `\$.seq`"),
        ("seq", 1.5, r"Expected `int`, got `float` - at `\$.seq`"),
        ("seq", None, r"\$.seq"),
        ("crops", [[1.0, 2.0, 3.0]], r"\$.crops\[0\]"),
        ("crops", [[1.0, 2.0, 3.0, 4.0, 0.5, "you"]], r"\$.crops\[0\]"),
        ("kind", "nonsense", r"\$.kind"),
    ],
)
def test_a_wrong_field_is_a_decode_error_that_names_it(field: str, value: object, complaint: str) -> None:
    with pytest.raises(msgspec.DecodeError, match=complaint):
        decode(msgspec.msgpack.encode({**plain(DONE), field: value}))


def test_a_missing_field_is_a_decode_error_that_names_it() -> None:
    fields = plain(DONE)
    del fields["epoch"]
    with pytest.raises(msgspec.DecodeError, match="missing required field `epoch`"):
        decode(msgspec.msgpack.encode(fields))


@given(
    values_of(FrameFacts), st.sampled_from(STAGES), st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=1)
)
def test_a_frame_keeps_the_last_time_and_adds_up_the_work_of_a_stage(
    frame: FrameFacts, stage: str, now_ns: int, busy_ns: list[int]
) -> None:
    before = msgspec.structs.replace(frame, busy_ns={})
    passed = before
    for i, busy in enumerate(busy_ns):
        passed = passed.passed(stage, now_ns + i, busy)
    assert passed.stamps_ns == {**frame.stamps_ns, stage: now_ns + len(busy_ns) - 1}
    assert passed.busy_ns == {stage: sum(busy_ns)}
    assert msgspec.structs.replace(passed, stamps_ns=frame.stamps_ns, busy_ns={}) == before
