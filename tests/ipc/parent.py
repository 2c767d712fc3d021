"""python -m tests.ipc.parent FOLDER: a supervisor with one child, whose process id it prints; then it waits."""

import sys
from pathlib import Path

from tests.ipc.stage_run import StageRun


def main(folder: Path) -> None:
    with StageRun(folder) as run:
        child = run.started("publish")
        assert child.popen is not None
        print(child.popen.pid, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
