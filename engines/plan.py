"""The plan of a frame: its networks, their passes, and how often the detector runs.

A top-down plan makes two passes over a frame with detection (the detector, then the crops of the same frame) and one
between detections, where the crops follow the last poses. Bottom-up and one-stage plans make one pass over the whole
frame.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from posestream.engines.spec import ModelSpec, Role

Nms: TypeAlias = Literal["oks", "parametric"]
"""The rule of pose NMS: `engines.ensemble.suppress`."""
PixelFormat: TypeAlias = Literal["bgr24", "i420", "nv12"]


class Region(NamedTuple):
    """A rectangle of the frame that fills a network's input, in frame pixels, pixel centres are integers.

    `x_px`, `y_px` is its left top edge: a whole frame spans -0.5 to width - 0.5. `angle_rad` turns the rectangle
    clockwise on the screen about its centre. A negative `width_px` mirrors it, for a flip test. `person` is the
    identity of the person in it, -1 if unknown.
    """

    x_px: float
    y_px: float
    width_px: float
    height_px: float
    angle_rad: float = 0.0
    person: int = -1

    @property
    def mirrored(self) -> bool:
        """True if left and right are exchanged in the input."""
        return self.width_px < 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The networks and the cadence of a run.

    The detector runs on every `detect_every`-th admitted frame. `refine` poses each person a second time, in a crop
    centred on the torso of the first pose. `scales` and `flip` are test-time augmentation: the pose is the mean over
    all views, 1 being the size of crop that the model asks for. `max_people` bounds the people posed in a frame.
    Raises ValueError where a top-down model lacks a detector or another model has one.
    """

    pose: ModelSpec
    detector: ModelSpec | None = None
    detect_every: int = 1
    refine: bool = False
    flip: bool = False
    scales: tuple[float, ...] = (1.0,)
    max_people: int = 20

    def __post_init__(self) -> None:
        if (self.pose.role is Role.TOP_DOWN) != (self.detector is not None):
            raise ValueError(f"{self.pose.name} is {self.pose.role}: only a top-down model takes a detector")

    @property
    def networks(self) -> tuple[ModelSpec, ...]:
        """All networks of the plan, the detector first."""
        return (self.pose,) if self.detector is None else (self.detector, self.pose)

    @property
    def views_per_person(self) -> int:
        """The number of crops of a person that are posed in one pass."""
        return len(self.scales) * (2 if self.flip else 1)

    @property
    def feeds_back(self) -> bool:
        """True if the regions of a frame depend on the frame before, so that frames must be processed one by one."""
        return self.detector is not None and self.detect_every > 1

    def first_pass(self, admitted: int, *, followed: bool) -> ModelSpec:
        """The network of the first pass over frame number `admitted` (from 0); `followed`: regions are known for it."""
        if self.detector is None:
            return self.pose
        return self.detector if not followed or admitted % self.detect_every == 0 else self.pose
