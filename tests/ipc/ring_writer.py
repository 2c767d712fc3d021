"""python -m tests.ipc.ring_writer RING: writes frames into the ring at full speed, for ever.

Every byte of frame `seq` is `value(seq)`, and it lies in slot `seq % slots`.
"""

import itertools
import sys
from pathlib import Path

from posestream.stream.ipc.ring import Ring


def value(seq: int) -> int:
    """The value of all bytes of frame `seq`."""
    return seq % 251


def main(path: Path) -> None:
    ring = Ring(path, writable=True)
    for seq in itertools.count():
        slot = seq % ring.layout.slots
        ring.begin(slot)[:] = value(seq)
        ring.commit(slot, seq)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
