"""Messages between processes, and those that are published."""

import contextlib
from typing import Any, Protocol, get_args

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.plan import Region
from stream import messages
from stream.ledger import STAGES
from stream.messages import AnyMessage, Done, Frame, Message, PoseMessage, StateMessage, decode, encode
from tests.stream.any_message import values_of

KINDS: tuple[type[Message], ...] = get_args(AnyMessage)
PUBLISHED: tuple[type[PoseMessage | StateMessage], ...] = (PoseMessage, StateMessage)
DONE = Done(camera="cam0", epoch=1, seq=2, crops=[Region(1.0, 2.0, 3.0, 4.0, 0.5, 7)])


def plain(message: Message | PoseMessage | StateMessage) -> dict[str, Any]:
    """What somebody without msgspec reads."""
    result: dict[str, Any] = msgspec.msgpack.decode(encode(message))
    return result


# ---- between processes


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


@given(values_of(Frame), st.sampled_from(STAGES), st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=1))
def test_a_frame_keeps_the_last_time_and_adds_up_the_work_of_a_stage(
    frame: Frame, stage: str, now_ns: int, busy_ns: list[int]
) -> None:
    before = msgspec.structs.replace(frame, busy_ns={})
    passed = before
    for i, busy in enumerate(busy_ns):
        passed = passed.passed(stage, now_ns + i, busy)
    assert passed.stamps_ns == {**frame.stamps_ns, stage: now_ns + len(busy_ns) - 1}
    assert passed.busy_ns == {stage: sum(busy_ns)}
    assert msgspec.structs.replace(passed, stamps_ns=frame.stamps_ns, busy_ns={}) == before


# ---- published


class Checker(Protocol):
    """What a consumer would check our messages with."""

    def is_valid(self, instance: object) -> bool: ...


@pytest.fixture(scope="module")
def checker() -> Checker:
    schema = messages.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    checker: Checker = jsonschema.Draft202012Validator(schema)
    return checker


@pytest.mark.parametrize("kind", PUBLISHED, ids=lambda kind: kind.__name__)
def test_the_schema_accepts_every_published_message(kind: type[PoseMessage | StateMessage], checker: Checker) -> None:
    @settings(max_examples=20)
    @given(values_of(kind))
    def accepts(message: PoseMessage | StateMessage) -> None:
        assert checker.is_valid(plain(message))
        assert msgspec.msgpack.decode(encode(message), type=kind) == message

    accepts()


@pytest.mark.parametrize("kind", PUBLISHED, ids=lambda kind: kind.__name__)
def test_the_schema_demands_every_field(kind: type[PoseMessage | StateMessage], checker: Checker) -> None:
    @settings(max_examples=20)
    @given(values_of(kind))
    def demands(message: PoseMessage | StateMessage) -> None:
        for field in kind.__struct_fields__:
            fields = plain(message)
            del fields[field]
            assert not checker.is_valid(fields), field

    demands()


@pytest.mark.parametrize("kind", PUBLISHED, ids=lambda kind: kind.__name__)
def test_a_field_that_a_later_version_may_add_is_passed_over(
    kind: type[PoseMessage | StateMessage], checker: Checker
) -> None:
    @settings(max_examples=20)
    @given(values_of(kind))
    def passes_over(message: PoseMessage | StateMessage) -> None:
        later = {**plain(message), "mood": "good"}
        assert checker.is_valid(later)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(later), type=kind) == message

    passes_over()


POSE = PoseMessage(
    camera="cam0",
    epoch=0,
    seq=3,
    width=640,
    height=480,
    capture_ns=5,
    capture_unix_ns=6,
    source_ns=None,
    stamps_ns={"publish": 9},
    people=[
        messages.Person(
            id=None, skeleton="coco17", box_xyxy=(0.0, 1.0, 2.0, 3.0), score=0.5, keypoints=[(1.0, 2.0, 0.9)]
        )
    ],
    captured=4,
    drops={"replaced": 1},
)
WRONG: list[tuple[str, object]] = [
    ("schema", 2),
    ("camera", "Front Door"),
    ("camera", "cam0\n"),
    ("seq", -1),
    ("seq", "3"),
    ("source_ns", "never"),
    ("people", None),
    ("people", [{}]),
    ("people", [{**plain(POSE)["people"][0], "score": 1.5}]),
    ("people", [{**plain(POSE)["people"][0], "box_xyxy": [0.0, 1.0, 2.0]}]),
    ("people", [{**plain(POSE)["people"][0], "keypoints": [[1.0, 2.0]]}]),
    ("drops", {"replaced": "many"}),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_schema_and_client_refuse_the_same(field: str, value: object, checker: Checker) -> None:
    assert checker.is_valid(plain(POSE))
    wrong = {**plain(POSE), field: value}
    assert not checker.is_valid(wrong)
    with pytest.raises(msgspec.ValidationError):
        messages.pose_decoder.decode(msgspec.msgpack.encode(wrong))


def test_a_published_message_reads_as_documented() -> None:
    assert plain(POSE) == {
        "schema": 1,
        "camera": "cam0",
        "epoch": 0,
        "seq": 3,
        "width": 640,
        "height": 480,
        "capture_ns": 5,
        "capture_unix_ns": 6,
        "source_ns": None,
        "stamps_ns": {"publish": 9},
        "people": [
            {
                "id": None,
                "skeleton": "coco17",
                "box_xyxy": [0.0, 1.0, 2.0, 3.0],
                "score": 0.5,
                "keypoints": [[1.0, 2.0, 0.9]],
            }
        ],
        "captured": 4,
        "drops": {"replaced": 1},
    }


@pytest.mark.parametrize("definition", ["PoseMessage", "StateMessage", "Person"])
def test_every_field_of_the_schema_that_is_not_plain_is_described(definition: str) -> None:
    fields: dict[str, dict[str, Any]] = messages.schema()["$defs"][definition]["properties"]  # type: ignore[index]
    described = {name for name, field in fields.items() if "description" in field}
    assert set(fields) - described <= {"camera", "state", "reason", "people", "score"}
