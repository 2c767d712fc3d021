"""When a run gives its GPU up: after its second failure, where the settings allow it, for the rest of the run."""

import logging

import msgspec

from stream.errors import DeviceFailedError
from stream.topology import Topology

log = logging.getLogger(__name__)

CHANCES = 2
"""A GPU may fail once: a reset driver or a passing error of memory must not slow a run down for ever."""


class Fallback:
    """Counts the failures of the device that runs the networks."""

    def __init__(self) -> None:
        self._failures = 0

    def after(self, topology: Topology, exit_code: int) -> Topology:
        """The topology to start infer with, after it ended with `exit_code`."""
        if exit_code != DeviceFailedError.exit_code:
            return topology
        self._failures += 1
        if self._failures < CHANCES or not topology.config.infer.fallback:
            return topology
        log.warning("the GPU failed %d times: the networks run on the CPU from here on, in fp32", self._failures)
        run = msgspec.structs.replace(topology.config.run, device="cpu", precision="fp32")
        return msgspec.structs.replace(topology, config=msgspec.structs.replace(topology.config, run=run))
