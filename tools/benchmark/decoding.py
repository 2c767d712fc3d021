"""From a network's outputs to poses: what each codec takes for ten people."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs import codec_for
from posestream.engines.codecs.heatmap import HeatMaps
from posestream.engines.plan import Region
from posestream.engines.results import Poses
from posestream.engines.skeletons import COCO17, SKELETONS
from posestream.engines.spec import ModelSpec, Role
from posestream.engines.zoo.catalogue import find
from tools.benchmark.figures import Figure, Result
from tools.benchmark.timing import median_ms
from tools.train.scenes import labels
from tools.train.stick_figures import draw

Outputs: TypeAlias = list[NDArray[np.float32]]

PEOPLE = 10
_GRID = (2, 5)  # rows and columns in which ten people stand in one image
_CALLS = 15

# What an ideal network gives, of what the codec's `encode` says it should give.
IDEAL: Mapping[str, Callable[[Sequence[NDArray[np.float32]]], Outputs]] = {
    "heatmap": lambda targets: [targets[0]],
    "simcc": lambda targets: [targets[0], targets[1]],
    "chain": lambda targets: [_smaller(targets[0], scale) for scale in (1, 0.75, 0.5)],
    "part-scores": lambda targets: [targets[0], targets[2]],
    "multicut": lambda targets: [targets[0], targets[2], targets[4]],
    "paf": lambda targets: [targets[0], targets[1]],
    "tags": lambda targets: _with_tags(*targets),
}

MODELS: Mapping[str, Mapping[str, Any]] = {
    "hrnet-w32": {"mode": "argmax"},
    "hrnet-w32 quarter": {"mode": "quarter-hrnet"},
    "hrnet-w32 DARK": {"mode": "dark"},
    "hrnet-w32 UDP": {"mode": "udp", "align": "udp"},
    "hourglass-s8": {},
    "cpm-lsp": {},
    "rtmpose-m": {},
    "jain2014": {},
    "deepercut-r101-single": {},
    "openpose": {},
    "higherhrnet-w32": {},
    "deepercut-r101": {},
}
"""Models, with what is laid over their codec's options."""


def measure(repeats: int, quick: bool) -> Result:
    """A repeat is the median over several calls, one thread, as in the stage."""
    cv2.setNumThreads(1)
    calls = 1 if quick else _CALLS
    figures = []
    for title, options in MODELS.items():
        spec = find(title.split()[0])
        spec = replace(spec, codec_options={**spec.codec_options, **options})
        outputs, regions, size_hw = ideal(spec)
        codec = codec_for(spec)
        name = f"{spec.codec}{''.join(f', {value}' for value in options.values())}: {spec.name}"
        figures.append(_figure(name, repeats, calls, lambda: codec.decode(outputs, regions, size_hw)))  # noqa: B023
        if isinstance(codec, HeatMaps) and not options:
            twice = [np.concatenate([output, output]) for output in outputs]
            figures.append(_figure(f"{name}, mean of a flip test", repeats, calls, lambda: codec.flip_mean(twice)))  # noqa: B023
    return Result(
        f"{PEOPLE} people from ideal outputs, on one thread: in {PEOPLE} crops, or, where a codec tells people apart, "
        "in one image",
        figures,
    )


def ideal(spec: ModelSpec) -> tuple[Outputs, list[Region], tuple[int, int]]:
    """Outputs of a network that knows ten drawn people by heart, the regions they fill, and the input's (H, W)."""
    encode = codec_for(spec).encode  # type: ignore[attr-defined]
    if spec.role is Role.TOP_DOWN:
        size_hw = spec.input.size_hw or (0, 0)
        looks = [IDEAL[spec.codec](encode(_person(i, spec, size_hw), size_hw)) for i in range(PEOPLE)]
        outputs = [np.stack(maps) for maps in zip(*looks, strict=True)]
        return outputs, [Region(-0.5, -0.5, size_hw[1], size_hw[0])] * PEOPLE, size_hw
    side = spec.input.side_px or 0
    rows, columns = _GRID
    size_hw = side, side * columns // rows
    crowd = Poses.joined([_person(i, spec, (side // rows, side // rows), i) for i in range(PEOPLE)])
    outputs = [output[None] for output in IDEAL[spec.codec](encode(crowd, size_hw))]
    return outputs, [Region(-0.5, -0.5, size_hw[1], size_hw[0])], size_hw


def _person(number: int, spec: ModelSpec, room_hw: tuple[int, int], place: int = 0) -> Poses:
    """A drawn figure, in the joints of the model, as large as its room, which is the n-th place of the grid."""
    drawn = labels(draw(1, number)[0].people, COCO17, SKELETONS[spec.skeleton or ""])
    row, column = divmod(place, _GRID[1])
    scale = min(room_hw) / 320
    corner = np.array([column * room_hw[1], row * room_hw[0]], np.float32)
    return replace(drawn, keypoints=drawn.keypoints * np.float32(scale) + corner)


def _with_tags(coarse: NDArray[np.float32], fine: NDArray[np.float32], cells: NDArray[np.float32]) -> Outputs:
    """Tag i about the joints of person i, whose cells (P, K) index a flattened map, -1 where there is none."""
    tags = np.zeros_like(coarse)
    for person, of_person in enumerate(cells):
        for joint, cell in enumerate(of_person):
            if cell >= 0:
                row, column = divmod(int(cell), coarse.shape[2])
                tags[joint, max(row - 4, 0) : row + 5, max(column - 4, 0) : column + 5] = 2 * person
    return [np.concatenate([coarse, tags]), fine]


def _smaller(maps: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Maps (K, h, w) of the picture at another scale."""
    size = round(maps.shape[2] * scale), round(maps.shape[1] * scale)
    return np.stack([np.asarray(cv2.resize(one, size), np.float32) for one in maps])


def _figure(name: str, repeats: int, calls: int, call: Callable[[], object]) -> Figure:
    return Figure(name, "ms", [median_ms(call, calls) for _ in range(repeats)])
