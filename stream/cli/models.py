"""`posestream models`: which models there are, getting them, checking what the cache has."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from rich.console import Console
from rich.table import Table

from engines.spec import ModelSpec, TensorSpec
from engines.zoo import cache, fetch
from engines.zoo.catalogue import MODELS, find
from engines.zoo.errors import UnknownModelError, ZooError
from engines.zoo.imported import in_cache, onnx_path
from stream.errors import ConfigError, WeightsUnavailableError

JOINTS: Mapping[str | None, str] = {None: "-", "coco17": "17, COCO", "openpose18": "18, OpenPose"}

Action: TypeAlias = Callable[[Sequence[ModelSpec], argparse.Namespace], int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `posestream models`."""
    parser.add_argument("action", choices=ACTIONS, help="list all, get (fetch and import), check the cache, show one")
    parser.add_argument("name", nargs="*", metavar="NAME", help="models to act on; `posestream models list` names them")
    parser.add_argument("--all", action="store_true", help="act on every model")
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="get: take the weights from a file, folder or archive of yours"
    )


def run(args: argparse.Namespace) -> int:
    """Does it; 0 when all is well, 1 when `check` finds something wrong.

    Raises ConfigError for a model that there is not, and from `get` WeightsUnavailableError.
    """
    try:
        return ACTIONS[args.action](_asked_for(args), args)
    except UnknownModelError as error:
        raise ConfigError(str(error)) from None
    except ZooError as error:
        raise WeightsUnavailableError(str(error)) from None


def _asked_for(args: argparse.Namespace) -> list[ModelSpec]:
    everything = args.all or (not args.name and args.action in ("list", "check"))
    specs = list(MODELS.values()) if everything else [find(name) for name in args.name]
    if not specs:
        raise UnknownModelError(f"models {args.action}: name a model ({', '.join(MODELS)}) or give --all")
    return specs


def list_models(specs: Sequence[ModelSpec], _args: argparse.Namespace) -> int:
    """One line a model."""
    table = Table("name", "role", "input", "joints", "weights", "licence", "cached", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for spec in specs:
        there = in_cache(spec)
        state = "yes" if there.onnx else ("stale" if there.problem else "no")
        table.add_row(
            spec.name, spec.role, _size(spec), JOINTS[spec.skeleton], _millions(there.parameters), spec.licence, state
        )
    _print(table)
    return 0


def get(specs: Sequence[ModelSpec], args: argparse.Namespace) -> int:
    """Fetches and imports, and says where the ONNX file lies."""
    if args.weights is not None:
        if len(specs) != 1:
            raise UnknownModelError("models get --weights: name the one model that the weights are of")
        fetch.adopt(specs[0].source, args.weights)
    for spec in specs:
        path = onnx_path(spec, report=_say)
        _say(f"{spec.name}: {path}")
    return 0


def check(specs: Sequence[ModelSpec], _args: argparse.Namespace) -> int:
    """Compares everything in the cache with its sha256."""
    wrong = 0
    for spec in specs:
        problems = [there.problem] if (there := in_cache(spec)).problem else []
        folder = cache.source_directory(spec.source)
        for file in spec.source.files:
            path = folder / file.path
            if path.is_file() and not cache.is_good(path, file):
                problems.append(f"{path}: damaged, its sha256 is not the published one")
        for problem in problems:
            _say(f"{spec.name}: {problem}: run `posestream models get {spec.name}`")
        if not problems:
            _say(f"{spec.name}: {'good' if there.onnx else 'not in the cache'}")
        wrong += bool(problems)
    return 1 if wrong else 0


def show(specs: Sequence[ModelSpec], _args: argparse.Namespace) -> int:
    """Everything that is known of a model."""
    for spec in specs:
        there = in_cache(spec)
        table = Table(title=f"{spec.name}: {spec.title}", title_justify="left", show_header=False, box=None)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for row in _facts(spec):
            table.add_row(*row)
        table.add_row("parameters", _millions(there.parameters))
        table.add_row("cached", str(there.onnx or there.problem or "no"))
        _print(table)
    return 0


def _facts(spec: ModelSpec) -> list[tuple[str, str]]:
    image, source = spec.input, spec.source
    place = source.url or f"{source.kind} {source.package} {source.version}"
    return [
        ("role", spec.role),
        ("input", f"{_tensor(image.tensor)} {image.layout} {image.colour}, {_size(spec)}, {image.fit}"),
        ("normalisation", f"(pixel - {image.mean}) / {image.std}"),
        *(("output", _tensor(output)) for output in spec.outputs),
        ("joints", JOINTS[spec.skeleton]),
        ("decoder", spec.codec),
        ("licence", spec.licence),
        ("from", place),
        *(("file", f"{file.path} sha256 {file.sha256}") for file in source.files),
    ]


def _tensor(tensor: TensorSpec) -> str:
    sizes = "x".join("?" if size is None else str(size) for size in tensor.shape)
    return f"{tensor.name} {tensor.dtype} {sizes}"


def _size(spec: ModelSpec) -> str:
    if spec.input.size_hw:
        height, width = spec.input.size_hw
        return f"{width}x{height}"
    return f"{spec.input.side} side {spec.input.side_px}"


def _millions(parameters: int | None) -> str:
    return "-" if parameters is None else f"{parameters / 1e6:.2f} M"


def _print(table: Table) -> None:
    """As wide as the terminal; into a pipe or file as wide as it likes."""
    console = Console()
    console.width = console.width if console.is_terminal else 200
    console.print(table)


def _say(line: str) -> None:
    print(line, flush=True)


ACTIONS: Mapping[str, Action] = {"list": list_models, "get": get, "check": check, "show": show}
