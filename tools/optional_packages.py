"""Packages that some tools need and posestream does without: where one is missing, one line says what to install."""

import importlib.util
from collections.abc import Mapping
from types import MappingProxyType

EXTRAS: Mapping[str, str] = MappingProxyType(
    {
        "h5py": "evaluate",
        "pyarrow": "evaluate",
        "matplotlib": "evaluate",
        "torch": "train",
        "onnxscript": "train",
        "pytorch_lightning": "train",
        "psutil": "dev",
    }
)
"""By the name that is imported: the extra of pyproject.toml that brings it."""


class MissingPackageError(Exception):
    """A package is not installed; the message is one line that says how to install it."""


def need(*names: str) -> None:
    """Raises MissingPackageError for the first of these packages that is not installed. Imports none of them."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            install = f".venv/bin/pip install -e '.[{EXTRAS[name]}]'"
            raise MissingPackageError(f"this needs {name}, which is not installed: {install}")
