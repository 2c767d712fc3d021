"""One frame's journey, top to bottom: what the processes of a run do, in one process, with the same step functions.

source -> capture -> preprocess -> infer -> postprocess -> publish
                         ^______________________|   the same frame again (crops), and regions for the next one
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from posestream.engines.backends.protocol import Backend
from posestream.engines.plan import Region
from posestream.stream.config import Config
from posestream.stream.estimator.arrivals import arrivals, slots_for
from posestream.stream.estimator.passes import Cutter, FramePixels, infer
from posestream.stream.ipc.clock import now_ns, unix_offset_ns
from posestream.stream.ipc.ledger import Account
from posestream.stream.ipc.messages import AnotherPass, Done, PosesReady
from posestream.stream.people.scene import Scene
from posestream.stream.published import PoseMessage
from posestream.stream.run.planning import plan_for
from posestream.stream.run.topology import CameraSpec
from posestream.stream.sources.source import DecodeError, Source
from posestream.stream.stages.capture import capture
from posestream.stream.stages.postprocess import postprocess
from posestream.stream.stages.publish import publish


class Arrived(NamedTuple):
    """A frame at its journey's end: its message, and its pixels, a view that lasts until the next frame."""

    message: PoseMessage
    pixels: FramePixels


def journey(
    source: Source, camera: CameraSpec, config: Config, backends: Mapping[str, Backend], folder: Path
) -> Iterator[Arrived]:
    """All frames of an open source, until it ends; `folder` is where the frame ring may lie."""
    plan = plan_for(config, camera)
    cut = Cutter(plan)
    scene = Scene(plan, config, independent_images=camera.independent_images)
    people = postprocess.PostprocessState(scene, by_source=camera.policy == "every")
    slots: capture.CaptureState | None = None
    regions: tuple[Region, ...] = ()
    admitted = 0
    for seq, arrived in arrivals(source):
        # 1. capture: the pixels go into a slot of the ring; another size makes another ring.
        slots = slots_for(arrived.geometry, slots, camera.name, folder / f"frames.{seq}", epoch=seq)
        try:
            frame = capture.step(slots, seq, arrived, unix_offset_ns())
        except DecodeError:
            continue
        picture = slots.ring.picture(frame.slot)
        pixels = FramePixels(picture, arrived.geometry.pixel_format, (frame.height, frame.width))
        # 2. admission: which network sees the frame first.
        network = plan.first_pass(admitted, followed=bool(regions))
        admitted += 1
        while True:
            # 3. preprocess: the whole frame, or the crops that the regions ask for, as a tensor.
            seen = cut(network, pixels, regions)
            # 4. infer: the network runs on it.
            (look,) = infer(backends[network.name], [seen])
            # 5. postprocess: people found go into another pass; people posed get identities, and are done.
            match postprocess.step(people, frame, -1, look):
                case [AnotherPass(crops=crops)]:
                    network, regions = plan.pose, tuple(crops)
                case [Done(crops=crops), PosesReady() as poses]:
                    regions = tuple(crops)
                    break
        # 6. The slot is free again, and publish sends the message.
        slots.leased.clear()
        damaged = seq + 1 - admitted
        drops = {"undecodable": damaged} if damaged else {}
        account = Account(captured=seq + 1, published=admitted, drops=drops, people=0)
        yield Arrived(publish.step(poses, account, now_ns()), pixels)
