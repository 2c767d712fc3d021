"""The ledger between processes: the first to settle a frame decides, and a kill at any moment leaves it in balance."""

import time
from pathlib import Path
from random import Random

from posestream.stream.ipc.ledger import DROP_REASONS, Ledger
from tests.ipc.conftest import Start
from tests.ipc.settler import CAMERAS, say_go, wait_until_ready

PATIENCE_S = 60.0
FATES = ("published", *DROP_REASONS)
FRAMES = 32_000


def test_each_frame_has_one_winner_when_processes_race(shm: Path, start: Start) -> None:
    ledger = Ledger.create(shm / "ledger", CAMERAS)
    ledger.count_captured("cam0", 3000)
    fates = ("published", "timeout", "stage_lost", "published")
    settlers = [start("tests.ipc.settler", shm / "ledger", "cam0", fate, 3000) for fate in fates]
    for settler in settlers:
        wait_until_ready(settler)
    for settler in settlers:
        say_go(settler)
    firsts = [int(settler.communicate(timeout=PATIENCE_S)[0]) for settler in settlers]
    assert sum(firsts) == 3000
    account = ledger.account("cam0")
    assert account.published == firsts[0] + firsts[3]
    assert account.drops == {reason: n for reason, n in zip(fates[1:3], firsts[1:3], strict=True) if n}
    assert account.in_flight == len(ledger.unsettled("cam0")) == 0


def test_a_process_killed_while_it_settles_loses_and_doubles_nothing(shm: Path, start: Start) -> None:
    ledger = Ledger.create(shm / "ledger", CAMERAS)
    random = Random(2)
    settlers = {}
    for i, camera in enumerate(CAMERAS):
        ledger.count_captured(camera, FRAMES)
        settlers[camera] = start("tests.ipc.settler", shm / "ledger", camera, FATES[i % len(FATES)], FRAMES)
    for i, (camera, settler) in enumerate(settlers.items()):
        wait_until_ready(settler)
        say_go(settler)
        enough = random.randint(1, 3000)
        counts, fate = ledger._blocks[i]["counts"], i % len(FATES)
        deadline = time.monotonic() + PATIENCE_S
        while counts[fate] < enough and time.monotonic() < deadline:
            pass
        settler.kill()
        settler.wait()

        settled = FRAMES - len(ledger.unsettled(camera))
        assert settled >= enough
        assert ledger.unsettled(camera) == list(range(settled, FRAMES))
        assert [int(n) for n in counts] == [settled if n == fate else 0 for n in range(len(FATES))]
        assert not ledger.settle(camera, settled - 1, "stopped")
        assert ledger.settle(camera, settled, "stopped")
        assert ledger.account(camera).in_flight == FRAMES - settled - 1
