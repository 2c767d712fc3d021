"""python -m tests.ipc.runner PLACE: a run that makes its folder there, prints it, and lives until its input ends."""

import sys
from pathlib import Path

from posestream.stream.ipc import shared_memory
from posestream.stream.run import run_folder


def main(place: Path) -> None:
    shared_memory.place = lambda: place  # other runs on this machine reclaim as well
    with run_folder.open_run_dir() as folder:
        (folder / "frames.cam0.0").write_bytes(bytes(100))
        print(folder, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
