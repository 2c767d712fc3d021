"""Which processes a run consists of, and who talks to whom: plain data, made once, read by all.

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
PROGRAM = "program"  # that began the run, where it reads the frames itself


class CameraSpec(Struct, frozen=True, kw_only=True):
    """A camera of the run. `source` is what the user typed, credentials included: they go to its capture alone.

    `independent_images` says that each image is a scene of its own: people are looked for in every one and nobody is followed.
    """

    name: str
    source: str
    policy: Policy
    independent_images: bool


class Topology(Struct, frozen=True, kw_only=True):
    """One run. `networks` maps the name of each network to its ONNX file, in the order of the plan's passes.

    `program`: a program began the run, and reads its frames: those of `every` one by one, each in its slot.
    `expects_gpu`: infer ran on a GPU before, and may not go on elsewhere of its own accord.
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
        """The camera of that name."""
        return next(camera for camera in self.cameras if camera.name == name)

    @property
    def camera_names(self) -> tuple[str, ...]:
        """In the order of the ledger."""
        return tuple(camera.name for camera in self.cameras)

    def worker(self, stage: str, camera: str) -> str:
        """The process of `stage` that `camera` belongs to."""
        workers: int = getattr(self.config, stage).workers
        return f"{stage}.{self.camera_names.index(camera) % workers}"

    def cameras_of(self, worker: str) -> tuple[CameraSpec, ...]:
        """The cameras that belong to a process of preprocess or postprocess."""
        stage = worker.partition(".")[0]
        return tuple(camera for camera in self.cameras if self.worker(stage, camera.name) == worker)

    def workers(self, stage: str) -> tuple[str, ...]:
        """The processes of a stage that has several."""
        workers: int = getattr(self.config, stage).workers
        return tuple(f"{stage}.{i}" for i in range(min(workers, len(self.cameras))))

    @property
    def sink_names(self) -> tuple[str, ...]:
        """A process for each output file."""
        return tuple(f"sink.{i}" for i in range(len(self.sinks)))

    @property
    def processes(self) -> tuple[str, ...]:
        """All processes but the supervisor, in the order of the frame's way."""
        captures = tuple(f"capture.{name}" for name in self.camera_names)
        page = () if self.config.page.address == "off" else ("page",)
        stages = (*self.workers("preprocess"), "infer", *self.workers("postprocess"), "publish")
        return (*captures, *stages, *self.sink_names, *page)

    def leaseholders(self, camera: str) -> tuple[str, ...]:
        """Who must let go of a frame's pixels before its slot is free again.

        `latest` waits for nobody outside the stages. `every` loses nothing: it waits for the file sinks and the
        program, or, where there are none, until publish has sent the frame.
        """
        if self.camera(camera).policy == "latest":
            return ()
        return self.readers(camera) or ("publish",)

    def readers(self, camera: str) -> tuple[str, ...]:
        """Who is given each published message of a camera: the file sinks; of a file also the program."""
        program = (PROGRAM,) if self.program and self.camera(camera).policy == "every" else ()
        return (*self.sink_names, *program)

    @property
    def all_readers(self) -> tuple[str, ...]:
        """Who is to know when nothing more is published."""
        return (*self.sink_names, PROGRAM) if self.program else self.sink_names

    def with_publish_endpoint(self, endpoint: str) -> "Topology":
        """The same with the endpoint that publish got: a port that the system chose stays the same after a restart."""
        publish = msgspec.structs.replace(self.config.publish, endpoint=endpoint)
        return msgspec.structs.replace(self, config=msgspec.structs.replace(self.config, publish=publish))

    # ---- files of the run

    def frame_ring(self, camera: str, epoch: int) -> Path:
        """The ring of a camera's frames."""
        return Path(self.run_dir) / f"frames.{camera}.{epoch}"

    def tensor_ring(self, worker: str) -> Path:
        """The ring that a preprocess worker writes and infer reads."""
        return Path(self.run_dir) / f"tensors.{worker}"

    def output_ring(self, worker: str) -> Path:
        """The ring that infer writes and a postprocess worker reads."""
        return Path(self.run_dir) / f"outputs.{worker}"

    @property
    def ledger(self) -> Path:
        """The page of counters."""
        return Path(self.run_dir) / "ledger"

    @property
    def published(self) -> str:
        """Where publish also sends, for consumers of the run's own: they need not know the public endpoint."""
        return self.endpoints["published"]

    def redacted_for(self, process: str) -> "Topology":
        """What a process is told: everything but passwords, of which a capture knows that of its own source."""
        cameras = tuple(
            camera
            if process == f"capture.{camera.name}"
            else msgspec.structs.replace(camera, source=redact(camera.source))
            for camera in self.cameras
        )
        config = msgspec.structs.replace(self.config, cameras={})
        return msgspec.structs.replace(self, cameras=cameras, config=config)

    def encode(self) -> bytes:
        """For the standard input of a process."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, payload: bytes) -> "Topology":
        """The inverse of `encode`."""
        return msgspec.json.decode(payload, type=cls)
