"""`posestream models build`: TensorRT engines ahead of a run, which would build them at its start."""

import argparse
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from engines.backends.protocol import BackendError
from engines.cuda.driver import Gpu, NoGpuError, gpus
from engines.spec import ModelSpec
from engines.zoo import explicit, networks
from engines.zoo.forms import Precision
from stream import config
from stream.cli.quantise import seen_by
from stream.errors import ConfigError, RunError

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this action; `--images` and `--count` are those of quantise."""
    batches = ",".join(map(str, config.defaults().infer.batches))
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32", help="build: of the engine (fp32)")
    parser.add_argument(
        "--batches", type=_sizes, metavar="N,N,…", help=f"build: batch sizes to be ready for ({batches})"
    )


def build(specs: Sequence[ModelSpec], args: argparse.Namespace) -> int:
    """Builds the engine of each model, where the cache has none that fits, and says where it lies."""
    settings = config.load()
    batches = args.batches or settings.infer.batches
    gpu = _gpu(settings.infer.gpu)
    if gpu is None:
        print("no GPU here: what is built now shows that it can be; on the machine that runs it, it is built again")
    for spec in specs:
        print(f"{spec.name}: {_built(spec, args, batches, gpu)}", flush=True)
    return 0


def _built(spec: ModelSpec, args: argparse.Namespace, batches: Sequence[int], gpu: Gpu | None) -> str:
    from engines.build import engine_for  # with TensorRT's adapter: the other actions do without

    file = networks.onnx_path(spec)
    if args.precision == "int8" and args.images is not None:
        explicit.quantise(spec, file, seen_by(spec, args.images, args.count))
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=Console(stderr=True), transient=True
    )
    with bar:
        task = bar.add_task(f"{spec.name}: reading it", total=None)

        def show(phase: str, done: float) -> None:
            bar.update(task, description=f"{spec.name}: {phase.lower()}", total=1.0, completed=done)

        try:
            engine = engine_for(spec, file, args.precision, batches, gpu, show)
        except (ImportError, BackendError) as error:
            raise RunError(_with_advice(error)) from None
    made = "built" if engine.fresh else "there already"
    size_mb = engine.path.stat().st_size / 2**20
    about = f"{engine.sidecar['flavour']} {engine.sidecar['version']}, {args.precision}"
    sizes = ", ".join(str(profile[1][0]) for profile in engine.sidecar["profiles"])
    return f"{made}, for {about}, batches of {sizes}, {size_mb:.0f} MB: {engine.path}"


def _with_advice(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"{error}: pip install posestream[tensorrt-rtx], or [tensorrt] as the README says"
    return str(error)


def _gpu(index: int) -> Gpu | None:
    try:
        found = gpus()
    except NoGpuError:
        return None
    if index >= len(found):
        raise ConfigError(f"infer.gpu = {index}: the driver knows {len(found)} GPUs, counted from 0")
    return found[index]


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(part) for part in text.split(","))
    if not all(1 <= size <= 256 for size in sizes):
        raise argparse.ArgumentTypeError("batch sizes are 1 to 256")
    return sizes
