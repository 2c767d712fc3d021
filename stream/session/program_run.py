"""`run`: the processes of a run, begun and ended by a `with` block of the user's program, which reads their frames.

Frames of files come one by one, each leased in its slot until the program asks for the next one, as for a file sink;
those of cameras come over the stream, as for any subscriber.
"""

import contextlib
import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias, Unpack

import zmq

from posestream.stream.client import Mailbox
from posestream.stream.config import Config
from posestream.stream.errors import ConfigError
from posestream.stream.ipc.messages import EndOfStream, FrameFacts, Released, Sample
from posestream.stream.ipc.sockets import Inbox, Outboxes
from posestream.stream.poses import Frame, Picture
from posestream.stream.published import CameraState, pose_decoder
from posestream.stream.run import run_folder
from posestream.stream.run.keywords import Keywords, settings_of
from posestream.stream.run.topology import PROGRAM, CameraSpec
from posestream.stream.run.weights import network_files
from posestream.stream.session.camera_specs import named_cameras
from posestream.stream.session.prepare import prepared
from posestream.stream.session.supervision import Supervision
from posestream.stream.subscription import Frames

if TYPE_CHECKING:
    from posestream.stream.drawing.pictures import FrameReader

Source: TypeAlias = str | int | Path
LOOK_MS = 100  # how often it is seen whether the run is over ...
END_LOOKS = 10  # ... and then, where publish could not say that it has sent all, whether anything is on its way

log = logging.getLogger(__name__)


def run(
    sources: Source | Sequence[Source] | Mapping[str, Source],
    *,
    config: str | Path | None = None,
    output: Sequence[str | Path] = (),
    **keywords: Unpack[Keywords],
) -> "Run":
    """Tracks people in cameras and files, by the processes of `posestream run`, which live as long as the block.

        with ps.run({"door": "rtsp://192.0.2.7/stream1", "yard": 0}, model="movenet-thunder") as run:
            for frame in run:
                print(frame.camera, frame.poses.xy.shape)

    `sources` is a source as on the command line (a webcam's number, an RTSP or HTTP URL, a video, an image, a folder of
    images, "demo"), several, or several by name. `config` is a file of settings, `output` are files to write as well
    (.jsonl, .mp4). Keywords are the long flags of `posestream run`; `settings` takes all others, by "section.key".
    There is no page, and poses are published to this program alone, unless `page` and `publish` say otherwise.

    Raises ConfigError for a source or setting that is wrong, WeightsError where a network cannot be had; entering the
    block raises RunError where the run cannot start.
    """
    settings = settings_of({"page": "off", "publish": "tcp://127.0.0.1:*", **keywords}, config)
    cameras = named_cameras({name: str(source) for name, source in _by_name(sources).items()})
    if not cameras:
        raise ConfigError('run: name a source, such as 0 for the first webcam, or "demo"')
    outputs = [str(Path(each).resolve()) for each in output]
    if outputs:
        from posestream.stream.sinks.sink import check_output

        for each in outputs:
            check_output(Path(each))
    return Run(settings, cameras, network_files(settings, log.info), outputs)


def _by_name(sources: Source | Sequence[Source] | Mapping[str, Source]) -> Mapping[str, Source]:
    if isinstance(sources, Mapping):
        return sources
    several = [sources] if isinstance(sources, str | int | Path) else sources
    return {f"cam{i}": source for i, source in enumerate(several)}


class Run:
    """A run while its block lasts; iterating gives its frames, of cameras the newest, of files every one in order.

    Iterating ends when all sources have ended. It raises RunError where the run cannot go on. Not thread-safe.
    """

    def __init__(
        self, settings: Config, cameras: tuple[CameraSpec, ...], networks: Mapping[str, str], outputs: Sequence[str]
    ) -> None:
        self._settings, self._cameras, self._networks, self._outputs = settings, cameras, networks, outputs
        self._block = contextlib.ExitStack()
        self._frames = Frames()
        self._samples: deque[Sample] = deque()
        self._leased: FrameFacts | None = None
        self._ended = False
        self._takers = deque([self._take_published, self._take_leased])
        self._pictures: FrameReader | None = None

    def __enter__(self) -> Self:
        """Starts the processes, and returns once all are ready. Raises RunError where they cannot be."""
        for dead in run_folder.reclaim():
            log.info("removed what a dead run left behind: %s", dead)
        with contextlib.ExitStack() as block:
            topology = block.enter_context(
                prepared(self._settings, self._cameras, self._networks, self._outputs, program=True)
            )
            self._topology = topology
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
            block.callback(context.destroy, linger=0)
            self._inbox = Inbox(context, topology.endpoints[PROGRAM])
            self._outboxes = Outboxes(context, topology.endpoints)
            self._mailbox = Mailbox(None, states=True, latest=True)
            self._socket = context.socket(zmq.SUB)
            self._socket.setsockopt(zmq.RECONNECT_IVL, 10)
            self._mailbox.connect(self._socket, topology.published)
            self._poller = zmq.Poller()
            for socket in (self._inbox.socket, self._socket):
                self._poller.register(socket, zmq.POLLIN)
            self._supervision = Supervision(topology)
            block.callback(self._supervision.stop)
            self._supervision.start()
            self._block = block.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stops the processes. Raises RunError where the run failed and the block did not."""
        self.close()
        if kind is None:
            self._supervision.raise_failure()

    def close(self) -> None:
        """Stops the processes, within 1.5 s, and frees shared memory; may be called twice."""
        if self._pictures is not None:
            self._pictures.close()
            self._pictures = None
        self._block.close()

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras."""
        return tuple(camera.name for camera in self._cameras)

    @property
    def states(self) -> Mapping[str, CameraState]:
        """The state of each camera, as far as it was heard."""
        return self._frames.states

    @property
    def endpoint(self) -> str:
        """Where other programs can subscribe to this run, with `subscribe`."""
        return self._supervision.endpoint

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        """The next frame. Raises StopIteration after the last one, RunError where the run failed."""
        self._release()
        patience = END_LOOKS
        while patience:
            self._read()
            self._takers.rotate()  # so that neither cameras nor files starve the others
            for take in self._takers:
                if (frame := take()) is not None:
                    return frame
            if self._supervision.over:  # what it sent last may be on its way still
                patience = 0 if self._ended else patience - 1
            self._poller.poll(LOOK_MS)
        self._supervision.raise_failure()
        raise StopIteration

    def image(self, frame: Frame) -> Picture | None:
        """The picture of a frame of this run, (H, W, 3) uint8 BGR, the caller's own.

        None where it was overwritten: a camera's picture stays for some frames, a file's until the next frame is
        asked for.
        """
        if self._pictures is None:
            from posestream.stream.drawing.pictures import FrameReader

            self._pictures = FrameReader(self._topology.frame_ring)
        return self._pictures.copy(frame.camera, frame.raw.epoch, frame.seq)

    # ---- what comes

    def _read(self) -> None:
        """Takes in all that has come."""
        while self._socket.poll(0):
            self._mailbox.put(self._socket.recv_multipart())
        for message in self._inbox.drain():
            match message:
                case Sample():
                    self._samples.append(message)
                case EndOfStream():
                    self._ended = True
                case _:
                    pass

    def _take_published(self) -> Frame | None:
        while (message := self._mailbox.take()) is not None:
            frame = self._frames.of(message)
            if frame is not None and self._topology.camera(frame.camera).policy == "latest":
                return frame
        return None

    def _take_leased(self) -> Frame | None:
        if not self._samples:
            return None
        sample = self._samples.popleft()
        self._leased = sample.frame
        return self._frames.of(pose_decoder.decode(sample.payload))

    def _release(self) -> None:
        """Frees the slot of the frame that the program had until now."""
        if (frame := self._leased) is None:
            return
        self._leased = None
        worker = self._topology.worker("preprocess", frame.camera)
        self._outboxes.send(worker, Released(camera=frame.camera, epoch=frame.epoch, seq=frame.seq, by=PROGRAM))
