"""One frame's journey, top to bottom: what the processes of a run do, in one process, with the same step functions.

source -> capture -> preprocess -> infer -> postprocess -> publish
                         ^______________________|   the same frame again (crops), and regions for the next one
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from posestream.engines.backends.protocol import Backend
from posestream.engines.pixels import Preprocessor
from posestream.engines.plan import Region
from posestream.stream.clock import now_ns, unix_offset_ns
from posestream.stream.config import Config
from posestream.stream.ipc.ledger import Account
from posestream.stream.ipc.messages import Again, Done, PosesReady
from posestream.stream.ipc.ring import Layout, Ring
from posestream.stream.people.scene import Look, Scene
from posestream.stream.published import PoseMessage
from posestream.stream.run.planning import plan_for
from posestream.stream.run.topology import CameraSpec
from posestream.stream.sources.source import Source
from posestream.stream.stages.capture import capture
from posestream.stream.stages.infer import runner
from posestream.stream.stages.postprocess import postprocess
from posestream.stream.stages.preprocess import preprocess
from posestream.stream.stages.publish import publish


def journey(
    source: Source, camera: CameraSpec, config: Config, backends: Mapping[str, Backend], folder: Path
) -> Iterator[PoseMessage]:
    """The messages of all frames of an open source, until it ends; `folder` is where the frame ring may lie."""
    plan = plan_for(config, camera)
    preprocessors = {network.name: Preprocessor(network.input) for network in plan.networks}
    scene = Scene(plan, config, stills=camera.stills)
    people = postprocess.State(scene, by_source=camera.policy == "every")
    slots: capture.State | None = None
    regions: tuple[Region, ...] = ()
    seq = 0
    while (arrived := source.read()) is not None:
        # 1. capture: the pixels go into a slot of the ring; another size makes another ring.
        if slots is None or slots.ring.layout.geometry != arrived.geometry:
            layout = Layout(2, arrived.geometry.nbytes, seq, arrived.geometry)
            slots = capture.State(camera.name, Ring.create(folder / f"frames.{seq}", layout), credits=1)
        frame = capture.step(slots, seq, arrived, unix_offset_ns())
        picture = slots.ring.picture(frame.slot)
        # 2. admission: which network sees the frame first.
        network = plan.first_pass(seq, followed=bool(regions))
        while True:
            # 3. preprocess: the whole frame, or the crops that the regions ask for, as a tensor.
            shape = preprocess.shape_of(plan, network.input, regions, (frame.height, frame.width))
            tensor = np.empty(shape.tensor, network.input.tensor.dtype)
            pixel_format = arrived.geometry.pixel_format
            preprocess.cut(preprocessors[network.name], picture, pixel_format, shape.regions, tensor)
            # 4. infer: the network runs on it.
            backend = backends[network.name]
            sizes = backend.output_shapes(tensor.shape)
            outputs = [np.empty(size, spec.dtype) for size, spec in zip(sizes, network.outputs, strict=True)]
            runner.step(backend, [tensor], [outputs])
            # 5. postprocess: people found go into another pass; people posed get identities, and are done.
            look = Look(network.name, shape.regions, network.input.image_hw(shape.tensor), outputs)
            match postprocess.step(people, frame, -1, look):
                case [Again(crops=crops)]:
                    network, regions = plan.pose, tuple(crops)
                case [Done(crops=crops), PosesReady() as poses]:
                    regions = tuple(crops)
                    break
        # 6. The slot is free again, and publish sends the message.
        slots.leased.clear()
        seq += 1
        yield publish.step(poses, Account(captured=seq, published=seq, drops={}, people=0), now_ns())
