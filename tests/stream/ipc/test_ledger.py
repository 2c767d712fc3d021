"""The ledger: captured = published + dropped by reason + in flight, at any moment."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from posestream.stream.config import CaptureSettings, RunSettings
from posestream.stream.errors import RunError
from posestream.stream.ipc import ledger as module
from posestream.stream.ipc import shared_memory
from posestream.stream.ipc.ledger import DROP_REASONS, Account, Ledger, percentile_ms

CAMERAS = ("cam0", "cam1")
FATES = ("published", *DROP_REASONS)


@pytest.fixture
def ledger(shm: Path) -> Ledger:
    return Ledger.create(shm / "ledger", CAMERAS)


class Histories(RuleBasedStateMachine):
    """Cameras capture, stages settle, in any order and each frame perhaps several times."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(dir=shared_memory.place())
        path = Path(self.folder.name) / "ledger"
        self.processes = [Ledger.create(path, CAMERAS), Ledger(path, CAMERAS)]
        self.fates: dict[str, dict[int, str]] = {camera: {} for camera in CAMERAS}
        self.captured = dict.fromkeys(CAMERAS, 0)

    @rule(camera=st.sampled_from(CAMERAS), frames=st.integers(1, 5))
    def capture(self, camera: str, frames: int) -> None:
        self.captured[camera] += frames
        self.processes[0].count_captured(camera, self.captured[camera])

    @precondition(lambda self: any(self.captured.values()))
    @rule(data=st.data(), process=st.integers(0, 1), fate=st.sampled_from(FATES))
    def settle(self, data: st.DataObject, process: int, fate: str) -> None:
        camera = data.draw(st.sampled_from([camera for camera in CAMERAS if self.captured[camera]]))
        seq = data.draw(st.integers(0, self.captured[camera] - 1))
        is_first = seq not in self.fates[camera]
        assert self.processes[process].settle(camera, seq, fate) is is_first
        self.fates[camera].setdefault(seq, fate)

    @invariant()
    def balances(self) -> None:
        for camera, fates in self.fates.items():
            counts = {fate: list(fates.values()).count(fate) for fate in FATES if fate in fates.values()}
            published = counts.pop("published", 0)
            for process in self.processes:
                account = process.account(camera)
                assert account == Account(self.captured[camera], published, counts, 0)
                assert account.captured == account.published + account.dropped + account.in_flight
                assert process.unsettled(camera) == [n for n in range(self.captured[camera]) if n not in fates]
                assert len(process.unsettled(camera)) == account.in_flight

    def teardown(self) -> None:
        self.folder.cleanup()


TestHistories = Histories.TestCase


def test_an_unknown_fate_is_refused_and_changes_nothing(ledger: Ledger) -> None:
    ledger.count_captured("cam0", 1)
    with pytest.raises(ValueError, match="not in tuple"):
        ledger.settle("cam0", 0, "lost")
    assert ledger.account("cam0").in_flight == 1


def test_each_reason_for_a_drop_is_explained() -> None:
    assert all(reason.isidentifier() and explanation for reason, explanation in DROP_REASONS.items())


# ---- the window of remembered frames


def test_the_window_holds_the_longest_that_settings_allow_to_be_in_flight() -> None:
    rate_hz, timeout_ms = _greatest(CaptureSettings, "rate_hz"), _greatest(RunSettings, "in_flight_timeout_ms")
    assert rate_hz * timeout_ms / 1000 < module._WINDOW


def _greatest(section: type, key: str) -> float:
    return float(section.__annotations__[key].__metadata__[0].le)


def test_frames_are_settled_once_also_after_the_window_went_round(ledger: Ledger) -> None:
    window = module._WINDOW
    ledger.count_captured("cam0", 2 * window + 3)
    assert ledger.settle("cam0", 1, "published")
    assert ledger.settle("cam0", 1 + window, "replaced")
    assert ledger.settle("cam0", 1 + 2 * window, "published")
    assert [ledger.settle("cam0", 1 + turn * window, "timeout") for turn in range(3)] == [False] * 3
    assert ledger.account("cam0") == Account(2 * window + 3, 2, {"replaced": 1}, 0)


def test_unsettled_looks_back_one_window(ledger: Ledger) -> None:
    window = module._WINDOW
    ledger.count_captured("cam0", window + 10)
    for seq in range(window + 10):
        if seq not in (3, 12, window, window + 9):
            ledger.settle("cam0", seq, "replaced")
    assert ledger.unsettled("cam0") == [12, window, window + 9]


# ---- a process killed while it settled


REDO = ("redo_cell", "redo_count")


@pytest.mark.parametrize(
    "applied", [(), ("cells",), ("cells", "counts")], ids=["nothing", "its cell", "all but the end"]
)
def test_an_armed_redo_log_of_a_killed_process_is_applied_by_the_next(shm: Path, applied: tuple[str, ...]) -> None:
    """The death between "armed" and "disarmed", after each of the stores that lie between."""
    dying = Ledger.create(shm / "ledger", CAMERAS)
    dying.count_captured("cam0", 3)
    dying.settle("cam0", 0, "published")
    before = dying._blocks.copy()
    dying.settle("cam0", 1, "published")
    block, was = dying._blocks[0], before[0]
    for name in {"cells", "counts"} - set(applied):
        block[name] = was[name]
    block["redo_armed"] = 1

    next_one = Ledger(shm / "ledger", CAMERAS)
    assert next_one.account("cam0") == Account(3, 2, {}, 0)
    assert not next_one.settle("cam0", 1, "stage_lost")
    assert next_one.unsettled("cam0") == [2]


def test_an_unarmed_redo_log_of_a_killed_process_is_ignored(shm: Path) -> None:
    dying = Ledger.create(shm / "ledger", CAMERAS)
    dying.count_captured("cam0", 1)
    for name, value in zip(REDO, (module._pack(0, 0), 1), strict=True):
        dying._blocks[0][name] = value
    next_one = Ledger(shm / "ledger", CAMERAS)
    assert next_one.unsettled("cam0") == [0]
    assert next_one.settle("cam0", 0, "stage_lost")
    assert next_one.account("cam0") == Account(1, 0, {"stage_lost": 1}, 0)


# ---- figures


@given(st.lists(st.integers(1_000, 4_000_000_000_000), min_size=1, max_size=40), st.integers(1, 100))
def test_a_percentile_is_exact_to_half_a_bucket(latencies_ns: list[int], percent: int) -> None:
    with TemporaryDirectory(dir=shared_memory.place()) as folder:
        ledger = Ledger.create(Path(folder) / "ledger", CAMERAS)
        for latency_ns in latencies_ns:
            ledger.note_published("cam0", 0, latency_ns, {})
        measured = percentile_ms(ledger.latencies("cam0"), percent)
    exact = np.percentile(latencies_ns, percent, method="inverted_cdf") / 1e6
    assert measured == pytest.approx(exact, rel=2 ** (1 / 16) - 1)


def test_latencies_beyond_the_histogram_count_at_its_ends(ledger: Ledger) -> None:
    for latency_ns in (-5, 0, 10**18):
        ledger.note_published("cam0", 0, latency_ns, {})
    counts = ledger.latencies("cam0")
    assert (counts[0], counts[-1], counts.sum()) == (2, 1, 3)


def test_a_camera_that_published_nothing_has_no_percentile(ledger: Ledger) -> None:
    assert percentile_ms(ledger.latencies("cam0"), 50) is None


def test_figures_of_published_frames_are_those_of_their_camera(ledger: Ledger) -> None:
    ledger.note_published("cam1", 2, 5_000_000, {"capture": 1_000_000, "infer": 3_000_000})
    ledger.note_published("cam1", 4, 5_000_000, {"infer": 500_000})
    assert ledger.account("cam1").people == 4
    stages = ("capture", "preprocess", "infer", "postprocess", "publish")
    assert ledger.busy_ms("cam1") == {**dict.fromkeys(stages, 0.0), "capture": 1.0, "infer": 3.5}
    assert ledger.latencies("cam1").sum() == 2
    assert ledger.account("cam0").people == ledger.latencies("cam0").sum() == sum(ledger.busy_ms("cam0").values()) == 0


# ---- the page


def test_a_full_shared_memory_is_an_error_and_leaves_nothing(tiny_shm: Path) -> None:
    (tiny_shm / "others").write_bytes(bytes(1_000_000))
    with pytest.raises(RunError, match="no room for 1 MB of shared memory"):
        Ledger.create(tiny_shm / "ledger", CAMERAS)
    assert [path.name for path in tiny_shm.iterdir()] == ["others"]


def test_the_counts_outlive_their_process(shm: Path) -> None:
    first = Ledger.create(shm / "ledger", CAMERAS)
    first.count_captured("cam1", 9)
    first.settle("cam1", 4, "torn")
    first.close()
    assert Ledger(shm / "ledger", CAMERAS).account("cam1") == Account(9, 0, {"torn": 1}, 0)
