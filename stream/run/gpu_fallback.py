"""When a run gives its GPU up: where infer ended there twice within an hour, and the settings allow it."""

import logging

import msgspec

from posestream.stream.run.topology import Topology

log = logging.getLogger(__name__)

MAX_FAILURES = 2
"""A GPU may fail once: a reset driver or a passing error of memory must not slow a run down for ever."""

FAILURE_WINDOW_NS = 3600 * 1_000_000_000
"""A failure counts for so long: a run of months may see several."""


class Fallback:
    """Counts how often infer ended while it ran on a GPU, however that was: a GPU that hangs gets it killed."""

    def __init__(self) -> None:
        self._failures_ns: list[int] = []

    def after(self, topology: Topology, now_ns: int) -> Topology:
        """The topology to start infer with again: on the GPU, and nowhere else, or on the CPU.

        Else "auto", and torch, would replace a GPU that is gone without a word, and against `infer.fallback`.
        """
        self._failures_ns = [at for at in self._failures_ns if now_ns - at < FAILURE_WINDOW_NS] + [now_ns]
        if len(self._failures_ns) < MAX_FAILURES or not topology.config.infer.fallback:
            return msgspec.structs.replace(topology, expects_gpu=True)
        log.warning("infer ended %d times on the GPU: the networks run on the CPU from here on, in fp32", MAX_FAILURES)
        run = msgspec.structs.replace(topology.config.run, device="cpu", precision="fp32")
        config = msgspec.structs.replace(topology.config, run=run)
        return msgspec.structs.replace(topology, config=config, expects_gpu=False)
