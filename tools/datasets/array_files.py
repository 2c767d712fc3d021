"""Named arrays of a `.mat`, `.h5` or `.npz` file, and the structures of Matlab."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.datasets import DatasetError
from tools.optional_packages import need

HDF5 = (".h5", ".hdf5")


def read(path: Path) -> dict[str, NDArray[Any]]:
    """All numeric arrays of the file, by name. Raises DatasetError where it cannot be read or is another format.

    Those of a `.mat` that Matlab wrote as HDF5 have their axes as Matlab shows them, not as HDF5 does.
    """
    found = _read(path)
    return {name: value for name, value in found.items() if np.issubdtype(value.dtype, np.number)}


def matlab(path: Path, wanted: str) -> Any:
    """A variable of a `.mat` with its structures as objects: fields are attributes, single cells are unpacked."""
    import scipy.io

    try:
        content = scipy.io.loadmat(path, struct_as_record=False, squeeze_me=True, variable_names=[wanted])
    except NotImplementedError:
        raise DatasetError(
            f"{path}: saved with -v7.3: save it with -v7 in Matlab, or take the published file"
        ) from None
    except Exception as error:  # noqa: BLE001  # scipy raises what it meets, a damaged file can be anything
        raise DatasetError(f"{path}: cannot be read as a .mat: {_told(error)}") from None
    if wanted not in content:
        raise DatasetError(f"{path}: it has no variable {wanted}: it is another file")
    return content[wanted]


def several(value: Any) -> list[Any]:
    """What Matlab keeps in a structure array, whether there are many, one or none."""
    if value is None or (isinstance(value, np.ndarray) and not value.size):
        return []
    return list(value.ravel()) if isinstance(value, np.ndarray) else [value]


def field(structure: Any, name: str) -> Any:
    """A field of a structure, None where it is absent or empty."""
    value = getattr(structure, name, None)
    return None if isinstance(value, np.ndarray) and not value.size else value


def _read(path: Path) -> Mapping[str, NDArray[Any]]:
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such file")
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as content:
                return dict(content)
        if path.suffix in HDF5:
            return _hdf5(path)
        if path.suffix == ".mat":
            return _mat(path)
    except Exception as error:  # noqa: BLE001  # three libraries, each with errors of its own for a damaged file
        raise DatasetError(f"{path}: cannot be read as {path.suffix}: {_told(error)}") from None
    raise DatasetError(f"{path}: {path.suffix or 'no extension'}: expected .h5, .mat or .npz")


def _mat(path: Path) -> dict[str, NDArray[Any]]:
    import scipy.io

    try:
        content = scipy.io.loadmat(path)
    except NotImplementedError:
        return {name: value.T for name, value in _hdf5(path).items()}
    return {name: value for name, value in content.items() if isinstance(value, np.ndarray)}


def _hdf5(path: Path) -> dict[str, NDArray[Any]]:
    need("h5py")
    import h5py

    with h5py.File(path) as content:
        return {name: np.asarray(value[()]) for name, value in content.items() if isinstance(value, h5py.Dataset)}


def _told(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
