"""The published messages, a public schema. It changes only together with its version, the field `schema`.

Two-part ZeroMQ messages: a topic, `pose.<camera>` or `state.<camera>`, then one MessagePack map.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

# Python's $ also matches before a newline at the end.
Camera: TypeAlias = Annotated[str, Meta(pattern="^[a-z0-9_-]+$(?!\n)", max_length=64)]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
CameraState: TypeAlias = Literal["connecting", "live", "stalled", "lost", "ended"]
StampsNs: TypeAlias = dict[str, int]


class Person(Struct, frozen=True, kw_only=True):
    """One person. Coordinates are pixels of the original frame; pixel centres are integers."""

    id: Annotated[int | None, Meta(description="identity over time within this camera; null: not known")]
    skeleton: Annotated[str, Meta(description="names the joints and their order")]
    box_xyxy: Annotated[tuple[float, float, float, float], Meta(description="left, top, right, bottom, pixels")]
    score: Annotated[float, Meta(ge=0, le=1)]
    keypoints: Annotated[list[tuple[float, float, float]], Meta(description="x, y in pixels, score 0-1, a row a joint")]


class PoseMessage(Struct, frozen=True, kw_only=True):
    """Topic `pose.<camera>`: the people of one frame. An empty list means nobody; a dropped frame is not sent."""

    schema: Annotated[Literal[1], Meta(description="version of this schema")] = 1
    camera: Camera
    epoch: Annotated[Count, Meta(description="grows when the camera's picture size changes or its capture restarts")]
    seq: Annotated[Count, Meta(description="number of the frame since the start, counting those that were dropped")]
    width: Annotated[Count, Meta(description="pixels")]
    height: Annotated[Count, Meta(description="pixels")]
    capture_ns: Annotated[int, Meta(description="monotonic time of the frame's arrival")]
    capture_unix_ns: Annotated[int, Meta(description="the same in wall-clock time since 1970")]
    source_ns: Annotated[int | None, Meta(description="the stream's own timestamp, or null")]
    stamps_ns: Annotated[StampsNs, Meta(description="monotonic time at which each stage handed the frame on")]
    people: list[Person]
    captured: Annotated[Count, Meta(description="frames this camera delivered since the start")]
    drops: Annotated[dict[str, int], Meta(description="frames dropped since the start, by reason")]


class StateMessage(Struct, frozen=True, kw_only=True):
    """Topic `state.<camera>`: sent when the camera's state changes, and to every new subscriber."""

    schema: Annotated[Literal[1], Meta(description="version of this schema")] = 1
    camera: Camera
    state: CameraState
    reason: str
    unix_ns: Annotated[int, Meta(description="wall-clock time of the change")]


pose_decoder: msgspec.msgpack.Decoder[PoseMessage] = msgspec.msgpack.Decoder(PoseMessage)
state_decoder: msgspec.msgpack.Decoder[StateMessage] = msgspec.msgpack.Decoder(StateMessage)


def schema() -> dict[str, object]:
    """JSON Schema of the published messages, under `$defs`."""
    (_, definitions) = msgspec.json.schema_components((PoseMessage, StateMessage), ref_template="#/$defs/{name}")
    for name in ("PoseMessage", "StateMessage"):  # `schema` has a default in Python, but is always sent
        definitions[name]["required"] = list(definitions[name]["properties"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "posestream",
        "description": "Two-part ZeroMQ messages: a topic, then one MessagePack map of the shape given here.",
        "oneOf": [{"$ref": "#/$defs/PoseMessage"}, {"$ref": "#/$defs/StateMessage"}],
        "$defs": definitions,
    }
