"""What is measured, in which order: first what most goals need, last the largest network.

An engine of TensorRT takes half a minute to two minutes to build, so each is built just before it is first needed, and
where time runs out it is the end of this list that is left out.
"""

from collections.abc import Iterator, Mapping, Sequence

from posestream.engines.backends.load import DeviceName
from posestream.engines.zoo.precision.selection import Precision
from tools.gpu_check.bench import Bench
from tools.gpu_check.unit import Unit

PARTS: Mapping[str, str] = {
    "networks": "the files that are needed, fetched or made",
    "engines": "until each network is ready on the GPU, and has run once",
    "copies": "frames from their ring in shared memory to the GPU, pages locked and not",
    "latency": "raw engine and infer stage at batch 1, 4, 16, 64",
    "end-to-end": "arrival to publication in whole runs",
    "cameras": "how many cameras of 720p at 30 fps, four people each, are sustained",
    "memory": "the GPU's memory over 10,000 frames",
    "agreement": "engines against ONNX Runtime on the CPU in fp32, on crops of real people",
    "pipeline": "whole runs on the GPU beside one on the CPU",
}
DETECTOR, FIRST, OTHERS = "nanodet", "movenet-thunder", ("rtmpose-m", "hrnet-w32")
PHOTOGRAPHS = "photographs"
BUILD_S = 40.0  # of an engine, of a small network


def weights(network: str) -> str:
    """What the unit that fetches or makes them gives."""
    return f"weights of {network}"


def ready(network: str, runtime: DeviceName, precision: Precision) -> str:
    """What the unit that makes the engine gives."""
    return f"{network} on {runtime}, {precision}"


def files() -> list[Unit]:
    """What is fetched before anything is measured."""
    units = [Unit("networks", case=PHOTOGRAPHS, gives=PHOTOGRAPHS)]
    return units + [_file(network) for network in (DETECTOR, FIRST)]


def probe(runtime: DeviceName, precision: Precision) -> Unit:
    """Shows whether a runtime can run anything here: that it is installed says little."""
    return _engine(DETECTOR, runtime, precision)


def units(bench: Bench, runtimes: Sequence[DeviceName]) -> Iterator[Unit]:
    """All that is measured with `runtimes`, the one that a run takes first, in order."""
    first, precision = runtimes[0], bench.precision
    yield Unit("copies", first, case="frames")
    yield from _speed(FIRST, first, precision)
    yield _whole("cameras", FIRST, first, precision, usual_s=40.0)
    yield _whole("memory", FIRST, first, precision, usual_s=40.0)
    yield from _agreement(bench, FIRST, runtimes[:1])
    yield from _pipeline(bench, first, "fp32")
    for other in runtimes[1:]:
        yield _engine(FIRST, other, precision)
        yield _latency(FIRST, other, precision)
        yield from _agreement(bench, FIRST, (other,), reference=False)
        yield from _pipeline(bench, other, "fp32", reference=False)
    yield from _crowds(bench, FIRST, first, precision)
    for network in OTHERS[: 1 if bench.quick else None]:
        yield _file(network, _pictures(bench))
        yield from _speed(network, first, precision)
        yield from _agreement(bench, network, runtimes[:1])
        for other in runtimes[1:]:
            yield _engine(network, other, precision)
            yield _latency(network, other, precision)
            yield from _agreement(bench, network, (other,), reference=False)
        yield from _crowds(bench, network, first, precision)
    if precision == "fp16" and not bench.quick:
        yield from _pipeline(bench, first, "fp16", reference=False)


def asked_for(wanted: Sequence[str], of: Sequence[Unit]) -> list[Unit]:
    """The units of the parts that are wanted, and those that give what they need, in order."""
    needed: set[str] = set()
    chosen: list[Unit] = []
    for unit in reversed(of):
        if unit.part in wanted or (unit.gives and unit.gives in needed):
            chosen.append(unit)
            needed.update(unit.needs)
    return chosen[::-1]


def _pictures(bench: Bench) -> tuple[str, ...]:
    """What real crops are made with: the user's pictures need not be fetched."""
    return (weights(DETECTOR),) if bench.images else (PHOTOGRAPHS, weights(DETECTOR))


def _file(network: str, needs: tuple[str, ...] = ()) -> Unit:
    return Unit("networks", network=network, needs=needs, gives=weights(network), usual_s=20.0 if needs else 5.0)


def _engine(network: str, runtime: DeviceName, precision: Precision) -> Unit:
    usual_s = BUILD_S if runtime == "tensorrt" else 10.0
    gives = ready(network, runtime, precision)
    return Unit("engines", runtime, network, precision, "", (weights(network),), gives, usual_s)


def _latency(network: str, runtime: DeviceName, precision: Precision) -> Unit:
    return Unit("latency", runtime, network, precision, "", (ready(network, runtime, precision),), "", 20.0)


def _whole(
    part: str, network: str, runtime: DeviceName, precision: Precision, case: str = "", usual_s: float = 20.0
) -> Unit:
    """Of a whole run."""
    needs = (PHOTOGRAPHS, ready(DETECTOR, runtime, precision), ready(network, runtime, precision))
    return Unit(part, runtime, network, precision, case, needs, "", usual_s)


def _speed(network: str, runtime: DeviceName, precision: Precision) -> Iterator[Unit]:
    yield _engine(network, runtime, precision)
    yield _latency(network, runtime, precision)
    yield _whole("end-to-end", network, runtime, precision, "1")


def _crowds(bench: Bench, network: str, runtime: DeviceName, precision: Precision) -> Iterator[Unit]:
    """End to end of more people; with torch alone, which is not what a server would run, of 16."""
    for count in () if bench.quick else ("16",) if runtime == "torch" else ("4", "16", "64"):
        yield _whole("end-to-end", network, runtime, precision, count)


def _agreement(bench: Bench, network: str, runtimes: Sequence[DeviceName], *, reference: bool = True) -> Iterator[Unit]:
    expected = f"what the CPU finds with {network}"
    if reference:
        needs = (*_pictures(bench), weights(network))
        yield Unit("agreement", "onnx", network, needs=needs, gives=expected)
    precisions: tuple[Precision, ...] = ("fp32", "fp16")
    for runtime in runtimes:
        for precision in precisions:
            if precision != bench.precision:
                yield _engine(network, runtime, precision)
            needs = (expected, ready(network, runtime, precision))
            yield Unit("agreement", runtime, network, precision, needs=needs)


def _pipeline(bench: Bench, runtime: DeviceName, precision: Precision, *, reference: bool = True) -> Iterator[Unit]:
    expected = "the run on the CPU"
    if reference:
        needs = (*_pictures(bench), weights(FIRST))
        yield Unit("pipeline", "auto", FIRST, needs=needs, gives=expected)
    for network in (DETECTOR, FIRST) if precision != bench.precision else ():
        yield _engine(network, runtime, precision)
    needs = (expected, *(ready(network, runtime, precision) for network in (DETECTOR, FIRST)))
    for cuts in ("cpu", "cuda") if runtime == "tensorrt" else ("cpu",):
        yield Unit("pipeline", runtime, FIRST, precision, cuts, needs, usual_s=8.0)
