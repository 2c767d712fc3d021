"""Colours of people, on the page and in video, as data.

A person's colour follows from the identity. It is saturated on the person's left, pale on the right and between the two
in the middle, which makes a network's confusion of left and right visible.
"""

from typing import Literal, TypeAlias

from posestream.engines.skeletons import Skeleton

Side: TypeAlias = Literal["left", "middle", "right"]

# Bright on dark and on skin; neighbours far apart in hue, because identities are assigned in order.
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
"""Shown with all poses of a network with random weights."""


def side(skeleton: Skeleton, edge: tuple[int, int]) -> Side:
    """The body side of a limb; "middle" for one that crosses the middle."""
    sides = {skeleton.joints[joint].partition(" ")[0] for joint in edge} & {"left", "right"}
    if sides == {"left"}:
        return "left"
    return "right" if sides == {"right"} else "middle"


def colour_rgb(identity: int, of: Side = "left") -> tuple[int, int, int]:
    """The colour of a person by identity (by number in the frame, if identities are unknown)."""
    share = WHITE_SHARE[of]
    red, green, blue = (round(c + share * (255 - c)) for c in PALETTE_RGB[identity % len(PALETTE_RGB)])
    return red, green, blue
