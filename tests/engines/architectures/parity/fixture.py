"""A fixture: names and shapes of an official checkpoint, and samples of its network's outputs with drawn weights."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent
_SAMPLES = 256


@dataclass(frozen=True)
class Output:
    """One output of the reference: its shape, 256 of its values at flat indices, mean, L2 norm, largest magnitude."""

    shape: tuple[int, ...]
    at: NDArray[np.int64]
    values: NDArray[np.float32]
    mean: float
    norm: float
    largest: float

    def error_of(self, ours: NDArray[np.float32]) -> float:
        """The largest difference of a sample, the mean, or the norm per value, over the output's largest magnitude."""
        assert ours.shape == self.shape
        size_root = np.sqrt(ours.size)
        differences = (
            float(np.abs(ours.ravel()[self.at] - self.values).max()),
            abs(float(ours.mean(dtype=np.float64)) - self.mean),
            abs(float(np.linalg.norm(ours.astype(np.float64))) - self.norm) / size_root,
        )
        return float(max(differences) / self.largest)


@dataclass(frozen=True)
class Fixture:
    """The recording of one reference."""

    shapes: Mapping[str, tuple[int, ...]]
    images_shape: tuple[int, ...]
    outputs: Sequence[Output]


def read(name: str) -> Fixture:
    """The fixture `name`."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as arrays:
        about = json.loads(str(arrays["about"]))
        outputs = [
            Output(tuple(o["shape"]), arrays[f"at_{i}"], arrays[f"values_{i}"], o["mean"], o["norm"], o["largest"])
            for i, o in enumerate(about["outputs"])
        ]
    shapes = {tensor: tuple(shape) for tensor, shape in about["shapes"].items()}
    return Fixture(shapes, tuple(about["images_shape"]), outputs)


def write(
    name: str,
    reference: str,
    shapes: Mapping[str, Sequence[int]],
    images_shape: Sequence[int],
    outputs: Sequence[NDArray[np.float32]],
) -> None:
    """Writes the fixture `name`; `reference` is the repository, file and commit that made it."""
    arrays: dict[str, Any] = {}
    facts = []
    for i, output in enumerate(outputs):
        size = min(_SAMPLES, output.size)
        at = np.sort(np.random.default_rng(i).choice(output.size, size, replace=False))
        arrays[f"at_{i}"], arrays[f"values_{i}"] = at, output.ravel()[at].astype(np.float32)
        facts.append(
            {
                "shape": list(output.shape),
                "mean": float(output.mean(dtype=np.float64)),
                "norm": float(np.linalg.norm(output.astype(np.float64))),
                "largest": float(np.abs(output).max()),
            }
        )
    about = {
        "reference": reference,
        "shapes": {tensor: list(shape) for tensor, shape in shapes.items()},
        "images_shape": list(images_shape),
        "outputs": facts,
    }
    np.savez_compressed(FOLDER / f"{name}.npz", about=np.array(json.dumps(about)), **arrays)
