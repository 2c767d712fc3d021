"""`PoseEstimator`: people in pictures that a program has, in this process; no sockets, no other processes."""

import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posestream.engines.geometry import centred
from posestream.engines.plan import Region
from posestream.engines.results import Poses as Found
from posestream.engines.skeletons import SKELETONS, Skeleton
from posestream.stream.estimator.backends import loaded
from posestream.stream.estimator.passes import Cutter, FramePixels, infer
from posestream.stream.people.regions import region_of
from posestream.stream.people.scene import NextPass, Scene
from posestream.stream.poses import UNKNOWN_ID, Poses
from posestream.stream.run.keywords import ModelKeywords, settings_of
from posestream.stream.run.planning import plan_for
from posestream.stream.run.topology import CameraSpec
from posestream.stream.run.weights import network_files

Image: TypeAlias = NDArray[np.uint8]
log = logging.getLogger(__name__)

Boxes: TypeAlias = ArrayLike | Literal["whole"] | None

TOGETHER = 16  # images of one size that a network is given at a time: more gain nothing, and take memory


class PoseEstimator:
    """Finds and poses people in pictures, in this process: no sockets, no other processes, no files.

        with ps.PoseEstimator("movenet-thunder") as estimator:
            poses = estimator(cv2.imread("walk.jpg"))

    `model` is one that `posestream models list` names, "" the default. `config` is a file of settings; keywords are the
    long flags of `posestream run` (`detector`, `device`, `precision`, `weights`, `refine`, `flip`, …), and `settings`
    takes all others, by "section.key". The first time, networks are fetched and compiled, which takes seconds to a
    minute. `close`, or the end of the block, frees them.

    Raises ConfigError for a setting that is wrong, WeightsError where a network cannot be had, BackendError where it
    cannot be run. Not thread-safe.
    """

    def __init__(self, model: str = "", *, config: str | Path | None = None, **keywords: Unpack[ModelKeywords]) -> None:
        settings = settings_of({**keywords, **({"model": model} if model else {})}, config)
        self._settings = settings
        self._plan = plan_for(settings, _PICTURES)
        self._cut = Cutter(self._plan)
        self._open = contextlib.ExitStack()
        self._backends = self._open.enter_context(loaded(settings, network_files(settings, log.info)))

    @property
    def model(self) -> str:
        """Name of the model."""
        return self._plan.pose.name

    @property
    def skeleton(self) -> Skeleton:
        """The joints of its poses, and the links between them."""
        return SKELETONS[self._plan.pose.skeleton or ""]

    @overload
    def __call__(self, images: Image, boxes: Boxes = None) -> Poses: ...

    @overload
    def __call__(self, images: Sequence[Image], boxes: Sequence[Boxes] | None = None) -> list[Poses]: ...

    def __call__(self, images: Image | Sequence[Image], boxes: Any = None) -> Poses | list[Poses]:
        """The people in one image, or in each of several, which share the batches of the networks.

        `images` are (H, W, 3) uint8 BGR, as OpenCV reads them, of any sizes; they are only read. Coordinates are pixels
        of each image.

        Without `boxes`, people are found by the detector (or by the model, where it sees everybody at once), and come
        best first. With `boxes`, (N, 4) left, top, right, bottom in pixels, there is one pose for each of them, in
        their order; with "whole" the picture shows one person. For several images, `boxes` has an entry for each.

        Raises ValueError where an image or a box is none, BackendError where a network fails.
        """
        if isinstance(images, np.ndarray) or images is None:
            return self._estimate([images], [boxes])[0]
        return self._estimate(list(images), [None] * len(images) if boxes is None else list(boxes))

    def close(self) -> None:
        """Frees the networks; may be called twice."""
        self._backends = {}
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        devices = "; ".join(f"{name} on {backend.device}" for name, backend in self._backends.items())
        return f"PoseEstimator({devices or 'closed'})"

    def _estimate(self, images: Sequence[Image], boxes: Sequence[Boxes]) -> list[Poses]:
        if not self._backends:
            raise ValueError("this PoseEstimator is closed")
        if len(images) != len(boxes):
            raise ValueError(f"PoseEstimator: {len(images)} images and boxes for {len(boxes)}")
        pixels = [_pixels(image) for image in images]
        given = [self._regions(box, each.size_hw) for box, each in zip(boxes, pixels, strict=True)]
        scene = Scene(self._plan, self._settings, independent_images=True)
        found = self._passes(scene, pixels, given)
        return [
            self._people(scene, seq, poses, looked_at) if regions is None else _as_given(poses, self.skeleton)
            for seq, ((poses, looked_at), regions) in enumerate(zip(found, given, strict=True))
        ]

    def _regions(self, boxes: Boxes, size_hw: tuple[int, int]) -> tuple[Region, ...] | None:
        """The crops for boxes of the caller's own; None where people are to be found."""
        if boxes is None:
            return None
        plan, (height, width) = self._plan, size_hw
        if plan.detector is None:
            raise ValueError(f"PoseEstimator: {plan.pose.name} sees everybody at once: it takes no boxes")
        if isinstance(boxes, str):
            if boxes != "whole":
                raise ValueError(f'PoseEstimator: boxes are (N, 4), or "whole", not {boxes!r}')
            return (centred((width - 1) / 2, (height - 1) / 2, width, height, plan.pose.input),)
        xyxy = np.asarray(boxes, np.float64)
        if xyxy.size == 0:
            return ()
        if xyxy.ndim != 2 or xyxy.shape[1] != 4 or not np.isfinite(xyxy).all():
            raise ValueError(f"PoseEstimator: expected boxes (N, 4) of finite numbers, got {xyxy.shape}")
        if (xyxy[:, 2:] < xyxy[:, :2]).any():
            raise ValueError("PoseEstimator: a box is left, top, right, bottom: right and bottom cannot be less")
        return tuple(region_of(box, plan.pose.input, self._settings.regions) for box in xyxy)

    def _passes(
        self, scene: Scene, pixels: Sequence[FramePixels], given: Sequence[tuple[Region, ...] | None]
    ) -> list[tuple[Found, tuple[Region, ...]]]:
        """Takes every image through its passes, each network over several at a time: its poses, and where they are."""
        nobody = (Found.none(len(self.skeleton)), ())
        results: list[tuple[Found, tuple[Region, ...]]] = [nobody] * len(pixels)
        first = self._plan.first_pass(0, followed=False)
        pending = {
            seq: (self._plan.pose if regions else first, regions or ())
            for seq, regions in enumerate(given)
            if regions is None or regions
        }
        while pending:
            network = min((network for network, _ in pending.values()), key=self._plan.networks.index)
            together = [seq for seq, (wanted, _) in pending.items() if wanted is network][:TOGETHER]
            inputs = [self._cut(network, pixels[seq], pending.pop(seq)[1]) for seq in together]
            for seq, look in zip(together, infer(self._backends[network.name], inputs), strict=True):
                match scene.after_pass(seq, look):
                    case NextPass(regions=regions):
                        pending[seq] = (self._plan.pose, regions)
                    case Found() as poses:
                        results[seq] = (poses, look.regions)
        return results

    def _people(self, scene: Scene, seq: int, poses: Found, regions: tuple[Region, ...]) -> Poses:
        return Poses.of(scene.conclude(seq, poses, regions, 0).people, self.skeleton)


_PICTURES = CameraSpec(name="pictures", source="", policy="every", independent_images=True)


def _pixels(image: Any) -> FramePixels:
    if image is None:
        raise ValueError("PoseEstimator: got None instead of an image: cv2.imread gives that for a file it cannot read")
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        given = f"{image.shape} {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"PoseEstimator: expected an image (H, W, 3) uint8 BGR, got {given}")
    if not image.size:
        raise ValueError(f"PoseEstimator: an image of {image.shape[1]}x{image.shape[0]} has no pixels")
    return FramePixels(np.ascontiguousarray(image), "bgr24", image.shape[:2])


def _as_given(poses: Found, skeleton: Skeleton) -> Poses:
    """One pose for each box, in their order; nobody is left out."""
    return Poses(
        xy=poses.keypoints,
        scores=poses.keypoint_scores,
        boxes=poses.boxes_xyxy,
        person_scores=poses.scores,
        ids=np.full(len(poses), UNKNOWN_ID, np.int64),
        skeleton=skeleton,
    )
