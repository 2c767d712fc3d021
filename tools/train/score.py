"""How well a network knows its training images: through the exported network, a runtime and the codec, as live."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from posestream.engines.architectures.export import to_onnx
from posestream.engines.architectures.pose_network import Network
from posestream.engines.backends.load import load
from posestream.engines.batches import Batch
from posestream.engines.codecs import codec_for
from posestream.engines.metrics import lengths
from posestream.engines.results import Boxes, Poses
from posestream.engines.skeletons import SKELETONS, Skeleton
from posestream.engines.spec import ModelSpec
from tools.train.samples import Sample

PCK_AT = 0.2
_BOX_TORSO = 0.5  # of a box's longer side: taken where the torso is not labelled


@dataclass(frozen=True, slots=True)
class Score:
    """PCK: of the labelled joints the part that was found no further from the truth than `PCK_AT` torsos.

    `joints` is how many are labelled, `people` how many people they are of.
    """

    pck: float
    joints: int
    people: int


def score(network: Network, spec: ModelSpec, samples: Sequence[Sample], onnx: Path) -> Score:
    """Exports the network to `onnx`, runs it on the samples, decodes, and compares with the truth.

    Where several people are in an image each is compared with the pose that has most of the joints right, one to one.
    """
    onnx.write_bytes(to_onnx(network, spec).SerializeToString())
    right = labelled = people = 0
    for sample, found in zip(samples, _decode(spec, samples, onnx), strict=True):
        hits = _hits(found, sample.people, SKELETONS[spec.skeleton or ""])
        right += int(hits.sum(axis=-1)[linear_sum_assignment(-hits.sum(axis=-1))].sum())
        labelled += int((sample.people.keypoint_scores > 0).sum())
        people += len(sample.people)
    return Score(right / labelled, labelled, people)


def _decode(spec: ModelSpec, samples: Sequence[Sample], onnx: Path) -> list[Poses]:
    """The poses found in each sample, in pixels of its image."""
    backend = load(spec, onnx)
    codec = codec_for(spec)
    found = []
    try:
        for sample in samples:
            images = sample.pixels[None]
            outputs = [np.empty(shape, np.float32) for shape in backend.output_shapes(images.shape)]
            backend.run([Batch(images, outputs)])
            assert spec.input.size_hw is not None
            poses = codec.decode(outputs, [sample.region], spec.input.size_hw)
            assert not isinstance(poses, Boxes)
            found.append(poses)
    finally:
        backend.close()
    return found


def _hits(found: Poses, truth: Poses, skeleton: Skeleton) -> NDArray[np.bool_]:
    """(found, true, K) bool: labelled joints of the true people that are right in those found."""
    away = np.linalg.norm(found.keypoints[:, None] - truth.keypoints[None], axis=-1)
    near = away <= PCK_AT * _torsos(truth, skeleton)[None, :, None]
    hits: NDArray[np.bool_] = near & (found.keypoint_scores[:, None] > 0) & (truth.keypoint_scores[None] > 0)
    return hits


def _torsos(truth: Poses, skeleton: Skeleton) -> NDArray[np.float64]:
    """(N,) the torso's diameter, or half the box where that is not labelled."""
    sides = (truth.boxes_xyxy[:, 2:] - truth.boxes_xyxy[:, :2]).astype(np.float64)
    half_box: NDArray[np.float64] = _BOX_TORSO * sides.max(axis=1)
    if not {"left shoulder", "right hip"} <= set(skeleton.joints):
        return half_box
    labelled = np.where(truth.keypoint_scores[..., None] > 0, truth.keypoints, np.nan).astype(np.float64)
    torso = lengths.torso(labelled, skeleton)
    return np.where(np.isnan(torso), half_box, torso)
