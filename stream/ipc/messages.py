"""Every message between the processes of a run: internal, and free to change from one version to the next.

Each process has one inbox. A message is a tagged MessagePack map, and never carries pixels: `camera, epoch, seq` name a
frame, `slot, generation` the place and state of its pixels in the ring.
"""

from typing import TypeAlias

import msgspec
from msgspec import Struct

from posestream.engines.plan import PixelFormat, Region
from posestream.stream.published import Camera, CameraState, Count, Person, PoseMessage, StampsNs, StateMessage


class FrameFacts(Struct, frozen=True, kw_only=True):
    """The metadata of one frame, made by capture and carried by every message about it.

    `width` and `height` are in pixels. `capture_ns` is the monotonic time of the frame's arrival, `source_ns` the
    stream's own timestamp. Each stage adds to `stamps_ns` the time at which it handed the frame on, and to `busy_ns`
    the time that it worked on it.
    """

    camera: Camera
    epoch: Count
    seq: Count
    slot: Count
    generation: Count
    width: Count
    height: Count
    capture_ns: int
    capture_unix_ns: int
    source_ns: int | None
    stamps_ns: StampsNs
    busy_ns: StampsNs

    def passed(self, stage: str, now_ns: int, busy_ns: int) -> "FrameFacts":
        """The same frame after `stage` worked on it for `busy_ns` and handed it on at `now_ns`."""
        busy = {**self.busy_ns, stage: self.busy_ns.get(stage, 0) + busy_ns}
        return msgspec.structs.replace(self, stamps_ns={**self.stamps_ns, stage: now_ns}, busy_ns=busy)


class Message(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of all messages inside the pipeline."""


# ---- frames, forward -------------------------------------------------------------------------------------------------


class FrameReady(Message, frozen=True, kw_only=True, tag="frame"):
    """capture -> preprocess: the frame's pixels are in its slot, which is leased until its Credit."""

    frame: FrameFacts


class TensorsReady(Message, frozen=True, kw_only=True, tag="tensors"):
    """preprocess -> infer: a batch for `network` is in slot `tensor_slot` of the tensor ring of `worker`.

    If infer cuts the crops, the slot is empty: infer makes images of `shape` from `crops` of the frame's slot. `after`
    is the seq of the camera's frame that must be concluded before this one, -1 if none is in flight. After
    `deadline_ns`, monotonic, the frame is dropped and the outputs are not needed.
    """

    frame: FrameFacts
    network: str
    after: int
    deadline_ns: int
    worker: str
    tensor_slot: Count
    tensor_generation: Count
    shape: tuple[int, ...]
    crops: list[Region]


class OutputsReady(Message, frozen=True, kw_only=True, tag="outputs"):
    """infer -> postprocess: the network's outputs are in slot `output_slot` of the output ring of the receiver.

    If `decoded`, the slot holds keypoints (N, K, 3) float32 instead: x and y in frame pixels, and the score.
    """

    frame: FrameFacts
    network: str
    after: int
    worker: str
    output_slot: Count
    output_generation: Count
    input_shape: tuple[int, ...]
    shapes: list[tuple[int, ...]]
    crops: list[Region]
    decoded: bool


class PosesReady(Message, frozen=True, kw_only=True, tag="poses"):
    """postprocess -> publish: the people of one frame."""

    frame: FrameFacts
    people: list[Person]


# ---- frames, back ----------------------------------------------------------------------------------------------------


class AnotherPass(Message, frozen=True, kw_only=True, tag="another_pass"):
    """postprocess -> preprocess: run `network` over `crops` of the same frame."""

    frame: FrameFacts
    network: str
    crops: list[Region]


class Done(Message, frozen=True, kw_only=True, tag="done"):
    """postprocess -> preprocess: the frame has had its last pass; `crops` are the regions for the next frame."""

    camera: Camera
    epoch: Count
    seq: Count
    crops: list[Region]


class Released(Message, frozen=True, kw_only=True, tag="released"):
    """`by` -> preprocess: this process no longer needs the frame's pixels, or (publish) has settled it."""

    camera: Camera
    epoch: Count
    seq: Count
    by: str


class Credit(Message, frozen=True, kw_only=True, tag="credit"):
    """preprocess -> capture: the lease of this slot has ended."""

    camera: Camera
    epoch: Count
    slot: Count
    generation: Count


class TensorFree(Message, frozen=True, kw_only=True, tag="tensor_free"):
    """infer -> preprocess: infer has read this slot of the tensor ring."""

    slot: Count
    generation: Count


class Abandoned(Message, frozen=True, kw_only=True, tag="abandoned"):
    """infer, postprocess -> preprocess: the sender cannot finish the frame, for `reason`, a drop reason of the ledger.

    preprocess -> postprocess: the frame is dropped; later frames need not wait for it.
    """

    camera: Camera
    epoch: Count
    seq: Count
    after: int
    reason: str


class OutputFree(Message, frozen=True, kw_only=True, tag="output_free"):
    """postprocess -> infer: postprocess has read this slot of the output ring."""

    worker: str
    slot: Count
    generation: Count


# ---- control ---------------------------------------------------------------------------------------------------------


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    """process -> supervisor: set up, and reading its inbox.

    `description` is for people: the device of infer, the endpoint of publish, the URL of the page, a sink's file.
    """

    process: str
    description: str = ""
    on_gpu: bool = False


class Heartbeat(Message, frozen=True, kw_only=True, tag="heartbeat"):
    """process -> supervisor: alive.

    `busy`: no heartbeat follows until a task is done that may take as long as a start; `on_gpu`: that runs on a GPU.
    """

    process: str
    busy: bool = False
    on_gpu: bool = False


class Failed(Message, frozen=True, kw_only=True, tag="failed"):
    """process -> supervisor: exits because of a UserError; `reason` is one line for people."""

    process: str
    reason: str
    exit_code: int


class NewGeometry(Message, frozen=True, kw_only=True, tag="geometry"):
    """capture -> supervisor: requests a ring for frames of this geometry."""

    camera: Camera
    width: Count
    height: Count
    pixel_format: PixelFormat


class RingReady(Message, frozen=True, kw_only=True, tag="ring"):
    """supervisor -> capture: the ring of this epoch is at `path`; up to `credits` of its slots may be leased."""

    camera: Camera
    epoch: Count
    path: str
    credits: Count


class RingsReleased(Message, frozen=True, kw_only=True, tag="rings_released"):
    """preprocess -> supervisor: no frame in a ring of this camera from before `epoch` is leased."""

    camera: Camera
    epoch: Count


class SourceState(Message, frozen=True, kw_only=True, tag="source_state"):
    """capture -> publish and supervisor: the camera's state changed. `final`: no frame follows.

    A camera whose final state is `lost` has failed: a damaged file, or with `fail_fast` an unreachable camera.
    """

    camera: Camera
    state: CameraState
    reason: str
    at_ns: int
    final: bool


class Start(Message, frozen=True, kw_only=True, tag="start"):
    """supervisor -> capture: all stages are ready for frames; open the source."""


class StageLost(Message, frozen=True, kw_only=True, tag="stage_lost"):
    """supervisor -> all: this process died; the frames that it held are lost. It is being restarted, without state."""

    process: str


class Stop(Message, frozen=True, kw_only=True, tag="stop"):
    """supervisor -> all: finish the current work and exit."""


class EndOfStream(Message, frozen=True, kw_only=True, tag="end"):
    """publish -> sinks, program: the last Sample has been sent."""


class Sample(Message, frozen=True, kw_only=True, tag="sample"):
    """publish -> sinks, program: a published message as it was sent, and its frame, for the pixels."""

    frame: FrameFacts
    payload: bytes


AnyMessage: TypeAlias = (
    FrameReady
    | TensorsReady
    | OutputsReady
    | PosesReady
    | AnotherPass
    | Done
    | Released
    | Credit
    | Abandoned
    | TensorFree
    | OutputFree
    | Ready
    | Heartbeat
    | Failed
    | NewGeometry
    | RingReady
    | Start
    | RingsReleased
    | SourceState
    | StageLost
    | Stop
    | EndOfStream
    | Sample
)


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyMessage] = msgspec.msgpack.Decoder(AnyMessage)


def encode(message: Message | PoseMessage | StateMessage) -> bytes:
    """MessagePack of a message."""
    return _encoder.encode(message)


def decode(payload: bytes) -> AnyMessage:
    """The message in `payload`. Raises msgspec.DecodeError, naming the field, where there is none."""
    try:
        return _decoder.decode(payload)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"text that is not UTF-8: {error}") from None
