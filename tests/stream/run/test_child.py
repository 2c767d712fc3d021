"""A process of a run as the supervisor sees it."""

import sys

import pytest

from posestream.stream import config
from posestream.stream.run.child import Child
from posestream.stream.run.restart_budget import Budget
from posestream.stream.run.topology import Topology


def test_a_process_that_dies_before_reading_its_topology_is_reported_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """It broke the supervisor's pipe to it, and with that the run."""
    settings = config.load()
    more_than_a_pipe_holds = "x" * 300_000
    topology = Topology(run_dir=more_than_a_pipe_holds, config=settings, cameras=(), networks={}, endpoints={})
    child = Child("infer", Budget(settings.supervisor))
    monkeypatch.setattr(sys, "executable", "/bin/true")
    child.start(topology, 0)
    assert child.wait(10.0)
    child.collect()
    assert child.ended()
