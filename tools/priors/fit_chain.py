"""Writes engines/codecs/chain_flic7.json: the offsets between neighbouring joints of an arm.

    python -m tools.priors.fit_chain

Jain et al. learned theirs from FLIC. Ours are of the people that `tools.priors.fit_pairwise` draws: no annotations are
in them. With annotated people of your own, refit them with `engines.codecs.chain_priors.fit`.
"""

import itertools
import json

import numpy as np

from posestream.engines.codecs.chain_priors import BIN, Reals, file_of, fit
from posestream.engines.skeletons import FLIC7, LSP14, Skeleton
from tools.priors.fit_pairwise import figures

_PEOPLE = 20_000
_COUNTED = 10_000  # of the counts in the file
_NOSE = 0.45  # place of the nose between upper neck, 0, and head top, 1

_ABOUT = (
    "Offsets between neighbouring joints of the left arm, of drawn people (no annotations); "
    "made by python -m tools.priors.fit_chain"
)


def joints(people: int, random: np.random.Generator) -> Reals:
    """(people, 7, 2) joints of FLIC7 in units of a person's height."""
    drawn = figures(people, random)
    neck, top = (drawn[:, LSP14.joints.index(joint)] for joint in ("upper neck", "head top"))
    arms = [drawn[:, LSP14.joints.index(joint)] for joint in FLIC7.joints[1:]]
    return np.stack([neck + _NOSE * (top - neck), *arms], axis=1)


def as_json(priors: Reals, skeleton: Skeleton) -> str:
    """The content of the data file: priors (L, 13, 13) rounded to counts, one row of bins a line."""
    links = []
    for (inner, outer), prior in zip(itertools.pairwise(skeleton.joints), priors, strict=False):
        rows = ",\n".join(f"    {row}" for row in np.round(prior * _COUNTED).astype(int).tolist())
        links.append(f'  {{"from": "{inner}", "to": "{outer}", "counts": [\n{rows}\n  ]}}')
    head = f'"about": {json.dumps(_ABOUT)},\n"people": {_COUNTED},\n"bin_heights": {BIN},\n"links": [\n'
    return "{\n" + head + ",\n".join(links) + "\n]\n}\n"


def main() -> None:
    """Writes the data file."""
    file_of(FLIC7).write_text(as_json(fit(joints(_PEOPLE, np.random.default_rng(0))), FLIC7))


if __name__ == "__main__":
    main()
