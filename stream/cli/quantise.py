"""`posestream models quantise`: the int8 form of a network, from images such as it will see."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from engines.spec import ModelSpec, Role
from engines.zoo import networks, quantised
from stream import config
from stream.errors import ConfigError
from stream.plans import plan_for
from stream.sources.source import SourceError

COUNT = 300
"""Inputs, where nobody says: more change the ranges of a network no further."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this action."""
    parser.add_argument("--images", type=Path, metavar="DIR", help="quantise: images such as the model will see")
    parser.add_argument("--count", type=int, default=COUNT, metavar="N", help=f"quantise: inputs to look at ({COUNT})")


def quantise(specs: Sequence[ModelSpec], args: argparse.Namespace) -> int:
    """Runs each model over the images, and makes its int8 form of what it saw."""
    if args.images is None:
        raise ConfigError("models quantise: give images such as the model will see, with --images DIR")
    for spec in specs:
        path, seen = _quantise(spec, args.images, args.count)
        print(f"{spec.name}: int8, from {seen} inputs: {path}", flush=True)
    return 0


def _quantise(spec: ModelSpec, images: Path, count: int) -> tuple[Path, int]:
    from stream.calibration import inputs_of  # it runs networks: the other actions load no runtime

    settings = config.load(overrides={"run.detector" if spec.role is Role.DETECTOR else "run.model": spec.name})
    files = {network.name: networks.onnx_path(network) for network in plan_for(settings).networks}
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(f"{spec.name}: looking at images", total=count)
        try:
            seen = inputs_of(spec, images, settings, files, count, lambda n: bar.update(task, completed=n))
        except SourceError as error:
            raise ConfigError(str(error)) from None
    return quantised.quantise(spec, files[spec.name], seen), len(seen)
