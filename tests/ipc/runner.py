"""python -m tests.ipc.runner: a run that makes its folder, says where it is, and lives until its input ends."""

import sys

from stream.rundir import open_run_dir


def main() -> None:
    with open_run_dir() as folder:
        (folder / "frames.cam0.0").write_bytes(bytes(100))
        print(folder, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
