"""The people of one camera: network outputs become poses with identities, and the regions of the next frame.

A frame takes one network pass or more, `after_pass`, which may come out of order where a plan does not feed back. Once
its passes are over, `conclude` gives its people identities and smooths them, in the order of frames.
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
from posestream.stream.people.smooth import OneEuroFilter
from posestream.stream.people.track import DUPLICATE, UNKNOWN, Tracker
from posestream.stream.published import Person


@dataclass(frozen=True, slots=True)
class PassResult:
    """The outputs of one pass: `network` over `regions`, each of which filled an input of height, width `size_hw`.

    `outputs` are the network's own, or if `decoded` one array of keypoints (N, K, 3): x, y in frame pixels, score.
    """

    network: str
    regions: tuple[Region, ...]
    size_hw: tuple[int, int]
    outputs: Sequence[NDArray[Any]]
    decoded: bool = False


@dataclass(frozen=True, slots=True)
class NextPass:
    """Another pass that the frame needs: `network` over `regions`."""

    network: str
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The people of a frame, and the regions that follow them into the next one."""

    people: list[Person]
    regions: tuple[Region, ...]


@dataclass(slots=True)
class FrameInFlight:
    """A frame from its first crops to its conclusion.

    `detection_scores` (N,) are the detector's, of the person in each crop. `first_poses` are those to refine, once
    the pass that refines them is under way.
    """

    detection_scores: Floats
    first_poses: Poses | None = None


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
        self._filter = OneEuroFilter(settings.smooth, settings.track.lost_s)
        self._in_flight: dict[int, FrameInFlight] = {}  # by seq
        # Of the last concluded frame:
        self._followed: list[Followed] = []
        self._detection_scores: dict[int, float] = {}  # by person
        self._last_ns: int | None = None

    def forget(self, seq: int) -> None:
        """Abandons frame `seq`: the next one detects people anew."""
        self._in_flight.pop(seq, None)
        self._followed = []

    def after_pass(self, seq: int, result: PassResult) -> NextPass | Poses:
        """The next pass over frame `seq`, or after the last one its poses, in frame pixels."""
        codec = self._codecs[result.network]
        if self._plan.views_per_person > 1 and result.network == self._plan.pose.name:
            poses = pose_each(self._plan, codec, result.outputs, result.regions, result.size_hw)
            return self._posed(seq, result, poses)
        found = _decoded(codec, result)
        if isinstance(found, Boxes):
            return self._detected(seq, found)
        if self._plan.detector is None:
            return found
        return self._posed(seq, result, found)

    def _detected(self, seq: int, boxes: Boxes) -> NextPass | Poses:
        plan, settings = self._plan, self._settings.regions
        crops = merge(
            boxes.above(settings.image_box_score if self._independent_images else settings.box_score),
            self._followed if plan.feeds_back else [],
            spec=plan.pose.input,
            settings=settings,
            max_people=plan.max_people,
        )
        if not crops:
            return Poses.none(len(self._skeleton))
        regions = tuple(crop.region for crop in crops)
        scores = [
            last if crop.detection_score is None else crop.detection_score
            for crop, last in zip(crops, self._last_detection_scores(regions), strict=True)
        ]
        self._in_flight[seq] = FrameInFlight(np.array(scores, np.float32))
        return NextPass(plan.pose.name, regions)

    def _posed(self, seq: int, result: PassResult, poses: Poses) -> NextPass | Poses:
        regions = [at_scale(region, 1 / self._plan.scales[0]) for region in result.regions[: len(poses)]]
        frame = self._in_flight.get(seq)
        if frame is None:  # people were followed, not detected
            frame = self._in_flight[seq] = FrameInFlight(self._last_detection_scores(regions))
        if frame.first_poses is not None:
            poses = fuse(frame.first_poses, poses, skeleton=self._skeleton)
        elif self._plan.refine:
            frame.first_poses = poses
            return NextPass(
                result.network, tuple(refine_regions(poses, self._skeleton, self._plan.pose.input, regions))
            )
        return dataclasses.replace(poses, scores=poses.scores * frame.detection_scores)

    def _last_detection_scores(self, regions: Sequence[Region]) -> Floats:
        """(N,) the last detector score of the person that each region follows; 1 if unknown."""
        return np.array([self._detection_scores.get(region.person, 1.0) for region in regions], np.float32)

    def conclude(self, seq: int, poses: Poses, regions: Sequence[Region], at_ns: int) -> Conclusion:
        """The people of frame `seq`, and where to look in the next one. `regions` are those that `poses` came from.

        Frames come in order. A time that goes backwards, as in damaged files, is clamped.
        """
        detection_scores = self._end_flight(seq, len(poses))
        if self._independent_images:
            settings = self._settings.postprocess
            best = suppress(poses, self._skeleton, settings.nms, settings.same_oks)
            return Conclusion(self._published(best, None), ())
        capture_ns = at_ns if self._last_ns is None else max(at_ns, self._last_ns)
        kept = poses.scores >= self._settings.regions.keep_score
        hints = np.array([region.person for region in regions[: len(poses)]], np.intp)
        one_each = len(hints) == len(poses)  # unlike one region, the whole frame, with everybody in it
        poses, detection_scores = poses.take(kept), detection_scores[kept]
        ids = self._tracker.update(poses, capture_ns, hints[kept] if one_each else None)
        distinct = ids != DUPLICATE
        poses, ids, detection_scores = poses.take(distinct), ids[distinct], detection_scores[distinct]
        identified = ids != UNKNOWN
        self._detection_scores = dict(zip(ids[identified].tolist(), detection_scores[identified].tolist(), strict=True))
        self._followed = self._follow(poses, ids, capture_ns) if self._plan.feeds_back else []
        self._last_ns = capture_ns
        shown = identified | (poses.scores >= self._settings.track.start_score)
        smooth = self._filter.update(ids, poses, capture_ns).take(shown)
        return Conclusion(self._published(smooth, ids[shown]), tuple(each.region for each in self._followed))

    def _end_flight(self, seq: int, poses: int) -> Floats:
        """Removes frame `seq`, and older ones that will not be concluded; the detector's score of each of its poses."""
        frame = self._in_flight.get(seq)
        self._in_flight = {later: frame for later, frame in self._in_flight.items() if later > seq}
        return np.ones(poses, np.float32) if frame is None else frame.detection_scores

    def _follow(self, poses: Poses, ids: NDArray[np.intp], capture_ns: int) -> list[Followed]:
        ahead_s = 0.0 if self._last_ns is None else (capture_ns - self._last_ns) / 1e9
        followed = follow(
            poses,
            ids,
            self._tracker.velocities_px_s(ids),
            ahead_s,
            skeleton=self._skeleton,
            spec=self._plan.pose.input,
            settings=self._settings.regions,
        )
        return followed[: self._plan.max_people]

    def _published(self, poses: Poses, ids: NDArray[np.intp] | None) -> list[Person]:
        """Best score first, rounded to 0.01 px and 0.0001 of a score: no network is more exact."""
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


def _decoded(codec: Codec, result: PassResult) -> Boxes | Poses:
    if not result.decoded:
        return codec.decode(result.outputs, result.regions, result.size_hw)
    assert isinstance(codec, FromKeypoints), f"{result.network} has no keypoints that a device could have decoded"
    (keypoints,) = result.outputs
    return codec.poses(keypoints[..., :2], keypoints[..., 2])
