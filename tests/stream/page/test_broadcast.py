"""The page's state after published messages and acknowledgements, without a socket."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from posestream.stream import config
from posestream.stream.page.broadcast import Broadcast
from posestream.stream.page.viewer import Viewer
from posestream.stream.published import PoseMessage, StateMessage
from posestream.stream.run.topology import CameraSpec, Topology
from tests.stream.publisher import pose, state


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    cameras = (CameraSpec(name="cam0", source="0", policy="latest", independent_images=False),)
    return Topology(run_dir=str(tmp_path), config=config.defaults(), cameras=cameras, networks={}, endpoints={})


@pytest.mark.parametrize("message", [pose("unknown"), state("unknown")], ids=["pose", "state"])
def test_a_message_of_a_camera_outside_the_topology_creates_nothing(
    topology: Topology, message: PoseMessage | StateMessage
) -> None:
    async def shown() -> tuple[list[str], int]:
        async with asyncio.TaskGroup() as tasks:
            broadcast = Broadcast(topology, tasks)
            broadcast.add(message)
            with broadcast.watched_by(Viewer(web.WebSocketResponse(), 1.0)):
                broadcast.add(message)
                encoding = len(asyncio.all_tasks()) - 1
            broadcast.close()
            return [*broadcast.status()], encoding

    assert asyncio.run(shown()) == (["cam0"], 0)


def test_a_message_of_a_known_camera_is_encoded_for_a_viewer(topology: Topology) -> None:
    """The same steps as above, so that its zero means something."""

    async def encoding() -> int:
        async with asyncio.TaskGroup() as tasks:
            broadcast = Broadcast(topology, tasks)
            with broadcast.watched_by(Viewer(web.WebSocketResponse(), 1.0)):
                broadcast.add(pose("cam0"))
                count = len(asyncio.all_tasks()) - 1
        broadcast.close()
        return count

    assert asyncio.run(encoding()) == 1


def test_names_that_a_browser_makes_up_take_no_memory() -> None:
    viewer = Viewer(web.WebSocketResponse(), 1.0)
    for i in range(100):
        viewer.acknowledge(f"made-up-{i}")
    assert viewer._unacknowledged == {}
