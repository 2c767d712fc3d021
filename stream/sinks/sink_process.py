"""The process of one output file: writes the samples that publish sends, and releases their frames."""

from pathlib import Path

from posestream.stream.ipc.messages import EndOfStream, FrameFacts, Released, Sample, Stop
from posestream.stream.run.process import Process
from posestream.stream.run.topology import Topology
from posestream.stream.sinks.sink import Sink, StartedFiles


def main(process: Process) -> None:
    """Runs until EndOfStream from publish or Stop from the supervisor.

    Raises RunError where the file cannot be written, after closing it.
    """
    topology = process.topology
    path = Path(topology.sinks[int(process.instance)])
    sink = open_sink(path, StartedFiles(Path(topology.run_dir) / f"{process.name}.started_files"), topology)
    process.ready(str(path))
    finished = False
    try:
        while not finished:
            for message in process.receive():
                match message:
                    case Sample(frame=frame, payload=payload):
                        sink.write(frame, payload)
                        _release(process, frame)
                        process.heartbeat()
                    case EndOfStream() | Stop():
                        finished = True
    finally:
        sink.close()


def open_sink(path: Path, started_files: StartedFiles, topology: Topology) -> Sink:
    """The sink for the suffix of `path`; see `check_output`."""
    if path.suffix == ".mp4":
        from posestream.stream.sinks.video import Video

        return Video(path, started_files, topology)
    from posestream.stream.sinks.jsonl import JsonLines

    return JsonLines(path, started_files)


def _release(process: Process, frame: FrameFacts) -> None:
    """Releases the frame, whose slot is leased for sinks under policy `every` alone."""
    if process.topology.camera(frame.camera).policy == "every":
        worker = process.topology.worker("preprocess", frame.camera)
        process.send(worker, Released(camera=frame.camera, epoch=frame.epoch, seq=frame.seq, by=process.name))
