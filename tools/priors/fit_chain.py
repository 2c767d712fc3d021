"""Makes engines/codecs/chain_flic7.py: how the joints of arms lie to each other.

    python -m tools.priors.fit_chain

Jain et al. learned theirs from FLIC. Ours are of the people that `tools.priors.fit_pairwise` draws, so no one's
annotations are in them. With annotated people of your own, fit them anew with `engines.codecs.chain_model.fit`.
"""

from pathlib import Path

import numpy as np

from posestream.engines.codecs import chain_model
from posestream.engines.codecs.chain_model import Reals
from posestream.engines.skeletons import FLIC7, LSP14
from tools.priors.fit_pairwise import figures

_PEOPLE = 20_000
_FACE = 0.45  # of the way from the upper neck to the top of the head is the nose
_UNIT = 10_000  # of the numbers in the file
_FILE = Path(chain_model.__file__).with_name("chain_flic7.py")

_HEAD = '''"""How the joints of arms lie to each other, FLIC7: of drawn people.

Made by `python -m tools.priors.fit_chain`.

The shoulder from the face, the elbow from the shoulder, the wrist from the elbow, of the left arm: of ten thousand
people how many have the outer joint in each bin, 0.04 of their height wide and high, rows from the top. No one's
annotations are in it.
"""

import numpy as np

_IN_TEN_THOUSAND = (
'''


def joints(people: int, random: np.random.Generator) -> Reals:
    """(people, 7, 2) of FLIC7 in units of a person's height."""
    drawn = figures(people, random)
    neck, top = (drawn[:, LSP14.joints.index(joint)] for joint in ("upper neck", "head top"))
    arms = [drawn[:, LSP14.joints.index(joint)] for joint in FLIC7.joints[1:]]
    return np.stack([neck + _FACE * (top - neck), *arms], axis=1)


def main() -> None:
    """Writes the file."""
    priors = chain_model.fit(joints(_PEOPLE, np.random.default_rng(0)))
    tables = []
    for prior in np.round(priors * _UNIT).astype(int):
        rows = "".join(f"        ({', '.join(map(str, row))}),\n" for row in prior)
        tables.append(f"    (\n{rows}    ),\n")
    _FILE.write_text(f"{_HEAD}{''.join(tables)})\n\nPRIORS = np.array(_IN_TEN_THOUSAND, np.float64) / {_UNIT}\n")


if __name__ == "__main__":
    main()
