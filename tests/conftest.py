"""What all tests share: property tests try the same cases in every run, and take the time they need."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from xdist.scheduler import LoadScopeScheduling

from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.download.fetch import adopt, is_cached

PHASES = [Phase.explicit, Phase.generate, Phase.shrink]  # to explain a failure it traces every line, for minutes
settings.register_profile("posestream", derandomize=True, deadline=None, database=None, phases=PHASES)
settings.load_profile("posestream")

# A shell that starts the tests in the background has them ignore Ctrl-C, which every program they start inherits: those
# that a test ends with Ctrl-C would never end.
signal.signal(signal.SIGINT, signal.default_int_handler)

# nohup has the tests ignore that the terminal closes, which every program they start inherits and honours. A handler is
# not inherited: the tests themselves go on, and what they start is as a user's terminal starts it. Where several
# processes share the tests, that is so of them too, who end with the one that started them.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN or "PYTEST_XDIST_WORKER" in os.environ:
    signal.signal(signal.SIGHUP, lambda *_: None)

# Whole runs: beside one another they would see each other's folders in shared memory, and those of killed runs. Where
# tests are dealt out to several workers, one has all of these, and begins with them, for they take longest.
RUNS = (
    "ipc",
    "gpu",
    "webcam",
    "test_readme.py",
    "test_packaging.py",
    "tools/evaluate/test_live_run.py",
    "tools/test_benchmark.py",
    "tools/test_gpu_check",
)

MODELS = Path(__file__).parents[2] / "shared" / "data" / "models"


@pytest.fixture(scope="session", autouse=True)
def weights_beside_the_repository() -> None:
    """Takes FastestDet from beside the repository, where it lies there: its URL is not reached from everywhere."""
    source = find("fastestdet").source
    given = MODELS / source.files[0].path
    if given.is_file() and not is_cached(source):
        adopt(source, given)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Gives each file, for its fixtures, and all whole runs together, to one worker."""
    return _Dealer(config, log)


class _Dealer(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0].removeprefix("tests/")
        return "runs" if file.startswith(RUNS) else file
