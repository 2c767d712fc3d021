"""The files of a run's networks: fetched, imported, made of the user's weights, in the precision that is asked for."""

from pathlib import Path

from engines.cuda.driver import NoGpuError, gpus
from engines.load import RUNTIMES_OF
from engines.plan import Plan
from engines.spec import ModelSpec
from engines.zoo import forms, networks, trained
from engines.zoo.errors import ZooError
from engines.zoo.registries import Report
from stream.appearance import NOISE
from stream.config import Config, defaults
from stream.errors import ConfigError, RunError, WeightsUnavailableError
from stream.plans import plan_for


def network_files(settings: Config, report: Report) -> dict[str, str]:
    """The ONNX file of each network of the plan, fetched, imported or made where this machine has none yet."""
    plan = plan_for(settings)
    if settings.run.device == "tensorrt" and (reason := _no_gpu()):
        raise RunError(f'run.device = "tensorrt": {reason}: install NVIDIA\'s driver, or set "auto" or "cpu"')
    if note := without_effect(plan, settings):
        report(note)
    try:
        files = [
            _posing(spec, settings, report) if spec is plan.pose else networks.onnx_path(spec, report)
            for spec in plan.networks
        ]
        for spec, file in zip(plan.networks, files, strict=True):
            _check_form(spec, file, settings)
        return {spec.name: str(file) for spec, file in zip(plan.networks, files, strict=True)}
    except ZooError as error:
        raise WeightsUnavailableError(str(error)) from None


def without_effect(plan: Plan, settings: Config) -> str:
    """What is asked for that this plan does not do, in a line; "" where there is nothing."""
    run, packaged = settings.run, defaults().run
    asked = [f"run.{key}" for key in ("refine", "flip", "scales") if getattr(run, key) != getattr(packaged, key)]
    if plan.detector is not None or not asked:
        return ""
    return f"{plan.pose.name} sees everybody at once: for it {', '.join(asked)} changes nothing"


def _posing(spec: ModelSpec, settings: Config, report: Report) -> Path:
    """The ONNX file of who poses, with the weights that are asked for."""
    run = settings.run
    if not run.random_weights:
        return networks.adopt(spec, Path(run.weights), report) if run.weights else networks.onnx_path(spec, report)
    if run.weights:
        raise ConfigError("run.weights and run.random_weights: a network has the one or the other; leave one out")
    if spec.fetched:
        raise ConfigError(f"run.random_weights: {spec.name} has trained weights, which a run fetches: leave it out")
    report(f"{spec.name} has {NOISE}")
    return trained.with_random_weights(spec, report)


def _check_form(spec: ModelSpec, file: Path, settings: Config) -> None:
    """Raises ZooError or ConfigError where no runtime that may run the network has a form of that precision."""
    run, reason = settings.run, _no_gpu()
    runtimes = [runtime for runtime in RUNTIMES_OF[run.device] if runtime != "tensorrt" or not reason]
    problems: dict[str, ZooError] = {}
    for runtime in runtimes:
        try:
            forms.check(spec, file, run.precision, runtime)
        except ZooError as error:
            problems[runtime] = error
    if len(problems) < len(runtimes):
        return
    missing = [error for error in problems.values() if not isinstance(error, forms.NoSuchFormError)]
    if missing:
        raise missing[0]
    if run.precision == "fp16" and run.device == "auto" and reason:
        raise ConfigError(
            f'run.precision = "fp16" is for GPUs, and there is none ({reason}): set it to "fp32" or "int8"'
        )
    raise ConfigError(str(problems.popitem()[1]))


def _no_gpu() -> str:
    """Why there is no GPU here; "" where there is one."""
    try:
        gpus()
    except NoGpuError as error:
        return str(error)
    return ""
