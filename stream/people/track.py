"""Identities of people from frame to frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posestream.engines.results import Poses
from posestream.stream.config import TrackSettings
from posestream.stream.people.assignment import assign
from posestream.stream.people.motion import Motion
from posestream.stream.people.similarity import Doubles, similarity, sizes_px

UNKNOWN = -1
"""The id of a person without enough evidence yet."""
DUPLICATE = -2
"""The id of a pose that shows a person a second time: not to be published, nor followed."""

_HINT = 0.1  # similarity that the crop's own person is worth: it decides near ties and nothing else
_MAX_SPREAD = 1.0  # body sizes: the greatest uncertainty of a lost person's place


@dataclass(slots=True)
class _Track:
    """One person, tentative until it has an id: the last pose, seen at `seen_ns`, and the number of frames with one."""

    pose: Poses
    motion: Motion
    seen_ns: int
    id: int = UNKNOWN
    hits: int = 1


class Tracker:
    """Identities of the people before one camera. Deterministic; all times are capture times.

    Ids count up from 1, and none is given twice: `next_id` is the next. They are given on evidence and not to every
    flicker, so that they stay small, count people, and a strong person is not nameless for even one frame. `sigmas`
    (K,) are the joints' fall-offs in OKS, `Skeleton.sigmas`.
    """

    def __init__(self, sigmas: Doubles, settings: TrackSettings) -> None:
        self.next_id = 1
        self._sigmas = sigmas
        self._settings = settings
        self._tracks: list[_Track] = []
        self._last_ns: int | None = None

    def update(self, poses: Poses, capture_ns: int, hints: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
        """The id of each of the N poses of a frame, (N,) intp: 1 or more, `UNKNOWN` or `DUPLICATE`.

        `hints` (N,) is the `person` of the region that each pose came from, -1 if unknown. It decides between people
        of about equal similarity, and no more, since crops slip from one person to the next. Poses are not changed; the
        tracker keeps copies. Raises ValueError where `capture_ns` is less than the last one.
        """
        if self._last_ns is not None and capture_ns < self._last_ns:
            raise ValueError(f"frames out of order: captured at {capture_ns} ns, after one of {self._last_ns} ns")
        self._tracks = [t for t in self._tracks if capture_ns - t.seen_ns <= self._settings.lost_s * 1e9]
        matches, claims = self._associate(poses, capture_ns, hints)
        duplicates = self._duplicates(poses, claims)
        ids = np.full(len(poses), UNKNOWN, np.intp)
        ids[duplicates] = DUPLICATE
        for pose in np.flatnonzero(~duplicates):
            track = matches.get(int(pose))
            if track is not None:
                self._continue(track, poses.take(np.array([pose])), capture_ns)
            elif poses.scores[pose] >= self._settings.start_score:
                track = self._start(poses.take(np.array([pose])), capture_ns)
            if track is not None:
                ids[pose] = track.id
        self._tracks = [t for t in self._tracks if t.id != UNKNOWN or t.seen_ns == capture_ns]
        self._last_ns = capture_ns
        return ids

    def velocities_px_s(self, ids: NDArray[np.intp]) -> Doubles:
        """(N, 2) the velocity of each person in frame pixels per second; 0 without an id."""
        known = {track.id: track.motion.velocity_px_s for track in self._tracks if track.id != UNKNOWN}
        return np.array([known.get(int(i), np.zeros(2)) for i in ids]).reshape(-1, 2)

    def _associate(
        self, poses: Poses, capture_ns: int, hints: NDArray[np.intp] | None
    ) -> tuple[dict[int, _Track], Doubles]:
        """The track that each matched pose continues, and (N,) their similarity, 0 without an id to claim.

        In rounds, after Zhang et al. 2022, "ByteTrack", algorithm 1, each among the tracks and poses still free.
        """
        predicted, spread_px = self._predicted(capture_ns, len(self._sigmas))
        narrow = similarity(predicted, poses, self._sigmas)
        wide = similarity(predicted, poses, self._sigmas, spread_px)  # the gate grows with the time unseen
        ids = np.array([track.id for track in self._tracks], np.intp)
        identified, tentative = ids != UNKNOWN, ids == UNKNOWN
        recent = np.array([track.seen_ns == self._last_ns for track in self._tracks], np.bool_)
        strong = poses.scores >= self._settings.start_score
        weak, every = ~strong, np.ones(len(poses), np.bool_)
        rounds = (
            (identified, strong, narrow),  # people where they are expected
            (identified & recent, weak, narrow),  # a weak pose only continues somebody just seen
            (identified, strong, wide),  # people elsewhere
            (tentative, every, narrow),  # no id yet: last, or a second pose of somebody could grow into a person
            (tentative, strong, wide),
        )
        hinted = _HINT * _hinted(ids, hints, len(poses))
        matches: dict[int, _Track] = {}
        claims = np.zeros(len(poses))
        free_tracks, free_poses = np.ones(len(ids), np.bool_), np.ones(len(poses), np.bool_)
        for of_tracks, of_poses, alike in rounds:
            allowed = np.outer(free_tracks & of_tracks, free_poses & of_poses)
            allowed &= alike >= self._settings.min_likeness
            for row, column in assign(np.where(allowed, alike + hinted, 0.0), self._settings.min_likeness):
                matches[column], claims[column] = self._tracks[row], narrow[row, column] * identified[row]
                free_tracks[row] = free_poses[column] = False
        return matches, claims

    def _predicted(self, capture_ns: int, joints: int) -> tuple[Poses, Doubles]:
        """The last pose of each track, moved to its expected place, and (T,) the place's uncertainty in pixels."""
        if not self._tracks:
            return Poses.none(joints), np.zeros(0)
        gaps_s = np.array([(capture_ns - track.seen_ns) / 1e9 for track in self._tracks])
        velocities = np.array([track.motion.velocity_px_s for track in self._tracks])
        moved = (velocities * gaps_s[:, None]).astype(np.float32)
        poses = [track.pose for track in self._tracks]
        now = Poses(
            np.concatenate([pose.keypoints for pose in poses]) + moved[:, None],
            np.concatenate([pose.keypoint_scores for pose in poses]),
            np.concatenate([pose.boxes_xyxy for pose in poses]) + np.tile(moved, 2),
            np.concatenate([pose.scores for pose in poses]),
        )
        spreads = [
            track.motion.predicted(gap_s).position_std for track, gap_s in zip(self._tracks, gaps_s, strict=True)
        ]
        return now, np.minimum(spreads, _MAX_SPREAD) * sizes_px(now.boxes_xyxy)

    def _duplicates(self, poses: Poses, claims: Doubles) -> NDArray[np.bool_]:
        """(N,) the poses of a person with another pose of a better claim: nearer to its track, else better scored.

        A pose that is more like its own track than like the other pose is no duplicate: two people pass each other.
        Decided after the association, so that of two crops that slipped onto one person the person's own stays, and
        the other's track is not dragged along.
        """
        alike = similarity(poses, poses, self._sigmas)
        same = (alike >= self._settings.duplicate_likeness) & (alike > claims[:, None])
        duplicates = np.zeros(len(poses), np.bool_)
        kept: list[int] = []
        for pose in np.lexsort((-poses.scores, -claims)):
            duplicates[pose] = same[pose, kept].any()
            if not duplicates[pose]:
                kept.append(int(pose))
        return duplicates

    def _start(self, pose: Poses, capture_ns: int) -> _Track:
        track = _Track(pose, Motion.at_rest(_centre_px(pose)), capture_ns)
        self._tracks.append(track)
        self._identify(track)
        return track

    def _continue(self, track: _Track, pose: Poses, capture_ns: int) -> None:
        track.motion = track.motion.predicted((capture_ns - track.seen_ns) / 1e9).corrected(_centre_px(pose))
        track.pose, track.seen_ns, track.hits = pose, capture_ns, track.hits + 1
        self._identify(track)

    def _identify(self, track: _Track) -> None:
        """Gives the track an id once there is evidence enough."""
        sure = track.pose.scores[0] >= self._settings.sure_score or track.hits >= self._settings.confirm_frames
        if track.id == UNKNOWN and sure:
            track.id, self.next_id = self.next_id, self.next_id + 1


def _centre_px(pose: Poses) -> Doubles:
    return np.asarray(pose.boxes_xyxy[0].reshape(2, 2).mean(axis=0, dtype=np.float64))


def _hinted(ids: NDArray[np.intp], hints: NDArray[np.intp] | None, poses: int) -> NDArray[np.bool_]:
    """(T, N) True if the hint of a pose is the track's id."""
    if hints is None:
        return np.zeros((len(ids), poses), np.bool_)
    return np.asarray((ids[:, None] == hints[None]) & (ids[:, None] != UNKNOWN))
