"""`posestream models`: lists the models, gets them, checks the cache."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from rich.console import Console
from rich.table import Table

from posestream.engines.skeletons import SKELETONS
from posestream.engines.spec import ModelSpec, Publication, TensorSpec
from posestream.engines.zoo import resolve
from posestream.engines.zoo.catalogue import FETCHED, MODELS, find
from posestream.engines.zoo.resolve import in_cache
from posestream.engines.zoo.store import cache
from posestream.engines.zoo.store.artifacts import Cached
from posestream.stream.cli import build_engines
from posestream.stream.cli.quantise import add_arguments as add_quantise_arguments
from posestream.stream.cli.quantise import quantise
from posestream.stream.errors import ConfigError

LIST_COLUMNS, SHOW_COLUMNS = 120, 200  # of output into a pipe or file

Action: TypeAlias = Callable[[Sequence[ModelSpec], argparse.Namespace], int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `posestream models`."""
    parser.add_argument(
        "action",
        choices=ACTIONS,
        help="list all, get (fetch and import), check the cache, show one, quantise (make its int8 version for CPUs), "
        "build (make its TensorRT engine)",
    )
    parser.add_argument("name", nargs="*", metavar="NAME", help="models to act on; `posestream models list` names them")
    parser.add_argument("--all", action="store_true", help="every model; for get, those that need no weights of yours")
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="get: take the weights from a checkpoint, file, folder or archive of yours",
    )
    add_quantise_arguments(parser)
    build_engines.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Runs the action. Returns the exit code: 1 where `check` finds a problem, else 0.

    Raises ConfigError where no model is named, UnknownModelError where one does not exist, WeightsError where `get`,
    `quantise` or `build` cannot have its weights.
    """
    return ACTIONS[args.action](_chosen(args), args)


def _chosen(args: argparse.Namespace) -> list[ModelSpec]:
    everything = args.all or (not args.name and args.action in ("list", "check"))
    if everything:
        return list(FETCHED if args.action == "get" else MODELS.values())
    if not args.name:
        raise ConfigError(f"models {args.action}: name a model, as `posestream models list` does, or give --all")
    return [find(name) for name in args.name]


def list_models(specs: Sequence[ModelSpec], _args: argparse.Namespace) -> int:
    """Prints a table of the models that are fetched, and one of those that need the user's weights."""
    fetched = [spec for spec in specs if spec.fetched]
    literature = [(spec, spec.publication) for spec in specs if spec.publication is not None]
    if fetched:
        table = _table("ready to run", *_COMMON, "parameters", "licence", "cached")
        for spec in fetched:
            cached = in_cache(spec)
            table.add_row(*_common(spec), _millions(cached.parameters), spec.licence, _state(cached))
        _print(table, LIST_COLUMNS)
    if fetched and literature:
        print()
    if literature:
        title = "from the literature: bring the weights, with --weights FILE"
        table = _table(title, *_COMMON, "params", "MACs", "original's licence", "published result", "cached")
        for spec, published in literature:
            sizes = (_millions(published.parameters), _billions(published.macs))
            table.add_row(*_common(spec), *sizes, spec.licence, published.score or "-", _state(in_cache(spec)))
        _print(table, LIST_COLUMNS)
    return 0


_COMMON = ("name", "role", "input", "joints")
_CUT = {"licence": 30, "original's licence": 18}  # `show` has all of it


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, collapse_padding=True)
    for column in columns:
        if column in _CUT:
            table.add_column(column, no_wrap=True, overflow="ellipsis", max_width=_CUT[column])
        else:
            table.add_column(column, no_wrap=column != "published result")
    return table


def _common(spec: ModelSpec) -> tuple[str, ...]:
    return spec.name, spec.role, _size(spec), _joints(spec)


def _state(cached: Cached) -> str:
    return "yes" if cached.onnx else ("stale" if cached.problem else "no")


def get(specs: Sequence[ModelSpec], args: argparse.Namespace) -> int:
    """Fetches and imports the models, or makes one with the user's weights, and prints the ONNX files' paths."""
    if args.weights is not None:
        if len(specs) != 1:
            raise ConfigError("models get --weights: name the one model that the weights are of")
        _print_line(f"{specs[0].name}: {resolve.adopt(specs[0], args.weights, progress=_print_line)}")
        return 0
    for spec in specs:
        path = resolve.onnx_path(spec, progress=_print_line)
        _print_line(f"{spec.name}: {path}")
    return 0


def check(specs: Sequence[ModelSpec], _args: argparse.Namespace) -> int:
    """Compares all files in the cache with their sha256."""
    wrong = 0
    for spec in specs:
        problems = [cached.problem] if (cached := in_cache(spec)).problem else []
        for file in spec.source.files:
            path = cache.source_directory(spec.source) / file.path
            if path.is_file() and not cache.is_good(path, file):
                problems.append(f"{path}: damaged, its sha256 is not the published one")
        for problem in problems:
            _print_line(f"{spec.name}: {problem}: run `posestream models get {spec.name}`")
        if not problems:
            _print_line(f"{spec.name}: {'good' if cached.onnx else 'not in the cache'}")
        wrong += bool(problems)
    return 1 if wrong else 0


def show(specs: Sequence[ModelSpec], _args: argparse.Namespace) -> int:
    """Prints everything that is known about each model."""
    for spec in specs:
        cached = in_cache(spec)
        table = Table(title=f"{spec.name}: {spec.title}", title_justify="left", show_header=False, box=None)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for row in _facts(spec):
            table.add_row(*row)
        if spec.fetched:
            table.add_row("parameters", _millions(cached.parameters))
        elif cached.onnx:
            table.add_row("weights of", cached.sidecar["checkpoint"]["path"])
        table.add_row("cached", str(cached.onnx or cached.problem or "no"))
        _print(table, SHOW_COLUMNS)
    return 0


def _facts(spec: ModelSpec) -> list[tuple[str, str]]:
    image = spec.input
    options = [f"{name} = {value}" for name, value in spec.codec_options.items()]
    return [
        ("role", spec.role),
        ("input", f"{_tensor(image.tensor)} {image.layout} {image.colour}, {_size(spec)}, {image.fit}"),
        ("normalisation", f"(pixel - {image.mean}) / {image.std}"),
        *(("output", _tensor(output)) for output in spec.outputs),
        ("joints", _joints(spec)),
        ("decoder", ", ".join([spec.codec, *options])),
        ("licence", spec.licence),
        *(_published(spec, spec.publication) if spec.publication else _origin(spec)),
    ]


def _origin(spec: ModelSpec) -> list[tuple[str, str]]:
    source = spec.source
    place = source.url or f"{source.kind} {source.package} {source.version}"
    return [("from", place), *(("file", f"{file.path} sha256 {file.sha256}") for file in source.files)]


def _published(spec: ModelSpec, published: Publication) -> list[tuple[str, str]]:
    height, width = published.macs_hw or spec.input.size_hw or (0, 0)
    return [
        ("paper", published.paper),
        ("idea", published.idea),
        ("parameters", f"{published.parameters:,}"),
        ("multiply-adds", f"{_billions(published.macs)} for {width}x{height}"),
        ("result", published.score or "none was published"),
        ("weights from", published.weights),
    ]


def _tensor(tensor: TensorSpec) -> str:
    sizes = "x".join("?" if size is None else str(size) for size in tensor.shape)
    return f"{tensor.name} {tensor.dtype} {sizes}"


def _size(spec: ModelSpec) -> str:
    if spec.input.size_hw:
        height, width = spec.input.size_hw
        return f"{width}x{height}"
    return f"{spec.input.side} {spec.input.side_px}"


def _joints(spec: ModelSpec) -> str:
    """Their number, and the skeleton's name."""
    return f"{len(SKELETONS[spec.skeleton])}, {spec.skeleton.rstrip('0123456789').upper()}" if spec.skeleton else "-"


def _millions(parameters: int | None) -> str:
    return "-" if parameters is None else f"{parameters / 1e6:.2f} M"


def _billions(macs: int) -> str:
    return f"{macs / 1e9:.2f} G" if macs < 1e10 else f"{macs / 1e9:.1f} G"


def _print(table: Table, columns: int) -> None:
    """Prints a table as wide as the terminal, or `columns` wide into a pipe or file."""
    console = Console()
    console.width = console.width if console.is_terminal else columns
    console.print(table)


def _print_line(line: str) -> None:
    print(line, flush=True)


ACTIONS: Mapping[str, Action] = {
    "list": list_models,
    "get": get,
    "check": check,
    "show": show,
    "quantise": quantise,
    "build": build_engines.build,
}
