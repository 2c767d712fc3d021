"""People as a program uses them: `Poses`, arrays over the people of one picture, and `Frame`, the picture's facts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from posestream.engines.exceptions import MissingExtraError
from posestream.engines.skeletons import COCO17, SKELETONS, Skeleton
from posestream.stream.published import Person, PoseMessage

if TYPE_CHECKING:
    import supervision

UNKNOWN_ID = -1
DRAWN_SCORE = 0.2  # joints below are guesses; as `draw.min_score` in config.toml

Floats: TypeAlias = NDArray[np.float32]
Picture: TypeAlias = NDArray[np.uint8]
Which: TypeAlias = int | slice | Sequence[int] | NDArray[np.bool_] | NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Poses:
    """The people of one picture, N of them with K joints each, as a struct of arrays.

    xy (N, K, 2) float32
        x and y of each joint in pixels of the original picture; pixel centres are integers.
    scores (N, K) float32
        Confidence of each joint, 0 to 1. Under 0.2 a joint is a guess.
    boxes (N, 4) float32
        Left, top, right, bottom of each person, pixels.
    person_scores (N,) float32
        Confidence of each person, 0 to 1.
    ids (N,) int64
        Identity over time within one camera or file; -1 where it is not known, always in single images.
    skeleton
        Names (`skeleton.joints`) and links (`skeleton.edges`) of the K joints, in their order.

    Raises ValueError where a shape does not fit the others. The arrays are the caller's own.

    `poses[which]` gives some of the people, by index, slice, mask or list of indices; `for pose in poses` gives them
    one by one, each as `Poses` of one person; `len(poses)` is N.
    """

    xy: Floats
    scores: Floats
    boxes: Floats
    person_scores: Floats
    ids: NDArray[np.int64]
    skeleton: Skeleton

    def __post_init__(self) -> None:
        people, joints = len(self.xy), len(self.skeleton)
        wanted = {
            "xy": (people, joints, 2),
            "scores": (people, joints),
            "boxes": (people, 4),
            "person_scores": (people,),
            "ids": (people,),
        }
        for name, shape in wanted.items():
            if (given := getattr(self, name).shape) != shape:
                raise ValueError(f"Poses.{name}: expected shape {shape}, got {given}")

    @classmethod
    def of(cls, people: Sequence[Person], skeleton: Skeleton) -> Self:
        """Arrays of published people, all of that skeleton."""
        keypoints = np.array([person.keypoints for person in people], np.float32).reshape(-1, len(skeleton), 3)
        return cls(
            xy=keypoints[..., :2].copy(),
            scores=keypoints[..., 2].copy(),
            boxes=np.array([person.box_xyxy for person in people], np.float32).reshape(-1, 4),
            person_scores=np.array([person.score for person in people], np.float32),
            ids=np.array([UNKNOWN_ID if person.id is None else person.id for person in people], np.int64),
            skeleton=skeleton,
        )

    def __len__(self) -> int:
        return len(self.xy)

    def __iter__(self) -> Iterator["Poses"]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, which: Which) -> "Poses":
        if isinstance(which, int | np.integer):
            which = [int(which)]
        rows: Any = np.asarray(which, np.intp) if isinstance(which, list | tuple) else which
        return Poses(
            self.xy[rows], self.scores[rows], self.boxes[rows], self.person_scores[rows], self.ids[rows], self.skeleton
        )

    def __repr__(self) -> str:
        return f"Poses({len(self)} with the {len(self.skeleton)} joints of {self.skeleton.name})"

    def joint(self, name: str) -> Floats:
        """(N, 3) float32: x and y in pixels and the score of one joint of everybody.

        Raises KeyError, naming the skeleton's joints, where it has none of that name.
        """
        if name not in self.skeleton.joints:
            raise KeyError(f"{self.skeleton.name} has no joint {name!r}; it has {', '.join(self.skeleton.joints)}")
        i = self.skeleton.joints.index(name)
        return np.column_stack([self.xy[:, i], self.scores[:, i]])

    def draw(self, image: Picture, min_score: float = DRAWN_SCORE) -> Picture:
        """Draws everybody into `image`, in place, and returns it; joints under `min_score` are left out.

        `image` is (H, W, 3) uint8 BGR, C-contiguous and writable. Raises ValueError where it is not.
        """
        from posestream.stream.drawing.overlay import draw_people  # OpenCV, which those who only subscribe do without

        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"Poses.draw: expected an image (H, W, 3) uint8 BGR, got {image.shape} {image.dtype}")
        if not (image.flags.c_contiguous and image.flags.writeable):
            raise ValueError("Poses.draw: the image is a view or read-only; draw into image.copy()")
        draw_people(image, self.people(), min_score)
        return image

    def people(self) -> list[Person]:
        """The same as published people, one object each."""
        keypoints = np.concatenate([self.xy, self.scores[..., None]], axis=2).astype(np.float64)
        return [
            Person(
                id=None if self.ids[i] == UNKNOWN_ID else int(self.ids[i]),
                skeleton=self.skeleton.name,
                box_xyxy=tuple(self.boxes[i].astype(np.float64).tolist()),
                score=float(self.person_scores[i]),
                keypoints=list(map(tuple, keypoints[i].tolist())),
            )
            for i in range(len(self))
        ]

    def to_supervision(self) -> "supervision.KeyPoints":
        """The same for supervision's annotators and metrics; copies.

        `class_id` is 0, for a person, and `data` has `boxes` and `ids`. Raises MissingExtraError where supervision is
        not installed.
        """
        try:
            import supervision
        except ImportError:
            raise MissingExtraError(
                "Poses.to_supervision: needs supervision: pip install posestream[supervision]"
            ) from None
        return supervision.KeyPoints(
            xy=self.xy.copy(),
            class_id=np.zeros(len(self), int),
            keypoint_confidence=self.scores.copy(),
            detection_confidence=self.person_scores.copy(),
            data={"boxes": self.boxes.copy(), "ids": self.ids.copy()},
        )


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame whose people were computed; a frame that was dropped is never one of these.

    camera
        Name of the camera; of a file in `track`, the file's name.
    seq
        Number of the frame since the start, counting those that were dropped.
    time
        Wall-clock time of capture, seconds since 1970.
    source_time
        The stream's own timestamp in seconds, from the start of a file; None where it has none.
    width, height
        Size of the picture, pixels.
    poses
        Its people; none of them means that nobody is there.
    drops
        Frames dropped since the start, by reason.
    raw
        The message as it was published, with the time at every stage.

    The picture is not in it: a run's is `run.image(frame)`, that of `track` is in `VideoFrame`.
    """

    camera: str
    seq: int
    time: float
    source_time: float | None
    width: int
    height: int
    poses: Poses
    drops: Mapping[str, int]
    raw: PoseMessage = field(repr=False)

    @classmethod
    def of(cls, message: PoseMessage, skeleton: Skeleton | None = None, **more: Any) -> Self:
        """The frame that a message is about; `skeleton` is that of its people where there are none to name it."""
        named = skeleton_of(message.people[0]) if message.people else skeleton
        return cls(
            camera=message.camera,
            seq=message.seq,
            time=message.capture_unix_ns / 1e9,
            source_time=None if message.source_ns is None else message.source_ns / 1e9,
            width=message.width,
            height=message.height,
            poses=Poses.of(message.people, named or COCO17),
            drops=message.drops,
            raw=message,
            **more,
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VideoFrame(Frame):
    """A frame with its picture: `image` is (H, W, 3) uint8 BGR, the caller's own."""

    image: Picture = field(repr=False)


def skeleton_of(person: Person) -> Skeleton:
    """The skeleton that a published person names; one that this version does not know has numbered joints, no links."""
    known = SKELETONS.get(person.skeleton)
    return known or Skeleton(person.skeleton, tuple(f"joint {i}" for i in range(len(person.keypoints))), ())
