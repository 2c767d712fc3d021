"""Makes engines/codecs/pairwise_lsp14.py: what DeeperCut's decoder must know of pairs of joints.

    python -m tools.priors.fit_pairwise

The authors learned theirs from MPII, which may not be redistributed. Ours are of drawn people: a jointed figure with
the proportions of an adult, of any heading, that leans, reaches and strides at random, 340 px high give or take 15 %,
some of them far smaller or larger. The predictions of a network are the true offsets with a normal error of 4 px and
12 % of the offset's length, of which one in twenty is four times as wrong. With annotated images and a trained network
of your own, fit them anew with `engines.codecs.pairwise_fit`.
"""

from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs import pairwise_lsp14
from posestream.engines.codecs.pairwise import Reals, features
from posestream.engines.codecs.pairwise_fit import regression, statistics
from posestream.engines.skeletons import LSP14

_PEOPLE = 6000
_HEIGHT_PX = 340.0
_PLACE_ERROR_PX = 3.0
_FILE = Path(pairwise_lsp14.__file__)


def figures(count: int, random: np.random.Generator) -> Reals:
    """(count, 14, 2) joints of LSP14 in units of a person's height, about the neck, y down."""
    heading = np.where(random.random(count) < 0.7, random.normal(0, 0.7, count), random.uniform(-np.pi, np.pi, count))
    lean = np.where(random.random(count) < 0.9, random.normal(0, 0.25, count), random.normal(0, 1.2, count))

    def along(length: float, angle: Reals) -> Reals:
        """A bone that hangs down at angle 0, shortened where it points to us or away."""
        shortened = length * np.cos(random.normal(0, 0.5, count))
        return np.stack([shortened * np.sin(angle), shortened * np.cos(angle)], axis=-1)

    def across(half: float) -> Reals:
        """From the spine to the person's left, on the right of the picture where they face us."""
        reach = half * np.cos(heading)
        return np.stack([reach * np.cos(lean), -reach * np.sin(lean)], axis=-1)

    neck = np.zeros((count, 2))
    joints = {"upper neck": neck, "head top": -along(0.15, lean + random.normal(0, 0.25, count))}
    chest, pelvis = along(0.05, lean), along(0.37, lean)
    for side, sign in (("left", 1), ("right", -1)):
        arm = lean + sign * np.abs(random.normal(0.25, 0.8, count))
        leg = lean + sign * random.normal(0.12, 0.4, count)
        shoulder, hip = chest + sign * across(0.12), pelvis + sign * across(0.085)
        elbow, knee = shoulder + along(0.17, arm), hip + along(0.24, leg)
        joints |= {f"{side} shoulder": shoulder, f"{side} elbow": elbow, f"{side} hip": hip, f"{side} knee": knee}
        joints[f"{side} wrist"] = elbow + along(0.15, arm + random.normal(0, 1.0, count))
        joints[f"{side} ankle"] = knee + along(0.24, leg + random.normal(0, 0.35, count))
    return np.stack([joints[name] for name in LSP14.joints], axis=1)


def _guessed(offsets: Reals, random: np.random.Generator) -> Reals:
    """What a network might predict for offsets (N, 2)."""
    wild = np.where(random.random((len(offsets), 1)) < 0.05, 4.0, 1.0)
    error = 4 + 0.12 * np.linalg.norm(offsets, axis=1, keepdims=True)
    guessed: Reals = offsets + wild * error * random.standard_normal(offsets.shape)
    return guessed


def rows() -> list[Reals]:
    """The rows of the table, as `engines.codecs.pairwise.table` takes them."""
    random = np.random.default_rng(2016)
    drawn = figures(_PEOPLE, random)
    seen = drawn * (_HEIGHT_PX * random.uniform(0.85, 1.15, (_PEOPLE, 1, 1)))
    means, stds = statistics(seen, np.ones(seen.shape[:2], bool))

    size = _HEIGHT_PX * np.exp(random.normal(0, 0.4, (_PEOPLE, 1, 1)))
    own = drawn * size
    beside = np.stack([random.uniform(0.2, 1.0, _PEOPLE), random.normal(0, 0.2, _PEOPLE)], axis=-1)
    beside[:, 0] *= random.choice([-1, 1], _PEOPLE)
    other = np.roll(drawn, 1, axis=0) * size + beside[:, None] * size
    found = []
    for a, b in combinations(range(len(LSP14)), 2):
        values, same = _pairs(own, other, a, b, random)
        found.append(np.concatenate([means[a, b], stds[a, b], regression(values, same)]))
    return found


def _pairs(own: Reals, other: Reals, a: int, b: int, random: np.random.Generator) -> tuple[Reals, NDArray[np.bool_]]:
    """Features of joint a of each person with their own joint b, and with that of the other person."""
    there, back = _guessed(own[:, b] - own[:, a], random), _guessed(own[:, a] - own[:, b], random)
    back_of_other = _guessed(other[:, a] - other[:, b], random)
    sets = []
    for second, home in ((own, back), (other, back_of_other)):
        real = second[:, b] - own[:, a]
        error = random.normal(0, _PLACE_ERROR_PX, (2, *real.shape))
        sets.append(features(real + error[0], there, -real + error[1], home))
    return np.concatenate(sets), np.repeat([True, False], len(own))


def main() -> None:
    """Rewrites the table in place, below its docstring."""
    head = _FILE.read_text().split("ROWS", 1)[0]
    lines = (f"    ({', '.join(f'{value:.4g}' for value in row)}),\n" for row in rows())
    _FILE.write_text(f"{head}ROWS: tuple[tuple[float, ...], ...] = (\n{''.join(lines)})\n")


if __name__ == "__main__":
    main()
