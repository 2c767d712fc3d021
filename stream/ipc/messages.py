"""Every message between the processes of a run: internal, and free to change from one version to the next.

Each process has one inbox, and a message is a tagged MessagePack map. A message carries facts and never pixels:
`camera, epoch, seq` name a frame, `slot, generation` say where its pixels lie in which state.
"""

from typing import TypeAlias

import msgspec
from msgspec import Struct

from posestream.engines.plan import Region
from posestream.stream.ipc.frame_geometry import PixelFormat
from posestream.stream.published import Camera, CameraState, Count, Person, PoseMessage, StampsNs, StateMessage


class Frame(Struct, frozen=True, kw_only=True):
    """The facts of one frame, made by capture and carried by every message about it.

    `width` and `height` are in pixels. `capture_ns` is the monotonic time at which the frame arrived, `source_ns` the
    stream's own timestamp. `stamps_ns` gains the time at which each stage handed the frame on, `busy_ns` the time for
    which each stage worked on it.
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

    def passed(self, stage: str, now_ns: int, busy_ns: int) -> "Frame":
        """The same frame after `stage` worked on it for `busy_ns` and handed it on at `now_ns`."""
        busy = {**self.busy_ns, stage: self.busy_ns.get(stage, 0) + busy_ns}
        return msgspec.structs.replace(self, stamps_ns={**self.stamps_ns, stage: now_ns}, busy_ns=busy)


class Message(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What every message inside the pipeline is."""


# ---- the frame's way forward -----------------------------------------------------------------------------------------


class FrameReady(Message, frozen=True, kw_only=True, tag="frame"):
    """capture -> preprocess: the frame's pixels are in its slot, and leased until it is released."""

    frame: Frame


class TensorsReady(Message, frozen=True, kw_only=True, tag="tensors"):
    """preprocess -> infer: a batch for `network` is in slot `tensor_slot` of the tensor ring of `worker`.

    Where infer cuts, the slot holds nothing: it is to make images of that shape from `crops`, out of the frame's slot.
    `after` is the seq of the camera's frame that must be concluded before this one, or -1 where none is in flight.
    After `deadline_ns`, monotonic, the frame is given up and nobody wants the outputs any more.
    """

    frame: Frame
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

    Where they are `decoded`, keypoints (N, K, 3) float32 are there instead: x, y in frame pixels and the score.
    """

    frame: Frame
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

    frame: Frame
    people: list[Person]


# ---- the way back ----------------------------------------------------------------------------------------------------


class AnotherPass(Message, frozen=True, kw_only=True, tag="another_pass"):
    """postprocess -> preprocess: the same frame needs another pass: `network` over `crops`."""

    frame: Frame
    network: str
    crops: list[Region]


class Done(Message, frozen=True, kw_only=True, tag="done"):
    """postprocess -> preprocess: no more passes over this frame; `crops` follow its people into the next one."""

    camera: Camera
    epoch: Count
    seq: Count
    crops: list[Region]


class Released(Message, frozen=True, kw_only=True, tag="released"):
    """`by` -> preprocess: this process has no more use for the frame's pixels, or (publish) has accounted for it."""

    camera: Camera
    epoch: Count
    seq: Count
    by: str


class Credit(Message, frozen=True, kw_only=True, tag="credit"):
    """preprocess -> capture: the frame in this slot is finished with, the slot is free."""

    camera: Camera
    epoch: Count
    slot: Count
    generation: Count


class TensorFree(Message, frozen=True, kw_only=True, tag="tensor_free"):
    """infer -> preprocess: the tensors were read."""

    slot: Count
    generation: Count


class Abandoned(Message, frozen=True, kw_only=True, tag="abandoned"):
    """infer, postprocess -> preprocess: this frame cannot be finished, for `reason`, one of the ledger's.

    preprocess -> postprocess: it gave this frame up; nobody need wait for it.
    """

    camera: Camera
    epoch: Count
    seq: Count
    after: int
    reason: str


class OutputFree(Message, frozen=True, kw_only=True, tag="output_free"):
    """postprocess -> infer: the outputs were read."""

    worker: str
    slot: Count
    generation: Count


# ---- control ---------------------------------------------------------------------------------------------------------


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    """process -> supervisor: set up, and reading its inbox. `about` says what it runs on, for people; `on_gpu` whether
    that is a GPU.
    """

    process: str
    description: str = ""
    on_gpu: bool = False


class Heartbeat(Message, frozen=True, kw_only=True, tag="heartbeat"):
    """process -> supervisor: alive. `busy`: about to do what may take as long as a start, and silent meanwhile;
    `on_gpu`: on a GPU.
    """

    process: str
    busy: bool = False
    on_gpu: bool = False


class Failed(Message, frozen=True, kw_only=True, tag="failed"):
    """process -> supervisor: cannot go on because of something outside; `reason` is one line for people."""

    process: str
    reason: str
    exit_code: int


class NewGeometry(Message, frozen=True, kw_only=True, tag="geometry"):
    """capture -> supervisor: frames of this size are coming; a ring is wanted for them."""

    camera: Camera
    width: Count
    height: Count
    pixel_format: PixelFormat


class RingReady(Message, frozen=True, kw_only=True, tag="ring"):
    """supervisor -> capture: the ring of this epoch lies at `path`; `credits` of its slots may be leased at a time."""

    camera: Camera
    epoch: Count
    path: str
    credits: Count


class RingsReleased(Message, frozen=True, kw_only=True, tag="rings_released"):
    """preprocess -> supervisor: all rings of this camera before `epoch` were let go."""

    camera: Camera
    epoch: Count


class SourceState(Message, frozen=True, kw_only=True, tag="source_state"):
    """capture -> publish and supervisor: the camera's state changed. `final`: no frame will come any more.

    A camera that ends as `lost` has failed for good: a damaged file, or with `fail_fast` a camera out of reach.
    """

    camera: Camera
    state: CameraState
    reason: str
    at_ns: int
    final: bool


class Start(Message, frozen=True, kw_only=True, tag="start"):
    """supervisor -> capture: the stages behind are ready for frames; open the source."""


class StageLost(Message, frozen=True, kw_only=True, tag="stage_lost"):
    """supervisor -> all: this process died; what it held is lost, and it will come back empty."""

    process: str


class Stop(Message, frozen=True, kw_only=True, tag="stop"):
    """supervisor -> all: finish what is at hand and leave."""


class EndOfStream(Message, frozen=True, kw_only=True, tag="end"):
    """publish -> sinks: nothing more will come."""


class Sample(Message, frozen=True, kw_only=True, tag="sample"):
    """publish -> sinks: a published message, as it was sent, and the frame that its pixels lie in."""

    frame: Frame
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
    """The message that `payload` holds. Raises msgspec.DecodeError where it is not one, naming the field."""
    try:
        return _decoder.decode(payload)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"text that is not UTF-8: {error}") from None
