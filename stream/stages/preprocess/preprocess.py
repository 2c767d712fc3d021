"""preprocess: admits frames and turns them, or the crops that regions ask for, into the tensors of a network.

Who is admitted when is decided in `stream.stages.preprocess.admission`; here pixels are moved: from the slot of a
frame, which stays leased meanwhile, through a warp and a normalisation into a slot of the tensor ring. Where
`preprocess.device` is "cuda" no pixel is touched: infer cuts the same regions on the device, from the same slot, and
the slot of the tensor ring only counts how many frames are under way.
"""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
from numpy.typing import NDArray

from posestream.engines.geometry import views_of, whole_frame
from posestream.engines.pixels import Preprocessor
from posestream.engines.plan import Plan, Region
from posestream.engines.spec import Fit, InputSpec
from posestream.stream.ipc.clock import now_ns
from posestream.stream.ipc.frame_rings import FrameRings
from posestream.stream.ipc.messages import Abandoned, Stop, TensorFree, TensorsReady
from posestream.stream.ipc.ring import Ring
from posestream.stream.run.planning import plan_for
from posestream.stream.run.process import Process
from posestream.stream.stages.preprocess.admission import Action, AdmissionState, Cut, Drop, Lane, Send, step

log = logging.getLogger(__name__)


class Shape(NamedTuple):
    """What one call of a network gets: the shape of its tensor, and the region that each image of it shows."""

    tensor: tuple[int, ...]
    regions: tuple[Region, ...]


def shape_of(plan: Plan, spec: InputSpec, regions: Sequence[Region], frame_hw: tuple[int, int]) -> Shape:
    """The batch for a network: every view of `regions` that the plan asks for, or the whole frame."""
    if spec.fit is Fit.CROP:
        assert spec.size_hw is not None, f"{spec.tensor.name}: crops need a fixed size"
        size_hw = spec.size_hw
        regions = views_of(regions, plan)
    else:
        whole, size_hw = whole_frame(spec, frame_hw)
        regions = [whole]
    return Shape((len(regions), *spec.image_shape(size_hw)), tuple(regions))


def cut(
    preprocessor: Preprocessor, picture: NDArray[Any], pixel_format: Any, regions: Sequence[Region], out: NDArray[Any]
) -> None:
    """Fills `out`, an image a region, from the frame's pixels; `picture` as `Ring.picture` gives it, only read."""
    for region, image in zip(regions, out, strict=True):
        preprocessor(picture, pixel_format, region, image)


def main(process: Process) -> None:
    """Runs the stage."""
    cv2.setNumThreads(1)  # a warp takes less than a millisecond: more threads would only take cores from inference
    loop = _Loop(process)
    process.ready()
    stopped = False
    while not stopped:
        messages = process.receive()
        for action in step(loop.state, messages, now_ns()):
            loop.act(action)
        stopped = any(isinstance(message, Stop) for message in messages)


class _Loop:
    """Between admission and the rings."""

    def __init__(self, process: Process) -> None:
        topology = process.topology
        self.process = process
        self.tensors = Ring(topology.tensor_ring(process.name), writable=True)
        self.frames = FrameRings(topology.frame_ring)
        self.cuts = topology.config.preprocess.device == "cpu"
        lanes = {
            camera.name: Lane(
                camera.name,
                plan_for(topology.config, camera),
                topology.worker("postprocess", camera.name),
                topology.leaseholders(camera.name),
            )
            for camera in topology.cameras_of(process.name)
        }
        timeout_ns = topology.config.run.in_flight_timeout_ms * 1_000_000
        self.state = AdmissionState(lanes, list(range(self.tensors.layout.slots)), timeout_ns)
        self.preprocessors = {
            network.name: Preprocessor(network.input) for lane in lanes.values() for network in lane.plan.networks
        }

    def act(self, action: Action) -> None:
        match action:
            case Cut():
                self._cut(action)
            case Send(to=to, message=message):
                self.process.send(to, message)
            case Drop(camera=camera, seq=seq, reason=reason):
                self.process.ledger.settle(camera, seq, reason)

    def _cut(self, wanted: Cut) -> None:
        began_ns = now_ns()
        frame, network = wanted.frame, wanted.network
        plan = self.state.lanes[frame.camera].plan
        shape = shape_of(plan, network.input, wanted.crops, (frame.height, frame.width))
        self.tensors.begin(wanted.slot)
        reason = self._fill(wanted, shape) if self.cuts else ""
        self.state.lent[wanted.slot] = generation = self.tensors.commit(wanted.slot, frame.seq)
        if reason:
            self._give_up(wanted, generation, reason)
            return
        ended_ns = now_ns()
        self.process.send(
            "infer",
            TensorsReady(
                frame=frame.passed("preprocess", ended_ns, ended_ns - began_ns),
                network=network.name,
                after=wanted.after,
                deadline_ns=wanted.deadline_ns,
                worker=self.process.name,
                tensor_slot=wanted.slot,
                tensor_generation=generation,
                shape=shape.tensor,
                crops=list(shape.regions),
            ),
        )

    def _fill(self, wanted: Cut, shape: Shape) -> str:
        """Cuts the regions into the slot of the tensor ring; says why the frame cannot be used, or ""."""
        frame, network = wanted.frame, wanted.network
        try:
            out = self.tensors.array(wanted.slot, network.input.tensor.dtype, shape.tensor)
        except ValueError as error:
            log.error("%s: dropped a frame of %dx%d: %s", frame.camera, frame.width, frame.height, error)
            return "failed"
        ring = self.frames.of(frame.camera, frame.epoch)
        pixel_format = ring.layout.geometry.pixel_format if ring.layout.geometry else ""
        cut(self.preprocessors[network.name], ring.picture(frame.slot), pixel_format, shape.regions, out)
        return "" if ring.intact(frame.slot, frame.generation) else "torn"

    def _give_up(self, wanted: Cut, generation: int, reason: str) -> None:
        frame = wanted.frame
        abandoned = Abandoned(camera=frame.camera, epoch=frame.epoch, seq=frame.seq, after=wanted.after, reason=reason)
        free = TensorFree(slot=wanted.slot, generation=generation)
        for action in step(self.state, [free, abandoned], now_ns()):
            self.act(action)
