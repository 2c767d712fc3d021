"""The rings of frames as a reader maps them."""

from pathlib import Path

import pytest

from posestream.stream import config
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.ipc.frame_rings import FrameRings
from posestream.stream.ipc.ring import Layout, Ring
from posestream.stream.run.topology import Topology


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    return Topology(run_dir=str(tmp_path), config=config.defaults(), cameras=(), networks={}, endpoints={})


def make(topology: Topology, epoch: int) -> None:
    geometry = Geometry(32, 16, "bgr24")
    Ring.create(topology.frame_ring("cam0", epoch), Layout(2, geometry.nbytes, epoch, geometry)).close()


def test_a_ring_is_mapped_once_until_another_epoch_is_asked_for(topology: Topology) -> None:
    calls: list[tuple[str, int]] = []
    rings = FrameRings(
        topology.frame_ring,
        opened=lambda ring: calls.append(("opened", ring.layout.epoch)),
        closing=lambda ring: calls.append(("closing", ring.layout.epoch)),
    )
    for epoch in (0, 1):
        make(topology, epoch)
    assert rings.of("cam0", 0) is rings.of("cam0", 0)
    assert rings.of("cam0", 1).layout.epoch == 1
    assert calls == [("opened", 0), ("closing", 0), ("opened", 1)]


def test_a_ring_that_is_gone_leaves_the_one_that_is_held(topology: Topology) -> None:
    rings = FrameRings(topology.frame_ring)
    make(topology, 1)
    held = rings.of("cam0", 1)
    with pytest.raises(FileNotFoundError):
        rings.of("cam0", 0)
    assert rings.of("cam0", 1) is held
