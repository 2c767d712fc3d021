"""python -m tests.ipc.settler LEDGER CAMERA FATE FRAMES: settles frames 0, 1, … of a camera as fast as it can.

Prints "ready", waits for a line, settles, and prints the number of frames that it was the first to settle.
"""

import subprocess
import sys
from pathlib import Path

from posestream.stream.ipc.ledger import Ledger

CAMERAS = tuple(f"cam{i}" for i in range(16))


def main(path: Path, camera: str, fate: str, frames: int) -> None:
    ledger = Ledger(path, CAMERAS)
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum(ledger.settle(camera, seq, fate) for seq in range(frames)), flush=True)


def wait_until_ready(settler: "subprocess.Popen[str]") -> None:
    """Waits until a started settler has opened its ledger."""
    assert settler.stdout is not None
    assert settler.stdout.readline() == "ready\n"


def say_go(settler: "subprocess.Popen[str]") -> None:
    """Lets a settler settle."""
    assert settler.stdin is not None
    settler.stdin.write("go\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
