"""Lightweight OpenPose, https://github.com/Daniil-Osokin/lightweight-human-pose-estimation.pytorch."""

from posestream.engines.zoo.checkpoints.layout import CheckpointLayout


def _layout(refinements: int) -> CheckpointLayout:
    """The layout for a network with that many refinement stages.

    The published checkpoint has three; the published network uses the first, the others only served training.
    """
    return CheckpointLayout(
        publisher="lightweight OpenPose",
        rules=(
            (r"model\.(.+)", r"trunk.\1"),
            (r"cpm\.(.+)", r"neck.\1"),
            (r"initial_stage\.pafs\.(.+)", r"initial.fields.\1"),
            (r"initial_stage\.(.+)", r"initial.\1"),
            (r"refinement_stages\.(\d+)\.pafs\.(.+)", r"refinements.\1.fields.\2"),
            (r"refinement_stages\.(.+)", r"refinements.\1"),
        ),
        dropped=(rf"refinement_stages\.[{refinements}-9]\..+",),
    )


LAYOUTS: tuple[CheckpointLayout, ...] = tuple(_layout(refinements) for refinements in (1, 2, 3))
