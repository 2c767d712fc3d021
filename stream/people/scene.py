"""One camera's people: from what networks found in a frame to who is there, and where to look in the next frame.

A frame is seen in passes, `look`, which may come out of order where a plan does not feed back; when its passes are
done, `conclude` gives its people identities and calms them, in the order of frames.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs import codec_for
from posestream.engines.codecs.codec import Codec, FromKeypoints
from posestream.engines.ensemble import fuse, pose_each, refine_regions, suppress
from posestream.engines.geometry import at_scale
from posestream.engines.plan import Plan, Region
from posestream.engines.results import Boxes, Floats, Poses
from posestream.engines.skeletons import SKELETONS
from posestream.stream.config import Config
from posestream.stream.people.regions import Followed, follow, merge
from posestream.stream.people.smooth import Smoother
from posestream.stream.people.track import DUPLICATE, UNKNOWN, Tracker
from posestream.stream.published import Person


@dataclass(frozen=True, slots=True)
class Look:
    """What came out of one pass: `network` saw `regions`, each of which filled an input of height, width `size_hw`.

    `outputs` are its own, or where `decoded` one array of keypoints (N, K, 3), x and y in frame pixels and the score.
    """

    network: str
    regions: tuple[Region, ...]
    size_hw: tuple[int, int]
    outputs: Sequence[NDArray[Any]]
    decoded: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    """The frame needs another pass: `network` over `regions`."""

    network: str
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The people of a frame, and the regions that follow them into the next one."""

    people: list[Person]
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A frame between two passes: how sure it is that somebody is in each crop, and the poses of the first pass."""

    certainties: Floats
    first: Poses | None = None


class Scene:
    """The people before one camera. No clock: time is that of capture."""

    def __init__(self, plan: Plan, settings: Config, *, independent_images: bool) -> None:
        assert plan.pose.skeleton is not None, f"{plan.pose.name} names no skeleton"
        self._plan = plan
        self._settings = settings
        self._independent_images = independent_images
        self._skeleton = SKELETONS[plan.pose.skeleton]
        self._codecs = {network.name: codec_for(network) for network in plan.networks}
        self._tracker = Tracker(self._skeleton.sigmas, settings.track)
        self._smoother = Smoother(settings.smooth, settings.track.lost_s)
        self._passages: dict[int, Passage] = {}
        self._posed_for: dict[int, Floats] = {}  # by frame: how sure the detector was of whom each pose shows
        self._followed: list[Followed] = []
        self._certainties: dict[int, float] = {}  # of the detector, of people with an id
        self._last_ns: int | None = None

    def forget(self, seq: int) -> None:
        """Frame `seq` was given up: the next one looks for people anew."""
        self._passages.pop(seq, None)
        self._posed_for.pop(seq, None)
        self._followed = []

    def look(self, seq: int, look: Look) -> Again | Poses:
        """After one pass over frame `seq`: the next pass, or the poses that were found, in frame pixels."""
        codec = self._codecs[look.network]
        if self._plan.views_per_person > 1 and look.network == self._plan.pose.name:
            return self._posed(seq, look, pose_each(self._plan, codec, look.outputs, look.regions, look.size_hw))
        found = _found(codec, look)
        if isinstance(found, Boxes):
            regions = self._settings.regions
            return self._detected(
                seq, found.above(regions.image_box_score if self._independent_images else regions.box_score)
            )
        if self._plan.detector is None:
            return found
        return self._posed(seq, look, found)

    def _detected(self, seq: int, boxes: Boxes) -> Again | Poses:
        plan, followed = self._plan, self._followed if self._plan.feeds_back else []
        regions = self._settings.regions
        wanted = merge(boxes, followed, spec=plan.pose.input, settings=regions, max_people=plan.max_people)
        if not wanted:
            return Poses.none(len(self._skeleton))
        known = self._known([each.region for each in wanted])
        scores = [known[i] if each.box_score is None else each.box_score for i, each in enumerate(wanted)]
        self._passages[seq] = Passage(np.array(scores, np.float32))
        return Again(plan.pose.name, tuple(each.region for each in wanted))

    def _posed(self, seq: int, look: Look, poses: Poses) -> Again | Poses:
        regions = [at_scale(region, 1 / self._plan.scales[0]) for region in look.regions[: len(poses)]]
        passage = self._passages.pop(seq, None) or Passage(self._known(regions))
        if passage.first is not None:
            poses = fuse(passage.first, poses, skeleton=self._skeleton)
        elif self._plan.refine:
            self._passages[seq] = Passage(passage.certainties, poses)
            return Again(look.network, tuple(refine_regions(poses, self._skeleton, self._plan.pose.input, regions)))
        self._posed_for[seq] = passage.certainties
        return dataclasses.replace(poses, scores=poses.scores * passage.certainties)

    def _known(self, regions: Sequence[Region]) -> Floats:
        """How sure the detector last was of whom each region follows."""
        return np.array([self._certainties.get(region.person, 1.0) for region in regions], np.float32)

    def conclude(self, seq: int, poses: Poses, regions: Sequence[Region], at_ns: int) -> Conclusion:
        """Who the people of frame `seq` are, and where to look next; `regions` had the poses in them, in their order.

        Frames come in order; should `at_ns` go back all the same, as it does in damaged files, time stands still.
        """
        certainties = self._posed_for.get(seq, np.ones(len(poses), np.float32))
        self._posed_for = {later: sure for later, sure in self._posed_for.items() if later > seq}
        if self._independent_images:
            settings = self._settings.postprocess
            single = suppress(poses, self._skeleton, settings.nms, settings.same_oks)
            return Conclusion(self._published(single, None), ())
        capture_ns = max(at_ns, at_ns if self._last_ns is None else self._last_ns)
        somebody = poses.scores >= self._settings.regions.keep_score
        hints = np.array([region.person for region in regions[: len(poses)]], np.intp)
        one_each = len(hints) == len(poses)  # not so where one region, the whole frame, shows everybody
        poses, certainties = poses.take(somebody), certainties[somebody]
        ids = self._tracker.update(poses, capture_ns, hints[somebody] if one_each else None)
        kept = ids != DUPLICATE
        poses, ids, certainties = poses.take(kept), ids[kept], certainties[kept]
        self._certainties = {int(i): float(c) for i, c in zip(ids, certainties, strict=True) if i != UNKNOWN}
        self._followed = self._follow(poses, ids, capture_ns) if self._plan.feeds_back else []
        self._last_ns = capture_ns
        sure = (ids != UNKNOWN) | (poses.scores >= self._settings.track.start_score)
        calm = self._smoother.update(ids, poses, capture_ns).take(sure)
        return Conclusion(self._published(calm, ids[sure]), tuple(each.region for each in self._followed))

    def _follow(self, poses: Poses, ids: NDArray[np.intp], capture_ns: int) -> list[Followed]:
        ahead_s = 0.0 if self._last_ns is None else (capture_ns - self._last_ns) / 1e9
        velocities = self._tracker.velocities_px_s(ids)
        followed = follow(
            poses,
            ids,
            velocities,
            ahead_s,
            skeleton=self._skeleton,
            spec=self._plan.pose.input,
            settings=self._settings.regions,
        )
        return followed[: self._plan.max_people]

    def _published(self, poses: Poses, ids: NDArray[np.intp] | None) -> list[Person]:
        """Best first. Hundredths of a pixel and ten-thousandths of a score say all that a network knows."""
        keypoints = poses.keypoints.astype(np.float64).round(2)
        keypoint_scores = poses.keypoint_scores.astype(np.float64).clip(0, 1).round(4)
        boxes = poses.boxes_xyxy.astype(np.float64).round(2)
        scores = poses.scores.astype(np.float64).clip(0, 1).round(4)
        return [
            Person(
                id=None if ids is None or ids[i] == UNKNOWN else int(ids[i]),
                skeleton=self._skeleton.name,
                box_xyxy=tuple(boxes[i].tolist()),
                score=float(scores[i]),
                keypoints=np.column_stack([keypoints[i], keypoint_scores[i]]).tolist(),
            )
            for i in np.argsort(-poses.scores, kind="stable")
            if poses.scores[i] >= self._settings.postprocess.score_min
        ]


def _found(codec: Codec, look: Look) -> Boxes | Poses:
    if not look.decoded:
        return codec.decode(look.outputs, look.regions, look.size_hw)
    assert isinstance(codec, FromKeypoints), f"{look.network} has no joints that a device could have found"
    (keypoints,) = look.outputs
    return codec.poses(keypoints[..., :2], keypoints[..., 2])
