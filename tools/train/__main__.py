"""Trains a network of the literature on a handful of images: `python -m tools.train --architecture NAME`."""

import os
import sys

from tools.optional_packages import MissingPackageError, need


def _main() -> int:
    try:
        need("torch", "pytorch_lightning", "onnxscript")
    except MissingPackageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # equal results on a GPU
    from tools.train.train_command import main

    return main()


if __name__ == "__main__":
    sys.exit(_main())
