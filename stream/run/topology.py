"""The topology of a run: its cameras, processes, endpoints and files. Plain data, made once, read by all processes.

A process is named after its module, and after its camera or number where there are several: `capture.cam0`,
`preprocess.0`, `infer`, `postprocess.0`, `publish`, `page`, `sink.0`.
"""

from pathlib import Path

import msgspec
from msgspec import Struct

from posestream.stream.config import Config
from posestream.stream.sources.redact import redact
from posestream.stream.sources.source import Policy

SUPERVISOR = "supervisor"
PROGRAM = "program"  # a user's program that started the run and reads its frames


class CameraSpec(Struct, frozen=True, kw_only=True):
    """A camera of the run.

    `source` is as the user typed it, with its credentials, which only the camera's capture receives.
    `independent_images`: each image is a scene of its own; the detector runs on every one and nobody is tracked.
    """

    name: str
    source: str
    policy: Policy
    independent_images: bool


class Topology(Struct, frozen=True, kw_only=True):
    """One run.

    `networks` maps the name of each network to its ONNX file, in the order of the plan's passes. `sinks` are output
    files. `program`: a user's program reads the frames, those of policy `every` one by one, each leased in its slot.
    `expects_gpu`: infer ran on a GPU before, and must not choose another device by itself.
    """

    run_dir: str
    config: Config
    cameras: tuple[CameraSpec, ...]
    networks: dict[str, str]
    endpoints: dict[str, str]
    sinks: tuple[str, ...] = ()
    program: bool = False
    expects_gpu: bool = False

    def camera(self, name: str) -> CameraSpec:
        """The camera of that name. Raises StopIteration where there is none."""
        return next(camera for camera in self.cameras if camera.name == name)

    @property
    def camera_names(self) -> tuple[str, ...]:
        """Names of the cameras, in the ledger's order."""
        return tuple(camera.name for camera in self.cameras)

    def worker(self, stage: str, camera: str) -> str:
        """The process of `stage` that handles `camera`."""
        workers: int = getattr(self.config, stage).workers
        return f"{stage}.{self.camera_names.index(camera) % workers}"

    def cameras_of(self, worker: str) -> tuple[CameraSpec, ...]:
        """The cameras that a process of preprocess or postprocess handles."""
        stage = worker.partition(".")[0]
        return tuple(camera for camera in self.cameras if self.worker(stage, camera.name) == worker)

    def workers(self, stage: str) -> tuple[str, ...]:
        """The processes of preprocess or postprocess: at most one a camera."""
        workers: int = getattr(self.config, stage).workers
        return tuple(f"{stage}.{i}" for i in range(min(workers, len(self.cameras))))

    @property
    def sink_names(self) -> tuple[str, ...]:
        """The sink processes, one an output file."""
        return tuple(f"sink.{i}" for i in range(len(self.sinks)))

    @property
    def processes(self) -> tuple[str, ...]:
        """All processes but the supervisor, in a frame's order."""
        captures = tuple(f"capture.{name}" for name in self.camera_names)
        page = () if self.config.page.address == "off" else ("page",)
        stages = (*self.workers("preprocess"), "infer", *self.workers("postprocess"), "publish")
        return (*captures, *stages, *self.sink_names, *page)

    def leaseholders(self, camera: str) -> tuple[str, ...]:
        """The processes, beside the stages, that must release a frame before its slot is free.

        Policy `latest`: none. Policy `every`, which loses nothing: the file sinks and the program, or without any
        publish, which releases the frame after sending it.
        """
        if self.camera(camera).policy == "latest":
            return ()
        return self.readers(camera) or ("publish",)

    def readers(self, camera: str) -> tuple[str, ...]:
        """The processes that receive each published message of a camera: file sinks, and for `every` the program."""
        program = (PROGRAM,) if self.program and self.camera(camera).policy == "every" else ()
        return (*self.sink_names, *program)

    @property
    def all_readers(self) -> tuple[str, ...]:
        """The processes that receive EndOfStream."""
        return (*self.sink_names, PROGRAM) if self.program else self.sink_names

    def with_publish_endpoint(self, endpoint: str) -> "Topology":
        """A copy with the endpoint that publish is bound to, so that a restart binds the same port."""
        publish = msgspec.structs.replace(self.config.publish, endpoint=endpoint)
        return msgspec.structs.replace(self, config=msgspec.structs.replace(self.config, publish=publish))

    # ---- files of the run

    def frame_ring(self, camera: str, epoch: int) -> Path:
        """The frame ring of a camera's epoch: capture writes it, preprocess reads it."""
        return Path(self.run_dir) / f"frames.{camera}.{epoch}"

    def tensor_ring(self, worker: str) -> Path:
        """The tensor ring of a preprocess worker, which writes it; infer reads it."""
        return Path(self.run_dir) / f"tensors.{worker}"

    def output_ring(self, worker: str) -> Path:
        """The output ring of a postprocess worker, which reads it; infer writes it."""
        return Path(self.run_dir) / f"outputs.{worker}"

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return Path(self.run_dir) / "ledger"

    @property
    def published(self) -> str:
        """The endpoint inside the run that publish also sends to, for the page and the program."""
        return self.endpoints["published"]

    def redacted_for(self, process: str) -> "Topology":
        """A copy without credentials, but for a capture those of its own source."""
        cameras = tuple(
            camera
            if process == f"capture.{camera.name}"
            else msgspec.structs.replace(camera, source=redact(camera.source))
            for camera in self.cameras
        )
        config = msgspec.structs.replace(self.config, cameras={})
        return msgspec.structs.replace(self, cameras=cameras, config=config)

    def encode(self) -> bytes:
        """JSON, for the standard input of a process."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, payload: bytes) -> "Topology":
        """The inverse of `encode`."""
        return msgspec.json.decode(payload, type=cls)
