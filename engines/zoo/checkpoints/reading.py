"""Reads the tensors of a checkpoint: PyTorch's (.pth, .pt, .tar, .ckpt) or a plain .npz."""

import pickle
import zipfile
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from posestream.engines.exceptions import WrongWeightsError

Tensors: TypeAlias = dict[str, Tensor]

_INSIDE = ("state_dict", "model", "network")  # keys under which trainers save the tensors, beside the optimizer's
_WRAPPERS = ("module.",)  # prefixes of every name, from training on several GPUs


def read(path: Path) -> Tensors:
    """All tensors by name; no code in the file is run. Raises WrongWeightsError where it is no checkpoint."""
    if not path.is_file():
        raise WrongWeightsError(f"{path}: no such file: give a checkpoint (.pth, .pt, .tar, .ckpt or .npz)")
    state = _read_npz(path) if path.suffix == ".npz" else _read_torch(path)
    for wrapper in _WRAPPERS:
        if state and all(name.startswith(wrapper) for name in state):
            state = {name.removeprefix(wrapper): tensor for name, tensor in state.items()}
    if not state:
        raise WrongWeightsError(f"{path}: holds no tensors: give the checkpoint that has the network's weights")
    return state


def _read_npz(path: Path) -> Tensors:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(np.ascontiguousarray(arrays[name])) for name in arrays.files}
    except (OSError, ValueError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as e:
        raise WrongWeightsError(f"{path}: cannot be read as .npz of arrays: {e}") from e


def _read_torch(path: Path) -> Tensors:
    # Toolboxes save numpy values beside the tensors: scores, facts about datasets.
    harmless = [np.ndarray, np.dtype, np._core.multiarray._reconstruct, np._core.multiarray.scalar]  # type: ignore[attr-defined]
    harmless += [type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "u1", "?")]
    try:
        with torch.serialization.safe_globals(harmless):
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as e:  # torch's own message advises to run the file's code
        raise WrongWeightsError(
            f"{path}: cannot be read as a PyTorch checkpoint: it is none, or holds more than tensors and numbers"
        ) from e
    except (OSError, RuntimeError, ValueError, EOFError, zipfile.BadZipFile) as e:
        reason = str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
        raise WrongWeightsError(f"{path}: cannot be read as a PyTorch checkpoint: {reason}") from e
    for key in _INSIDE:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict):
        raise WrongWeightsError(f"{path}: holds a {type(content).__name__}, not tensors by name: give a state dict")
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
