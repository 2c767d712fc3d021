"""What is measured, in which order: first what most goals need, last the largest network.

An engine of TensorRT takes half a minute to two minutes to build, so each is built just before it is first needed, and
where time runs out it is the end of this list that is left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from posestream.engines.backends.load import DeviceName
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.precision.selection import Precision
from tools.gpu_check.unit import Bench, Unit


class Part(NamedTuple):
    """A part of the report: what it measures, and by which function of the modules here."""

    what: str
    by: str


PARTS: Mapping[str, Part] = {
    "networks": Part("the files that are needed, fetched or made", "random_weights:measure"),
    "engines": Part("until each network is ready on the GPU, and has run once", "latency:until_ready"),
    "copies": Part("frames from their ring in shared memory to the GPU, pages locked and not", "copies:measure"),
    "latency": Part("raw engine and infer stage at batch 1, 4, 16, 64", "latency:of_calls"),
    "end-to-end": Part("arrival to publication in whole runs", "whole_runs:end_to_end"),
    "cameras": Part("how many cameras of 720p at 30 fps, four people each, are sustained", "cameras:measure"),
    "memory": Part("the GPU's memory over 10,000 frames", "whole_runs:memory"),
    "agreement": Part("engines against ONNX Runtime on the CPU in fp32, on crops of real people", "agreement:measure"),
    "pipeline": Part("whole runs on the GPU beside one on the CPU", "pipeline:measure"),
}
LOOK = "look"  # at which version of a runtime is installed: a unit, and no part of the report
MEASURED_BY: Mapping[str, str] = {LOOK: "inventory:look", **{name: part.by for name, part in PARTS.items()}}

DETECTOR, FIRST = "nanodet", "movenet-thunder"
OTHERS, REHEARSED = ("rtmpose-m", "hrnet-w32"), ("rtmpose-t",)  # a rehearsal is quicker with a small one
BUILD_S = 40.0  # of an engine, of a small network
PHOTOGRAPHS = Unit("networks", case="photographs", gives="photographs", usual_s=5.0)


def probe(bench: Bench, runtime: DeviceName) -> Unit:
    """The unit that shows whether a runtime can run anything here: that it is installed says little."""
    return _engine(bench, DETECTOR, runtime, bench.precision)


def units(bench: Bench, runtimes: Sequence[DeviceName]) -> Iterator[Unit]:
    """All that is measured with `runtimes`, the one that a run takes first, in order; what it needs is left out."""
    first, *others = runtimes
    yield Unit("copies", first, case="frames")
    yield from _speed(bench, FIRST, first)
    yield _whole(bench, "cameras", FIRST, first, usual_s=40.0)
    yield _whole(bench, "memory", FIRST, first, usual_s=40.0)
    yield from _agreement(bench, FIRST, first)
    yield from _pipeline(bench, first, "fp32")
    for other in others:
        yield _latency(bench, FIRST, other)
        yield from _agreement(bench, FIRST, other)
        yield from _pipeline(bench, other, "fp32")
    yield from _crowds(bench, FIRST, first)
    for network in REHEARSED if bench.quick else OTHERS:
        yield from _speed(bench, network, first)
        yield from _agreement(bench, network, first)
        for other in others:
            yield _latency(bench, network, other)
            yield from _agreement(bench, network, other)
        yield from _crowds(bench, network, first)
    if bench.precision == "fp16" and not bench.quick:
        yield from _pipeline(bench, first, "fp16")


def with_needs(wanted: Iterable[Unit]) -> list[Unit]:
    """The units in order, each behind what it needs, none twice."""
    ordered: dict[Unit, None] = {}
    for unit in wanted:
        ordered |= dict.fromkeys((*with_needs(unit.needs), unit))
    return list(ordered)


def asked_for(parts: Sequence[str], of: Iterable[Unit]) -> list[Unit]:
    """The units of these parts, and what they need, in order."""
    return with_needs(unit for unit in with_needs(of) if unit.part in parts)


# ---- units that others need


def weights(bench: Bench, network: str) -> Unit:
    """The unit that fetches a network, or makes it with random weights."""
    fetched = find(network).fetched
    needs = () if fetched else _pictures(bench)
    return Unit("networks", network=network, needs=needs, gives=f"weights of {network}", usual_s=5 if fetched else 20)


def _pictures(bench: Bench) -> tuple[Unit, ...]:
    """What real crops are made with: the user's pictures need not be fetched."""
    detector = weights(bench, DETECTOR)
    return (detector,) if bench.images else (PHOTOGRAPHS, detector)


def _engine(bench: Bench, network: str, runtime: DeviceName, precision: Precision) -> Unit:
    gives = f"{network} on {runtime}, {precision}"
    usual_s = BUILD_S if runtime == "tensorrt" else 10.0
    return Unit("engines", runtime, network, precision, "", (weights(bench, network),), gives, usual_s)


# ---- units that measure


def _latency(bench: Bench, network: str, runtime: DeviceName) -> Unit:
    engine = _engine(bench, network, runtime, bench.precision)
    return Unit("latency", runtime, network, bench.precision, needs=(engine,), usual_s=20.0)


def _whole(bench: Bench, part: str, network: str, runtime: DeviceName, case: str = "", usual_s: float = 20.0) -> Unit:
    """Of a whole run of people in a video."""
    engines = (_engine(bench, name, runtime, bench.precision) for name in (DETECTOR, network))
    return Unit(part, runtime, network, bench.precision, case, (PHOTOGRAPHS, *engines), usual_s=usual_s)


def _speed(bench: Bench, network: str, runtime: DeviceName) -> Iterator[Unit]:
    yield _latency(bench, network, runtime)
    yield _whole(bench, "end-to-end", network, runtime, "1")


def _crowds(bench: Bench, network: str, runtime: DeviceName) -> Iterator[Unit]:
    """End to end of more people; with torch alone, which is not what a server would run, of 16."""
    for count in () if bench.quick else ("16",) if runtime == "torch" else ("4", "16", "64"):
        yield _whole(bench, "end-to-end", network, runtime, count)


def _agreement(bench: Bench, network: str, runtime: DeviceName) -> Iterator[Unit]:
    needs = (*_pictures(bench), weights(bench, network))
    expected = Unit("agreement", "onnx", network, needs=needs, gives=f"what the CPU finds with {network}")
    precisions: tuple[Precision, ...] = ("fp32", "fp16")
    for precision in precisions:
        engine = _engine(bench, network, runtime, precision)
        yield Unit("agreement", runtime, network, precision, needs=(expected, engine))


def _pipeline(bench: Bench, runtime: DeviceName, precision: Precision) -> Iterator[Unit]:
    needs = (*_pictures(bench), weights(bench, FIRST))
    expected = Unit("pipeline", "cpu", FIRST, case="cpu", needs=needs, gives="the run on the CPU")
    engines = (_engine(bench, network, runtime, precision) for network in (DETECTOR, FIRST))
    for cuts in ("cpu", "cuda") if runtime == "tensorrt" else ("cpu",):
        yield Unit("pipeline", runtime, FIRST, precision, cuts, (expected, *engines), usual_s=8.0)
