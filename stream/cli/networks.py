"""The files of a run's networks: fetched, imported, made of the user's weights, in the precision that is asked for."""

from pathlib import Path

from engines.plan import Plan
from engines.spec import ModelSpec, Role
from engines.zoo import networks, quantised, trained
from engines.zoo.errors import ZooError
from engines.zoo.registries import Report
from stream.appearance import NOISE
from stream.config import Config, defaults
from stream.errors import ConfigError, WeightsUnavailableError
from stream.plans import plan_for


def network_files(settings: Config, report: Report) -> dict[str, str]:
    """The ONNX file of each network of the plan, fetched, imported or made where this machine has none yet."""
    plan = plan_for(settings)
    if note := without_effect(plan, settings):
        report(note)
    try:
        files = [
            _posing(spec, settings, report) if spec is plan.pose else networks.onnx_path(spec, report)
            for spec in plan.networks
        ]
        if settings.run.precision == "int8":
            files = [_int8(spec, file, settings, report) for spec, file in zip(plan.networks, files, strict=True)]
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


def _int8(spec: ModelSpec, file: Path, settings: Config, report: Report) -> Path:
    """The int8 form of a network; of who poses it must be there, a detector runs as it is where it has none."""
    if settings.run.device == "onnx":
        raise ConfigError('run.precision = "int8" runs with OpenVINO alone: set run.device to "auto" or "openvino"')
    try:
        return quantised.path_of(spec, file)
    except quantised.NotQuantisedError as error:
        if spec.role is not Role.DETECTOR:
            raise
        report(f"{error}; it runs in fp32 now")
        return file
