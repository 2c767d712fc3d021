"""The networks of a run on their device, between the rings that they read and those that they write, in place.

A network sees the tensors that preprocess made, or where `preprocess.device` is "cuda" the frames themselves, of which
the device cuts what the regions ask for. Either way nothing is copied here: a CPU's runtime reads and writes the rings,
a GPU copies from them and into them, whose pages it has locked.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from posestream.engines.backends.cpu_crops import CpuCropBackend
from posestream.engines.backends.gpu_options import GpuOptions
from posestream.engines.backends.load import load
from posestream.engines.backends.protocol import Backend, FromFrames, LocksPages
from posestream.engines.batches import Batch, FrameBatch
from posestream.engines.cuda.driver import gpus
from posestream.engines.exceptions import BackendError, DeviceLostError, NoGpuError, WeightsError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.store import cache
from posestream.stream.errors import RunError
from posestream.stream.ipc.frame_rings import FrameRings
from posestream.stream.ipc.messages import TensorsReady
from posestream.stream.ipc.ring import Ring
from posestream.stream.run.planning import plan_for
from posestream.stream.run.topology import Topology

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Room:
    """Where what is found for a job goes: `arrays` in a slot of the output ring of `worker`.

    `decoded`: they are keypoints in frame pixels, and not what the network gives.
    """

    worker: str
    slot: int
    arrays: Sequence[NDArray[Any]]
    decoded: bool


def step(backend: Backend, inputs: Sequence[NDArray[Any]], outputs: Sequence[Sequence[NDArray[Any]]]) -> None:
    """Runs one network over several batches, in place. Raises BackendError."""
    backend.run([Batch(images, results) for images, results in zip(inputs, outputs, strict=True)])


class Networks:
    """All networks of the plan. Not thread-safe."""

    def __init__(self, topology: Topology, busy_on_gpu: Callable[[], None]) -> None:
        """`busy_on_gpu` is called before what takes long on a GPU.

        Raises RunError where a network cannot be made ready, or none of them on the GPU that is expected.
        """
        self._config = topology.config
        self._busy_on_gpu = busy_on_gpu
        if topology.expects_gpu:
            _check_gpu()
        self._cuts = topology.config.preprocess.device == "cuda"
        self.backends = {name: self._load(find(name), Path(path)) for name, path in topology.networks.items()}
        self._cutters = {n: each for n, each in self.backends.items() if self._cuts and isinstance(each, FromFrames)}
        on_gpu = [backend for backend in self.backends.values() if backend.on_gpu]
        if topology.expects_gpu and not on_gpu:
            raise RunError("the GPU runs none of the networks any more")
        self._locker = next((backend for backend in on_gpu if isinstance(backend, LocksPages)), None)
        self._locked: set[Path] = set()
        self._refused = False
        writable = self._locker is not None  # pages that may only be read cannot be locked; nobody writes
        self._frames = FrameRings(topology.frame_ring, writable=writable, opened=self._lock, closing=self._unlock)
        self._tensors = {w: Ring(topology.tensor_ring(w), writable=writable) for w in topology.workers("preprocess")}
        self.outputs = {w: Ring(topology.output_ring(w), writable=True) for w in topology.workers("postprocess")}
        for ring in (*self._tensors.values(), *self.outputs.values()):
            self._lock(ring)

    def room(self, job: TensorsReady, worker: str, slot: int) -> Room:
        """Begins slot `slot` of the output ring of `worker`, for what will be found for a job."""
        backend, ring = self.backends[job.network], self.outputs[worker]
        dtypes = [output.dtype for output in backend.spec.outputs]
        decoded = False
        if cutter := self._cutters.get(job.network):
            shapes, decoded = cutter.frame_shapes(job.shape), cutter.decodes
        else:
            shapes = backend.output_shapes(job.shape)
        ring.begin(slot)
        return Room(worker, slot, ring.arrays(slot, ["float32"] if decoded else dtypes, shapes), decoded)

    def run(self, network: str, jobs: Sequence[TensorsReady], rooms: Sequence[Room]) -> None:
        """Runs one network over several jobs. Raises BackendError."""
        backend = self.backends[network]
        if cutter := self._cutters.get(network):
            cutter.run_frames([self._frame(backend, job, room) for job, room in zip(jobs, rooms, strict=True)])
            return
        dtype = backend.spec.input.tensor.dtype
        inputs = [self._tensors[job.worker].array(job.tensor_slot, dtype, job.shape) for job in jobs]
        step(backend, inputs, [room.arrays for room in rooms])

    def intact(self, job: TensorsReady) -> bool:
        """False where what the network saw was written over meanwhile."""
        if not self._cuts:
            return self._tensors[job.worker].intact(job.tensor_slot, job.tensor_generation)
        frame = job.frame
        try:
            return self._frames.of(frame.camera, frame.epoch).intact(frame.slot, frame.generation)
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Frees the device."""
        for backend in self.backends.values():
            backend.close()

    def _load(self, spec: ModelSpec, onnx_path: Path) -> Backend:
        run, infer = self._config.run, self._config.infer
        gpu = GpuOptions(
            infer.gpu,
            infer.batches,
            frames=self._cuts,
            decode=plan_for(self._config).views_per_person == 1,  # the mean of several views is one of outputs
            progress=lambda _phase, _done: self._busy_on_gpu(),
        )
        compiled = cache.directory() / "compiled"
        try:
            backend = load(spec, onnx_path, run.device, infer.threads, compiled, run.precision, gpu)
        except (BackendError, NoGpuError, ImportError, WeightsError) as error:
            raise RunError(str(error)) from error
        if self._cuts and not backend.on_gpu:
            log.warning('preprocess.device = "cuda": no GPU runs %s, so infer cuts its crops on the CPU', spec.name)
        return CpuCropBackend(backend) if self._cuts and not isinstance(backend, FromFrames) else backend

    def _frame(self, backend: Backend, job: TensorsReady, room: Room) -> FrameBatch:
        try:
            ring = self._frames.of(job.frame.camera, job.frame.epoch)
        except FileNotFoundError:  # the camera's picture changed its size, and these frames were given up
            raise BackendError(f"{job.frame.camera}: its frames of another size are gone") from None
        assert ring.layout.geometry is not None, f"{ring.path.name} holds no frames"
        picture, pixel_format = ring.picture(job.frame.slot), ring.layout.geometry.pixel_format
        return FrameBatch(picture, pixel_format, job.crops, backend.spec.input.image_hw(job.shape), room.arrays)

    def _lock(self, ring: Ring) -> None:
        """Has the device lock the pages of a ring; where that is refused copies are slower, which is said once."""
        if self._locker is None:
            return
        try:
            self._locker.lock(ring.memory)
        except DeviceLostError:
            raise
        except BackendError as error:
            if not self._refused:
                log.warning("frames are not page-locked, so copies to the GPU take longer: %s", error)
            self._refused = True
        else:
            self._locked.add(ring.path)

    def _unlock(self, ring: Ring) -> None:
        if self._locker is not None and ring.path in self._locked:
            self._locker.unlock(ring.memory)
            self._locked.remove(ring.path)


def _check_gpu() -> None:
    """Raises RunError where there is no GPU any more."""
    try:
        gpus()
    except NoGpuError as error:
        raise RunError(f"the GPU is gone: {error}") from None
