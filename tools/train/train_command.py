"""The command line of `python -m tools.train`: a network of the literature learns a handful of images."""

import argparse
import ast
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from posestream.engines.architectures import NAMES, ArchitectureError, count, reduced
from posestream.engines.exceptions import UnknownModelError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import find
from tools.train import TrainError, checkpoints, coco_scenes, network_form, samples, stick_figures
from tools.train.recipes import recipe_for
from tools.train.samples import Sample
from tools.train.scenes import Scene
from tools.train.score import score
from tools.train.training import Settings, train
from tools.train.training_report import Report

MOST_AT_ONCE = 8  # samples in a batch, unless more are asked for


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains, reports and writes the weights; 2 where what was asked for cannot be trained."""
    args = _arguments(arguments)
    try:
        report = run(args)
    except (TrainError, ArchitectureError, UnknownModelError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    Console().print(report.table())
    return 0


def run(args: argparse.Namespace) -> Report:
    """One training from its scenes to its report; leaves weights.pt, model.onnx and report.json in the folder."""
    spec = _form(args)
    scenes, data = _scenes(args)
    shown = samples.make(spec, scenes)
    settings = _settings(args, spec, shown, data)
    folder = args.output or Path("trained") / spec.name
    _begin(folder, resume=args.resume)
    torch.manual_seed(args.seed)
    network = network_form.network_of(spec)
    trained = train(network, shown, settings, folder, args.save_every)
    torch.save(network.state_dict(), folder / "weights.pt")
    found = score(network.cpu(), spec, shown, folder / "model.onnx")
    model = network_form.published_as(spec, network)
    report = Report(settings, count.parameters(network), trained, found, folder / "weights.pt", model)
    report.write(folder / "report.json")
    return report


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.train", description=__doc__)
    network = parser.add_argument_group("the network")
    which = network.add_mutually_exclusive_group(required=True)
    which.add_argument("--architecture", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    which.add_argument("--model", metavar="NAME", help="one model of it (see: posestream models list)")
    network.add_argument("--variant", metavar="V", help="one of its sizes; default the first")
    network.add_argument("--skeleton", metavar="NAME", help="another joint table than the published one's")
    network.add_argument(
        "--size", type=_size, metavar="HxW", help="height and width of the input; default as published"
    )
    network.add_argument("--reduced", action="store_true", help="a small form for a CPU, in minutes")
    network.add_argument(
        "--set", type=_option, action="append", default=[], metavar="OPTION=VALUE", help="an option of the architecture"
    )
    data = parser.add_argument_group("the images")
    data.add_argument("--images", type=Path, metavar="DIR", help="a folder of images")
    data.add_argument("--annotations", type=Path, metavar="FILE", help="COCO keypoint annotations")
    data.add_argument("--synthetic", action="store_true", help="drawn figures in place of images")
    data.add_argument("--people", type=_count, default=4, metavar="N", help="learn about N people; default %(default)s")
    training = parser.add_argument_group("the training")
    training.add_argument("--steps", type=_count, metavar="N", help="default: what the architecture needs")
    training.add_argument("--batch", type=_count, metavar="N", help="samples a step; default all, 8 at most")
    training.add_argument("--lr", type=float, metavar="RATE", help="of Adam; default: the architecture's")
    training.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is drawn; default %(default)s")
    training.add_argument(
        "--precision", choices=("auto", "32", "bf16", "16"), default="auto", help="default: mixed on a GPU, else 32"
    )
    training.add_argument("--output", type=Path, metavar="DIR", help="default trained/MODEL")
    training.add_argument(
        "--resume", action="store_true", help="go on after the last checkpoint of the folder, if there is one"
    )
    training.add_argument(
        "--save-every", type=_count, default=25, metavar="N", help="steps between checkpoints; default %(default)s"
    )
    args = parser.parse_args(arguments)
    if args.synthetic == bool(args.images and args.annotations):
        parser.error("give --images and --annotations, or --synthetic")
    return args


def _size(text: str) -> tuple[int, int]:
    height, width = text.lower().split("x")
    return int(height), int(width)


def _count(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be 1 or more")
    return int(text)


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        if not equals:
            raise argparse.ArgumentTypeError(f"{text}: give OPTION=VALUE") from None
        return name, value


def _form(args: argparse.Namespace) -> ModelSpec:
    """The model to train: the published one, or what was asked for in its place."""
    spec = find(args.model) if args.model else network_form.published(args.architecture, args.variant, args.skeleton)
    if spec.architecture is None:
        raise TrainError(f"{spec.name} is no network of the literature: its weights come with it")
    name, variant = spec.architecture.name, spec.architecture.variant
    options = dict(reduced(name, variant)) if args.reduced else {}
    size_hw = args.size or (recipe_for(name, variant).reduced_hw if args.reduced else None)
    return network_form.form(spec, options | dict(args.set), size_hw, args.skeleton)


def _scenes(args: argparse.Namespace) -> tuple[list[Scene], str]:
    """What to learn, and what to call it."""
    if args.synthetic:
        return stick_figures.draw(args.people, args.seed), "drawn figures"
    return coco_scenes.read(args.images, args.annotations, args.people), args.annotations.name


def _settings(args: argparse.Namespace, spec: ModelSpec, shown: Sequence[Sample], data: str) -> Settings:
    assert spec.architecture is not None and spec.input.size_hw is not None
    recipe = recipe_for(spec.architecture.name, spec.architecture.variant)
    return Settings(
        architecture=spec.architecture.name,
        variant=spec.architecture.variant,
        options=dict(spec.architecture.options),
        input_hw=spec.input.size_hw,
        data=data,
        samples=len(shown),
        steps=args.steps or (recipe.reduced_steps if args.reduced else recipe.steps),
        batch=min(args.batch or MOST_AT_ONCE, len(shown)),
        lr=args.lr or (recipe.reduced_lr if args.reduced else recipe.lr),
        slow=recipe.slow,
        seed=args.seed,
        precision=args.precision,
    )


def _begin(folder: Path, *, resume: bool) -> None:
    """Makes the folder. A finished training there makes room for the next one, a half-done one does not."""
    folder.mkdir(parents=True, exist_ok=True)
    if resume:
        return
    if half_done := checkpoints.half_done(folder):
        raise TrainError(f"{folder}: holds a training, {half_done}: go on with --resume, or give another --output")
    checkpoints.discard(folder)
