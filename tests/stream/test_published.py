"""The published schema: what any program may rely on."""

from typing import Any, Protocol

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings

from posestream.stream import published
from posestream.stream.ipc.messages import encode
from posestream.stream.published import PoseMessage, StateMessage
from tests.stream.ipc.any_message import values_of

PUBLISHED: tuple[type[PoseMessage | StateMessage], ...] = (PoseMessage, StateMessage)


def plain(message: PoseMessage | StateMessage) -> dict[str, Any]:
    """What somebody without msgspec reads."""
    result: dict[str, Any] = msgspec.msgpack.decode(encode(message))
    return result


class Checker(Protocol):
    """What a consumer would check our messages with."""

    def is_valid(self, instance: object) -> bool: ...


@pytest.fixture(scope="module")
def checker() -> Checker:
    schema = published.schema()
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
        published.Person(
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
        published.pose_decoder.decode(msgspec.msgpack.encode(wrong))


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
    fields: dict[str, dict[str, Any]] = published.schema()["$defs"][definition]["properties"]  # type: ignore[index]
    described = {name for name, field in fields.items() if "description" in field}
    assert set(fields) - described <= {"camera", "state", "reason", "people", "score"}
