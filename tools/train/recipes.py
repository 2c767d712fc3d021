"""How each network is trained here: the optimizer, its rate, and how long until it knows a few images by heart.

The optimizers are not those of the papers, which train for days from other beginnings: Adam from random weights is what
gets every one of them there. The papers' own are named beside each.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """Adam with a rate that rises to `lr` over the first steps and falls to 0 along a cosine, `steps` in all.

    `reduced_hw` is the input's height and width of the reduced form; `clip` the largest norm of gradients.
    """

    lr: float = 1e-3
    steps: int = 300
    reduced_hw: tuple[int, int] = (128, 128)
    clip: float | None = None


RECIPES: Mapping[str, Recipe] = {
    "jain2014": Recipe(),  # RMSprop-like, 0.1, momentum 0.9
    "cpm": Recipe(reduced_hw=(184, 184)),  # SGD 8e-5, momentum 0.9
    "deepercut": Recipe(reduced_hw=(192, 192)),  # SGD 0.005 to 0.02, one image a step
    "hourglass": Recipe(),  # RMSprop 2.5e-4
    "attention": Recipe(),  # RMSprop 2.5e-4
    "pyranet": Recipe(),  # RMSprop 2.5e-4
    "rmpe": Recipe(),
    "openpose": Recipe(reduced_hw=(192, 192)),  # Adam 4e-5
    "hrnet": Recipe(reduced_hw=(128, 96)),  # Adam 1e-3
    "higherhrnet": Recipe(reduced_hw=(192, 192)),  # Adam 1e-3
    "rtmpose": Recipe(reduced_hw=(128, 96)),  # AdamW 4e-3
}
"""By architecture; all have one."""
