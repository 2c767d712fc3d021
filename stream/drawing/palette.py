"""How people are drawn, on the page and into video: one look, as data.

Everybody has a colour of their own, by identity. It is plain on the person's left, pale on the right, and between the
two in the middle, so that a look shows when a network takes left for right.
"""

from typing import Literal, TypeAlias

from posestream.engines.skeletons import Skeleton

Side: TypeAlias = Literal["left", "middle", "right"]

# Bright on dark and on skin, neighbours far apart in hue: identities are given in order.
PALETTE_RGB: tuple[tuple[int, int, int], ...] = (
    (255, 112, 67),
    (41, 182, 246),
    (156, 204, 101),
    (240, 98, 210),
    (255, 202, 40),
    (38, 198, 170),
    (149, 117, 255),
    (255, 82, 112),
    (100, 140, 255),
    (212, 225, 87),
)
WHITE_SHARE: dict[Side, float] = {"left": 0.0, "middle": 0.3, "right": 0.6}


RANDOM_WEIGHTS_NOTICE = "random weights: these poses are noise"
"""Said wherever poses are shown that a network with random weights made."""


def side(skeleton: Skeleton, edge: tuple[int, int]) -> Side:
    """Which side of the body a limb belongs to; one that crosses the middle belongs to neither."""
    sides = {skeleton.joints[joint].partition(" ")[0] for joint in edge} & {"left", "right"}
    if sides == {"left"}:
        return "left"
    return "right" if sides == {"right"} else "middle"


def colour_rgb(identity: int, of: Side = "left") -> tuple[int, int, int]:
    """The colour of the person with that identity (or number in the frame, where identities are not known)."""
    share = WHITE_SHARE[of]
    red, green, blue = (round(c + share * (255 - c)) for c in PALETTE_RGB[identity % len(PALETTE_RGB)])
    return red, green, blue
