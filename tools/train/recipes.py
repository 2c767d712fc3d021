"""How each network is trained here: the rate of Adam, and how long until it knows a few people by heart.

The papers train for days, mostly with other optimizers (beside each network); Adam gets every one of them there from
random weights. The full forms learn in fewer steps than the small ones, and each step takes longer.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """Adam with a rate that rises to `lr` over the first steps and falls to 0 along a cosine, `steps` in all.

    `reduced_lr` and `reduced_steps` are those of the reduced form, whose input is `reduced_hw` high and wide.
    The part of the network called `slow`, where there is one, learns at a hundredth of the rate.
    """

    lr: float = 1e-3
    steps: int = 300
    reduced_lr: float = 3e-3
    reduced_steps: int = 800
    reduced_hw: tuple[int, int] = (128, 128)
    slow: str = ""


_RECIPES: Mapping[str, Recipe] = {
    "jain2014": Recipe(steps=100, reduced_steps=200),  # paper: 0.1, scaled as by RMSprop, momentum 0.9
    "cpm": Recipe(
        reduced_lr=1e-3, reduced_steps=700, reduced_hw=(184, 184)
    ),  # stochastic gradients, 8e-5, momentum 0.9
    "deepercut": Recipe(reduced_lr=1e-3, reduced_steps=300, reduced_hw=(192, 192)),  # stochastic gradients, 0.005-0.02
    "hourglass": Recipe(lr=2e-3, steps=600),  # RMSprop, 2.5e-4
    "attention": Recipe(reduced_steps=600),  # RMSprop, 2.5e-4
    "pyranet": Recipe(reduced_steps=1500),  # RMSprop, 2.5e-4
    "rmpe": Recipe(reduced_lr=2e-3),
    # Where the transformer moves the crop at full rate, the network behind it sees another picture in every step.
    "rmpe-sstn": Recipe(reduced_steps=1000, slow="localisation"),
    "openpose": Recipe(
        lr=2e-3, steps=600, reduced_lr=4e-3, reduced_steps=1000, reduced_hw=(192, 192)
    ),  # Adam, 4e-5, from a trained trunk
    "hrnet": Recipe(reduced_lr=2e-3, reduced_steps=300, reduced_hw=(128, 96)),  # Adam, 1e-3
    "higherhrnet": Recipe(reduced_lr=2e-3, reduced_steps=300, reduced_hw=(192, 192)),  # Adam, 1e-3
    "rtmpose": Recipe(steps=150, reduced_lr=1e-3, reduced_steps=150, reduced_hw=(128, 96)),  # AdamW, 4e-3
}


def recipe_for(architecture: str, variant: str) -> Recipe:
    """The recipe of a variant: its own where it needs one, else that of its architecture."""
    return _RECIPES.get(f"{architecture}-{variant}") or _RECIPES[architecture]
