"""The published schema, used as by a consumer with JSON Schema and MessagePack and without this package."""

import argparse
import json
from typing import Any

import jsonschema
import msgspec
import pytest
import zmq

from posestream.stream.cli import schema
from tests.stream.publisher import PATIENCE_MS, Publisher, person, pose, state


@pytest.fixture
def validator(capsys: pytest.CaptureFixture[str]) -> Any:
    """A validator of the schema that `posestream schema` prints."""
    assert schema.run(argparse.Namespace()) == 0
    printed = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(printed)
    return jsonschema.Draft202012Validator(printed)


@pytest.mark.parametrize(
    "message",
    [
        pose(),
        pose(people=[], drops={"replaced": 3}, source_ns=40_000_000),
        pose(people=[person(id=None), person(id=12)]),
        state("cam1", "lost", "no route to host"),
    ],
    ids=["one person", "nobody", "unknown identity", "state"],
)
def test_what_is_published_is_valid(validator: Any, message: Any) -> None:
    validator.validate(json.loads(msgspec.json.encode(message)))


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"camera": "Front Door"},
        {"seq": -1},
        {"people": None},
        {"people": [{"id": 1}]},
        {"stamps_ns": {"capture": "now"}},
    ],
    ids=["another version", "a name", "a number", "no list", "half a person", "a stamp"],
)
def test_anything_else_is_not(validator: Any, changes: dict[str, Any]) -> None:
    assert not validator.is_valid({**json.loads(msgspec.json.encode(pose())), **changes})


def test_every_field_of_a_person_and_of_time_is_explained(validator: Any) -> None:
    definitions = validator.schema["$defs"]
    fields = {**definitions["Person"]["properties"], **definitions["PoseMessage"]["properties"]}
    del fields["camera"], fields["people"]  # these say themselves what they are
    assert [name for name, field in fields.items() if "description" not in field and name != "score"] == []


def test_a_plain_subscriber_reads_the_documented_map() -> None:
    with Publisher() as publisher, zmq.Context() as context, context.socket(zmq.SUB) as subscriber:
        subscriber.setsockopt(zmq.LINGER, 0)
        subscriber.connect(publisher.endpoint)
        subscriber.subscribe(b"pose.")
        publisher.subscription()
        publisher.send(pose(seq=4, drops={"timeout": 1}))
        assert subscriber.poll(PATIENCE_MS)
        topic, payload = subscriber.recv_multipart()
    message = msgspec.msgpack.decode(payload)  # a dict: msgpack.unpackb gives the same
    assert topic == b"pose.cam0"
    assert list(message) == [
        *("schema", "camera", "epoch", "seq", "width", "height", "capture_ns", "capture_unix_ns", "source_ns"),
        *("stamps_ns", "people", "captured", "drops"),
    ]
    assert list(message["people"][0]) == ["id", "skeleton", "box_xyxy", "score", "keypoints"]
    assert (message["schema"], message["seq"], message["source_ns"], message["drops"]) == (1, 4, None, {"timeout": 1})
    assert len(message["people"][0]["keypoints"]) == 17
    assert len(message["people"][0]["keypoints"][0]) == 3
