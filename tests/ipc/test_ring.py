"""The ring between processes that do not wait for each other."""

import time
from pathlib import Path

import numpy as np

from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.ipc.ring import Layout, Ring
from tests.ipc.conftest import Start
from tests.ipc.ring_writer import value

PATIENCE_S = 60.0
LARGE = Geometry(1280, 720, "bgr24")
SMALL = Geometry(320, 240, "bgr24")


def _newest(ring: Ring) -> int:
    return int(ring._seqs.max())


def test_no_copy_is_torn_while_the_writer_writes_at_full_speed(shm: Path, start: Start) -> None:
    ring = Ring.create(shm / "ring", Layout(3, LARGE.nbytes, geometry=LARGE))
    reader = Ring(shm / "ring", writable=False)
    start("tests.ipc.ring_writer", shm / "ring")
    whole = overtaken = 0
    deadline = time.monotonic() + PATIENCE_S
    while (whole < 200 or overtaken < 10) and time.monotonic() < deadline:
        seq = _newest(ring) - 1  # not the newest: the writer is about to come round to this one
        found = reader.find(seq)
        copy = reader.copy(seq)
        if copy is None:
            overtaken += found is not None
        elif seq > 0:
            whole += 1
            assert np.all(copy == value(seq))
    assert (whole >= 200, overtaken >= 10) == (True, True), f"{whole} whole copies, {overtaken} overtaken"


def test_a_ring_survives_the_sudden_death_of_its_writer(shm: Path, start: Start) -> None:
    ring = Ring.create(shm / "ring", Layout(2, SMALL.nbytes, geometry=SMALL))
    for _ in range(5):
        before = ring._generations.copy()
        writer = start("tests.ipc.ring_writer", shm / "ring")
        deadline = time.monotonic() + PATIENCE_S
        while not np.all(ring._generations > before + 20) and time.monotonic() < deadline:
            pass
        writer.kill()
        writer.wait()
        told = ring._generations.copy()
        assert np.all(told > before)

        next_writer = Ring(shm / "ring", writable=True)
        for slot in range(2):
            if told[slot] % 2 == 0:  # it was left whole
                assert np.all(ring.picture(slot) == value(int(ring._seqs[slot])))
            next_writer.begin(slot)[:] = 7
            generation = next_writer.commit(slot, 10**6 + slot)
            assert generation > told[slot]
            assert generation % 2 == 0
            assert ring.find(10**6 + slot) == (slot, generation)
        ring._seqs[:] = 0
