"""Writes engines/codecs/pairwise_lsp14.csv: the statistics of pairs of joints in DeeperCut's decoder.

    python -m tools.priors.fit_pairwise

The authors learned theirs from MPII, which may not be redistributed. Ours are of drawn people: a jointed figure with
the proportions of an adult, of any heading, that leans, reaches and strides at random, 340 px high give or take 15 %,
some of them far smaller or larger. The predictions of a network are the true offsets with a normal error of 4 px and
12 % of the offset's length, one in twenty of them four times as large. With annotated images and a trained network of
your own, refit them with `engines.codecs.pairwise_fit`.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs.pairwise import features
from posestream.engines.codecs.pairwise_fit import regression, statistics
from posestream.engines.codecs.pairwise_table import Reals, file_of
from posestream.engines.skeletons import LSP14, Skeleton

_PEOPLE = 6000
_HEIGHT_PX = 340.0
_PLACE_ERROR_PX = 3.0

_HEAD = """\
# DeeperCut's pairs of joints, of drawn people (no annotations); made by python -m tools.priors.fit_pairwise
# mean and standard deviation of the offset between the joints, then weights of engines.codecs.pairwise.features
from,to,mean_x_px,mean_y_px,std_x_px,std_y_px,there_px,back_px,there_rad,back_rad,\
exp_there_px,exp_back_px,exp_there_rad,exp_back_rad,constant
"""


def figures(count: int, random: np.random.Generator) -> Reals:
    """(count, 14, 2) joints of LSP14 in units of a person's height, about the neck, y down."""
    heading = np.where(random.random(count) < 0.7, random.normal(0, 0.7, count), random.uniform(-np.pi, np.pi, count))
    lean = np.where(random.random(count) < 0.9, random.normal(0, 0.25, count), random.normal(0, 1.2, count))

    def along(length: float, angle: Reals) -> Reals:
        """A bone that hangs down at angle 0, foreshortened at random."""
        shortened = length * np.cos(random.normal(0, 0.5, count))
        return np.stack([shortened * np.sin(angle), shortened * np.cos(angle)], axis=-1)

    def across(half: float) -> Reals:
        """From the spine to the person's left, which is on the right of the image of somebody facing the camera."""
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


def _predicted(offsets: Reals, random: np.random.Generator) -> Reals:
    """Predictions of an imaginary network for offsets (N, 2)."""
    outlier = np.where(random.random((len(offsets), 1)) < 0.05, 4.0, 1.0)
    error = 4 + 0.12 * np.linalg.norm(offsets, axis=1, keepdims=True)
    predicted: Reals = offsets + outlier * error * random.standard_normal(offsets.shape)
    return predicted


def rows() -> list[Reals]:
    """The rows of the table, as `engines.codecs.pairwise_table.table` takes them."""
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
    there, back = _predicted(own[:, b] - own[:, a], random), _predicted(own[:, a] - own[:, b], random)
    back_of_other = _predicted(other[:, a] - other[:, b], random)
    sets = []
    for second, home in ((own, back), (other, back_of_other)):
        real = second[:, b] - own[:, a]
        error = random.normal(0, _PLACE_ERROR_PX, (2, *real.shape))
        sets.append(features(real + error[0], there, -real + error[1], home))
    return np.concatenate(sets), np.repeat([True, False], len(own))


def as_csv(table_rows: Iterable[Sequence[float] | Reals], skeleton: Skeleton) -> str:
    """The content of the data file, values rounded to four digits."""
    pairs = combinations(skeleton.joints, 2)
    lines = (",".join([*pair, *(f"{value:.4g}" for value in row)]) for pair, row in zip(pairs, table_rows, strict=True))
    return _HEAD + "".join(f"{line}\n" for line in lines)


def main() -> None:
    """Writes the data file."""
    file_of(LSP14).write_text(as_csv(rows(), LSP14))


if __name__ == "__main__":
    main()
