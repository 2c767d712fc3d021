"""Who is who from frame to frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posestream.engines.results import Poses
from posestream.stream.config import TrackSettings
from posestream.stream.people.assignment import assign
from posestream.stream.people.motion import Motion
from posestream.stream.people.similarity import Doubles, similarity, sizes_px

UNKNOWN = -1
"""The id of a person for whom there is not enough evidence yet."""
DUPLICATE = -2
"""The id of a pose that shows a person a second time: not to be published, nor followed."""

_HINT = 0.1  # similarity that the crop's own person is worth: it decides near ties and nothing else
_SPREAD = 1.0  # body sizes at most by which a lost person's place is uncertain


@dataclass(slots=True)
class _Track:
    """One person. `pose` holds one pose, the last, seen at `seen_ns`; `hits` counts the frames they were seen in."""

    pose: Poses
    motion: Motion
    seen_ns: int
    id: int = UNKNOWN
    hits: int = 1


class Tracker:
    """Identities of the people before one camera. Deterministic; all times are capture times.

    Ids count up from `first_id` and are never used twice. They are given on evidence and not to every flicker, so that
    they stay small, count people, and a strong person is not nameless for even one frame. `sigmas` (K,) are the
    joints' fall-offs in OKS, `Skeleton.sigmas`.
    """

    def __init__(self, sigmas: Doubles, settings: TrackSettings, first_id: int = 1) -> None:
        self.next_id = first_id
        self._sigmas = sigmas
        self._settings = settings
        self._tracks: list[_Track] = []
        self._now_ns: int | None = None

    def update(self, poses: Poses, capture_ns: int, hints: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
        """The id of each of the N poses of a frame, (N,) intp: 1 or more, `UNKNOWN` or `DUPLICATE`.

        `hints` (N,) is the `person` of the region that each pose came from, -1 where there is none. It decides between
        people who are about equally alike, and no more, since crops slip from one person to the next. Poses are not
        changed; the tracker keeps copies. Raises ValueError when `capture_ns` is less than the last one.
        """
        if self._now_ns is not None and capture_ns < self._now_ns:
            raise ValueError(f"frames out of order: captured at {capture_ns} ns, after one of {self._now_ns} ns")
        self._tracks = [t for t in self._tracks if capture_ns - t.seen_ns <= self._settings.lost_s * 1e9]
        matches, claims = self._associate(poses, capture_ns, hints)
        duplicates = self._duplicates(poses, claims)
        ids = np.full(len(poses), UNKNOWN, np.intp)
        ids[duplicates] = DUPLICATE
        for pose in np.flatnonzero(~duplicates):
            track = matches.get(int(pose))
            if track is not None:
                self._see(track, poses.take(np.array([pose])), capture_ns)
            elif poses.scores[pose] >= self._settings.start_score:
                track = self._meet(poses.take(np.array([pose])), capture_ns)
            if track is not None:
                ids[pose] = track.id
        self._tracks = [t for t in self._tracks if t.id != UNKNOWN or t.seen_ns == capture_ns]
        self._now_ns = capture_ns
        return ids

    def velocities_px_s(self, ids: NDArray[np.intp]) -> Doubles:
        """(N, 2) the velocity of each person in frame pixels per second; 0 for those without an id."""
        known = {track.id: track.motion.velocity_px_s for track in self._tracks if track.id != UNKNOWN}
        return np.array([known.get(int(i), np.zeros(2)) for i in ids]).reshape(-1, 2)

    def forget(self) -> None:
        """Nobody is known any more, as after a cut; ids go on counting."""
        self._tracks.clear()
        self._now_ns = None

    def _associate(
        self, poses: Poses, capture_ns: int, hints: NDArray[np.intp] | None
    ) -> tuple[dict[int, _Track], Doubles]:
        """The track that each matched pose continues, and (N,) how alike they are, 0 where there is no id to claim.

        In rounds, after Zhang et al. 2022, "ByteTrack", algorithm 1: strong poses first, then the weak ones with those
        just seen; then those who are not where they would be, further off the longer they were away. Whoever has no id
        yet comes last, so that a second pose of somebody cannot grow into a person of its own.
        """
        expected, spread_px = self._expected(capture_ns, len(self._sigmas))
        strong = poses.scores >= self._settings.start_score
        recent = np.array([track.seen_ns == self._now_ns for track in self._tracks], np.bool_)
        ids = np.array([track.id for track in self._tracks], np.intp)
        named = ids != UNKNOWN
        hinted = _HINT * _equal(ids, hints, len(poses))
        near = similarity(expected, poses, self._sigmas)
        wide = similarity(expected, poses, self._sigmas, spread_px)

        matches: dict[int, _Track] = {}
        claims = np.zeros(len(poses))
        anyone = np.ones(len(poses), np.bool_)
        free_tracks, free_poses = np.ones(len(ids), np.bool_), anyone.copy()
        rounds = (
            (near, named, strong),
            (near, named & recent, ~strong),
            (wide, named, strong),
            (near, ~named, anyone),
            (wide, ~named, strong),
        )
        for alike, of_tracks, of_poses in rounds:
            allowed = np.outer(free_tracks & of_tracks, free_poses & of_poses)
            allowed &= alike >= self._settings.min_likeness
            for row, column in assign(np.where(allowed, alike + hinted, 0.0), self._settings.min_likeness):
                matches[column], claims[column] = self._tracks[row], near[row, column] * named[row]
                free_tracks[row] = free_poses[column] = False
        return matches, claims

    def _expected(self, capture_ns: int, joints: int) -> tuple[Poses, Doubles]:
        """Everybody's last pose moved to where they would be now, and how uncertain that is, (T,) in pixels."""
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
        spreads = [track.motion.after(gap).spread for track, gap in zip(self._tracks, gaps_s, strict=True)]
        return now, np.minimum(spreads, _SPREAD) * sizes_px(now.boxes_xyxy)

    def _duplicates(self, poses: Poses, claims: Doubles) -> NDArray[np.bool_]:
        """(N,) the poses of somebody who has another with a better claim: nearer to its track, else better scored.

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

    def _meet(self, pose: Poses, capture_ns: int) -> _Track:
        track = _Track(pose, Motion.standing(_centre_px(pose)), capture_ns)
        self._tracks.append(track)
        self._confirm(track)
        return track

    def _see(self, track: _Track, pose: Poses, capture_ns: int) -> None:
        track.motion = track.motion.after((capture_ns - track.seen_ns) / 1e9).seen_at(_centre_px(pose))
        track.pose, track.seen_ns, track.hits = pose, capture_ns, track.hits + 1
        self._confirm(track)

    def _confirm(self, track: _Track) -> None:
        sure = track.pose.scores[0] >= self._settings.sure_score or track.hits >= self._settings.confirm_frames
        if track.id == UNKNOWN and sure:
            track.id, self.next_id = self.next_id, self.next_id + 1


def _centre_px(pose: Poses) -> Doubles:
    return np.asarray(pose.boxes_xyxy[0].reshape(2, 2).mean(axis=0, dtype=np.float64))


def _equal(ids: NDArray[np.intp], hints: NDArray[np.intp] | None, poses: int) -> NDArray[np.bool_]:
    """(T, N) where the hint of a pose names the track."""
    if hints is None:
        return np.zeros((len(ids), poses), np.bool_)
    return np.asarray((ids[:, None] == hints[None]) & (ids[:, None] != UNKNOWN))
