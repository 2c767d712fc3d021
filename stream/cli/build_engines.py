"""`posestream models build`: builds TensorRT engines before a run, which would otherwise build them at its start."""

import argparse
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from posestream.engines.cuda.driver import Gpu, gpus
from posestream.engines.cuda.open_device import open_device
from posestream.engines.exceptions import BackendError, NoGpuError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo import resolve
from posestream.engines.zoo.precision import qdq_int8
from posestream.engines.zoo.precision.selection import Precision
from posestream.stream import config
from posestream.stream.cli.quantise import calibration_inputs
from posestream.stream.errors import ConfigError, RunError

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this action; `--images` and `--count` are added by `quantise`."""
    packaged = config.defaults()
    batches = ",".join(map(str, packaged.infer.batches))
    parser.add_argument(
        "--precision", choices=PRECISIONS, help=f"build: of the engine; that of the settings ({packaged.run.precision})"
    )
    parser.add_argument(
        "--batches", type=_sizes, metavar="N,N,…", help=f"build: batch sizes to be ready for ({batches})"
    )


def build(specs: Sequence[ModelSpec], args: argparse.Namespace) -> int:
    """Builds the engine of each model, where the cache has none that fits, and prints its path."""
    settings = config.load()
    batches = args.batches or settings.infer.batches
    precision = args.precision or settings.run.precision
    gpu = _gpu(settings.infer.gpu)
    if gpu is None:
        print("no GPU here: the engine is only a test build, and is built again on the machine that runs it")
    for spec in specs:
        print(f"{spec.name}: {_build_one(spec, args, precision, batches, gpu)}", flush=True)
    return 0


def _build_one(
    spec: ModelSpec, args: argparse.Namespace, precision: Precision, batches: Sequence[int], gpu: Gpu | None
) -> str:
    from posestream.engines.backends.tensorrt.build import engine_for  # only this action needs TensorRT

    file = resolve.onnx_path(spec)
    if precision == "int8":
        if args.images is not None:
            qdq_int8.quantise(spec, file, calibration_inputs(spec, args.images, args.count))
        qdq_int8.path_of(spec, file)  # fails without int8; a run would silently fall back to fp32 for a detector
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=Console(stderr=True), transient=True
    )
    with bar:
        task = bar.add_task(f"{spec.name}: reading it", total=None)

        def show(phase: str, done: float) -> None:
            bar.update(task, description=f"{spec.name}: {phase.lower()}", total=1.0, completed=done)

        try:
            if gpu is not None:
                open_device(gpu.index)  # TensorRT builds for the current device
            engine = engine_for(spec, file, precision, batches, gpu, show)
        except (ImportError, BackendError) as error:
            raise RunError(str(error)) from None
    made = "built" if engine.fresh else "there already"
    size_mb = engine.path.stat().st_size / 2**20
    built_for = f"{engine.sidecar['flavour']} {engine.sidecar['version']}, {engine.sidecar['precision']}"
    sizes = ", ".join(str(profile[1][0]) for profile in engine.sidecar["profiles"])
    return f"{made}, for {built_for}, batches of {sizes}, {size_mb:.0f} MB: {engine.path}"


def _gpu(index: int) -> Gpu | None:
    try:
        found = gpus()
    except NoGpuError:
        return None
    if index >= len(found):
        raise ConfigError(f"infer.gpu = {index}: the driver knows {len(found)} GPUs, counted from 0")
    return found[index]


def _sizes(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.isdecimal() and 1 <= int(part) <= 256 for part in parts) or len(parts) > 8:
        raise argparse.ArgumentTypeError(f"{text!r}: give 1 to 8 numbers of 1 to 256, as in 1,4,8,16")
    return tuple(int(part) for part in parts)
