"""What one frame needs: which networks, in which passes, how often to look for people anew.

Top-down makes two passes over a frame when people must be found (the detector, then the crops of the same frame);
between detections the crops follow the last poses. Bottom-up and one-stage make one pass over the whole frame.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from posestream.engines.spec import ModelSpec, Role

Nms: TypeAlias = Literal["oks", "parametric"]
"""What makes two poses one person's: `engines.ensemble.suppress`."""


class Region(NamedTuple):
    """A rectangle of the frame that fills a network's input, in frame pixels, pixel centres are integers.

    `x_px`, `y_px` is its left top edge: a whole frame spans -0.5 to width - 0.5. `angle_rad` turns the rectangle
    clockwise on the screen about its centre. A negative `width_px` mirrors it, for a flip test. `person` is the
    identity it follows, or -1 for one that is not known yet.
    """

    x_px: float
    y_px: float
    width_px: float
    height_px: float
    angle_rad: float = 0.0
    person: int = -1


@dataclass(frozen=True, slots=True)
class Plan:
    """The networks and the cadence of a run.

    `detect_every` counts admitted frames: 1 looks for people in every frame. `refine` poses each crop a second time,
    centred on the torso of the first pose. A person is looked at in each of the sizes `scales`, 1 being the crop that
    the model asks for, and in a mirror too where `flip`; the pose is the mean. `max_people` is how many are posed in a
    frame at most.
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
    def looks(self) -> int:
        """How many crops of a person are posed in one pass."""
        return len(self.scales) * (2 if self.flip else 1)

    @property
    def feeds_back(self) -> bool:
        """True where the regions of a frame come from the frame before: such frames go one by one."""
        return self.detector is not None and self.detect_every > 1

    def first_pass(self, admitted: int, *, followed: bool) -> ModelSpec:
        """The network that sees frame number `admitted` (from 0) first; `followed`: there are regions to pose in it."""
        if self.detector is None:
            return self.pose
        return self.detector if not followed or admitted % self.detect_every == 0 else self.pose
