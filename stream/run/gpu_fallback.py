"""Fallback from GPU to CPU: after infer ended on the GPU twice within an hour, if `infer.fallback` allows it."""

import logging

import msgspec

from posestream.stream.run.topology import Topology

log = logging.getLogger(__name__)

MAX_FAILURES = 2
"""Tolerates one transient failure, such as a driver reset: it must not slow a run down for ever."""

FAILURE_WINDOW_NS = 3600 * 1_000_000_000
"""Older failures do not count: a run of months may see several."""


class Fallback:
    """Counts the ends of infer on a GPU: crashes, failures that it reported, and kills after a hang."""

    def __init__(self) -> None:
        self._failures_ns: list[int] = []

    def after(self, topology: Topology, now_ns: int) -> Topology:
        """The topology to restart infer with: on the GPU only, or on the CPU.

        `expects_gpu` stops device "auto", and torch, from silently choosing the CPU, against `infer.fallback`.
        """
        self._failures_ns = [at for at in self._failures_ns if now_ns - at < FAILURE_WINDOW_NS] + [now_ns]
        if len(self._failures_ns) < MAX_FAILURES or not topology.config.infer.fallback:
            return msgspec.structs.replace(topology, expects_gpu=True)
        log.warning("infer ended %d times on the GPU: the networks run on the CPU from here on, in fp32", MAX_FAILURES)
        run = msgspec.structs.replace(topology.config.run, device="cpu", precision="fp32")
        config = msgspec.structs.replace(topology.config, run=run)
        return msgspec.structs.replace(topology, config=config, expects_gpu=False)
