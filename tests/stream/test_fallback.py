"""When a run gives its GPU up."""

import msgspec

from stream import config
from stream.errors import DeviceFailedError
from stream.fallback import Fallback
from stream.topology import Topology

LOST = DeviceFailedError.exit_code


def on_gpu(*, fallback: bool = True) -> Topology:
    settings = config.load(None, {"run.device": "tensorrt", "run.precision": "fp16", "infer.fallback": fallback})
    return Topology(run_dir="", config=settings, cameras=(), networks={}, endpoints={})


def devices(topology: Topology, *codes: int) -> list[str]:
    fallback = Fallback()
    return [fallback.after(topology, code).config.run.device for code in codes]


def test_the_second_failure_of_the_gpu_is_the_last() -> None:
    assert devices(on_gpu(), LOST, LOST) == ["tensorrt", "cpu"]


def test_what_is_no_failure_of_the_gpu_counts_for_nothing() -> None:
    assert devices(on_gpu(), 1, -9, LOST, 1) == ["tensorrt"] * 4


def test_the_settings_may_forbid_it() -> None:
    assert devices(on_gpu(fallback=False), LOST, LOST, LOST) == ["tensorrt"] * 3


def test_the_cpu_has_no_halves() -> None:
    fallback = Fallback()
    fallback.after(on_gpu(), LOST)
    left = fallback.after(on_gpu(), LOST)
    assert left.config.run.precision == "fp32"
    assert msgspec.structs.replace(left.config, run=on_gpu().config.run) == on_gpu().config
