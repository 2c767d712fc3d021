"""Files that hold a checkpoint, and files that do not."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from posestream.engines.exceptions import WrongWeightsError
from posestream.engines.zoo.checkpoints.reading import read

WEIGHTS = {"conv.weight": torch.arange(6.0).reshape(2, 3)}


@pytest.mark.parametrize(
    "content",
    [
        WEIGHTS,
        {"state_dict": WEIGHTS, "epoch": 3},
        {"model": WEIGHTS},
        {"state_dict": {"module.conv.weight": WEIGHTS["conv.weight"]}},
        {"state_dict": WEIGHTS, "meta": {"AP": np.float64(0.7), "sigmas": np.ones(3), "joints": ["nose"]}},
    ],
    ids=["bare", "state_dict", "model", "several GPUs", "with what toolboxes add"],
)
def test_a_pytorch_checkpoint_is_read_whatever_its_trainer_wrapped_it_in(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "a.pth")
    assert torch.equal(read(tmp_path / "a.pth")["conv.weight"], WEIGHTS["conv.weight"])


def test_an_npz_of_arrays_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", allow_pickle=False, **{"conv1/weight": np.eye(2, dtype=np.float32)})
    assert torch.equal(read(tmp_path / "a.npz")["conv1/weight"], torch.eye(2))


class Bomb:
    def __reduce__(self) -> Any:
        return os.abort, ()


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"state_dict": {"conv.weight": Bomb()}}, tmp_path / "a.pth")
    with pytest.raises(WrongWeightsError, match=r"a\.pth: cannot be read as a PyTorch checkpoint"):
        read(tmp_path / "a.pth")


@pytest.mark.parametrize("name", ["a.pth", "a.npz"])
@pytest.mark.parametrize("content", [b"", b"no checkpoint at all", b"PK\x03\x04 cut short"])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WrongWeightsError, match=rf"{name}: cannot be read as"):
        read(tmp_path / name)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongWeightsError, match=r"none\.pth: no such file"):
        read(tmp_path / "none.pth")


def test_a_checkpoint_without_tensors_is_named(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "a.pth")
    with pytest.raises(WrongWeightsError, match=r"a\.pth: holds no tensors"):
        read(tmp_path / "a.pth")
