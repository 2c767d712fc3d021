"""A run made ready: its folder in shared memory, and the topology that its processes are started from."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from posestream.stream.config import Config
from posestream.stream.ipc import sockets
from posestream.stream.run import run_folder
from posestream.stream.run.topology import PROGRAM, SUPERVISOR, CameraSpec, Topology


@contextlib.contextmanager
def prepared(
    settings: Config,
    cameras: tuple[CameraSpec, ...],
    networks: Mapping[str, str],
    outputs: Sequence[str] = (),
    *,
    program: bool = False,
) -> Iterator[Topology]:
    """The topology of a new run, whose folder goes at the end.

    `networks` are the ONNX files of the plan's networks by name, `outputs` the files of its sinks. With `program`, the
    program that began the run reads its frames.
    """
    with run_folder.open_run_dir() as folder:
        bare = Topology(
            run_dir=str(folder),
            config=settings,
            cameras=cameras,
            networks=dict(networks),
            endpoints={},
            sinks=tuple(outputs),
            program=program,
        )
        names = (*bare.processes, SUPERVISOR, PROGRAM, "published")
        yield msgspec.structs.replace(bare, endpoints=sockets.endpoints(names, folder))
