"""`posestream models quantise`: makes the int8 version of a network, from images such as it will see."""

import argparse
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from posestream.engines.spec import ModelSpec, Role
from posestream.engines.zoo import resolve
from posestream.engines.zoo.precision import openvino_int8
from posestream.stream import config
from posestream.stream.errors import ConfigError
from posestream.stream.run.planning import plan_for
from posestream.stream.sources.source import SourceError

COUNT = 300
"""Default number of inputs: more do not change the ranges any further."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this action."""
    parser.add_argument(
        "--images",
        metavar="SOURCE",
        help="quantise, build --precision int8: what the model will see: a folder of images, a video, a camera",
    )
    parser.add_argument(
        "--count", type=int, default=COUNT, metavar="N", help=f"number of inputs to take from it ({COUNT})"
    )


def quantise(specs: Sequence[ModelSpec], args: argparse.Namespace) -> int:
    """Runs each model over the images, and makes its int8 version from its inputs there."""
    if args.images is None:
        raise ConfigError("models quantise: give images such as the model will see, with --images DIR")
    for spec in specs:
        inputs = calibration_inputs(spec, args.images, args.count)
        path = openvino_int8.quantise(spec, resolve.onnx_path(spec), inputs)
        print(f"{spec.name}: int8, from {len(inputs)} inputs: {path}", flush=True)
    return 0


def calibration_inputs(spec: ModelSpec, images: str, count: int) -> list[NDArray[Any]]:
    """At most `count` inputs of the network, (1, ...) each, from a run over a source, with a progress bar.

    Raises ConfigError where there is no such source.
    """
    from posestream.stream.estimator.calibration import inputs_of  # imports runtimes, which other actions do without

    settings = config.load(overrides={"run.detector" if spec.role is Role.DETECTOR else "run.model": spec.name})
    files = {network.name: resolve.onnx_path(network) for network in plan_for(settings).networks}
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
            return inputs_of(spec, images, settings, files, count, lambda n: bar.update(task, completed=n))
        except SourceError as error:
            raise ConfigError(str(error)) from None
