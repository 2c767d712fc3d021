"""The ONNX files of a run's networks: fetched, imported, or made of the user's weights, and checked for precision."""

from pathlib import Path

from posestream.engines.backends.load import RUNTIMES_OF
from posestream.engines.cuda.driver import gpus
from posestream.engines.exceptions import NoGpuError, WeightsError
from posestream.engines.plan import Plan
from posestream.engines.progress import ProgressLine
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo import resolve
from posestream.engines.zoo.make import from_checkpoint
from posestream.engines.zoo.precision import selection
from posestream.stream.config import Config, defaults
from posestream.stream.drawing.palette import RANDOM_WEIGHTS_NOTICE
from posestream.stream.errors import ConfigError, RunError
from posestream.stream.run.planning import plan_for


def network_files(settings: Config, progress: ProgressLine) -> dict[str, str]:
    """Network name -> ONNX file, for each network of the plan; fetched, imported or made if not in the cache.

    Raises RunError where `run.device` needs a GPU and there is none, ConfigError where settings contradict each other,
    WeightsError where weights cannot be had.
    """
    plan = plan_for(settings)
    if settings.run.device == "tensorrt" and (reason := _no_gpu()):
        raise RunError(f'run.device = "tensorrt": {reason}: install NVIDIA\'s driver, or set "auto" or "cpu"')
    if note := ignored_settings(plan, settings):
        progress(note)
    files = {
        spec.name: _pose_model_file(spec, settings, progress)
        if spec is plan.pose
        else resolve.onnx_path(spec, progress)
        for spec in plan.networks
    }
    for spec in plan.networks:
        _check_precision(spec, files[spec.name], settings)
    return {name: str(file) for name, file in files.items()}


def ignored_settings(plan: Plan, settings: Config) -> str:
    """A line about settings of the user that have no effect in this plan; "" if there are none."""
    run, packaged = settings.run, defaults().run
    changed = [f"run.{key}" for key in ("refine", "flip", "scales") if getattr(run, key) != getattr(packaged, key)]
    if plan.detector is not None or not changed:
        return ""
    return f"{plan.pose.name} poses all people in one pass; without effect: {', '.join(changed)}"


def _pose_model_file(spec: ModelSpec, settings: Config, progress: ProgressLine) -> Path:
    """The pose model's ONNX file, with the weights of the settings."""
    run = settings.run
    if not run.random_weights:
        return resolve.adopt(spec, Path(run.weights), progress) if run.weights else resolve.onnx_path(spec, progress)
    if run.weights:
        raise ConfigError("run.weights and run.random_weights: a network has the one or the other; leave one out")
    if spec.fetched:
        raise ConfigError(f"run.random_weights: {spec.name} has trained weights, which a run fetches: leave it out")
    progress(f"{spec.name} has {RANDOM_WEIGHTS_NOTICE}")
    return from_checkpoint.with_random_weights(spec, progress)


def _check_precision(spec: ModelSpec, file: Path, settings: Config) -> None:
    """Raises WeightsError or ConfigError where no usable runtime has the network in that precision."""
    run, reason = settings.run, _no_gpu()
    runtimes = [runtime for runtime in RUNTIMES_OF[run.device] if runtime != "tensorrt" or not reason]
    problems: dict[str, WeightsError] = {}
    for runtime in runtimes:
        try:
            selection.check_precision(spec, file, run.precision, runtime)
        except WeightsError as error:
            problems[runtime] = error
    if len(problems) < len(runtimes):
        return
    missing = [error for error in problems.values() if not isinstance(error, selection.NoSuchPrecisionError)]
    if missing:
        raise missing[0]
    if run.precision == "fp16" and run.device == "auto" and reason:
        raise ConfigError(
            f'run.precision = "fp16" is for GPUs, and there is none ({reason}): set it to "fp32" or "int8"'
        )
    raise ConfigError(str(problems.popitem()[1]))


def _no_gpu() -> str:
    """The reason why no GPU can be used; "" if one can."""
    try:
        gpus()
    except NoGpuError as error:
        return str(error)
    return ""
