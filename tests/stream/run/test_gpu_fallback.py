"""When a run gives its GPU up."""

import msgspec

from posestream.stream import config
from posestream.stream.run.gpu_fallback import FAILURE_WINDOW_NS, Fallback
from posestream.stream.run.topology import Topology

SECOND_NS = 1_000_000_000


def on_gpu(*, device: str = "tensorrt", fallback: bool = True) -> Topology:
    settings = config.load(None, {"run.device": device, "run.precision": "fp16", "infer.fallback": fallback})
    return Topology(run_dir="", config=settings, cameras=(), networks={}, endpoints={})


def devices(topology: Topology, *failures_ns: int) -> list[str]:
    """The device that infer is restarted on after it ended at each of these times."""
    fallback = Fallback()
    found: list[str] = []
    for at_ns in failures_ns:
        topology = fallback.after(topology, at_ns)
        found.append(topology.config.run.device)
    return found


def test_the_second_failure_of_the_gpu_is_the_last() -> None:
    assert devices(on_gpu(), 0, SECOND_NS) == ["tensorrt", "cpu"]


def test_a_failure_is_forgotten_after_an_hour() -> None:
    assert devices(on_gpu(), 0, FAILURE_WINDOW_NS, 2 * FAILURE_WINDOW_NS - 1) == ["tensorrt", "tensorrt", "cpu"]


def test_the_settings_may_forbid_it() -> None:
    assert devices(on_gpu(fallback=False), 0, 1, 2) == ["tensorrt"] * 3


def test_after_the_first_failure_infer_may_run_on_a_gpu_alone() -> None:
    fallback = Fallback()
    once = fallback.after(on_gpu(device="auto"), 0)
    assert (once.config.run.device, once.expects_gpu) == ("auto", True)
    twice = fallback.after(once, 1)
    assert (twice.config.run.device, twice.expects_gpu) == ("cpu", False)


def test_the_cpu_has_no_halves() -> None:
    fallback = Fallback()
    fallback.after(on_gpu(), 0)
    left = fallback.after(on_gpu(), 1)
    assert left.config.run.precision == "fp32"
    assert msgspec.structs.replace(left.config, run=on_gpu().config.run) == on_gpu().config
