"""The checkpoint of a training that is under way: one file, always whole, and only for the same settings again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint

from tools.train import TrainError

_NAME = "training.ckpt"


class Checkpoints(Checkpoint):
    """Writes the state of the training every `every` steps and after the last one."""

    def __init__(self, folder: Path, every: int) -> None:
        self._path, self._every = folder / _NAME, every

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step % self._every == 0 or trainer.global_step == trainer.max_steps:
            written = self._path.with_suffix(".part")
            trainer.save_checkpoint(written)
            written.replace(self._path)  # a kill leaves the one before, or this one, never a part of it


def latest(folder: Path, settings: Mapping[str, Any]) -> Path | None:
    """The checkpoint in `folder`, or None. Raises TrainError where it is of a training with other settings."""
    path, content = folder / _NAME, _content(folder)
    if content is None:
        return None
    for name, value in settings.items():
        kept = content["settings"].get(name)
        if kept != value:
            raise TrainError(
                f"{path}: of a training with {name} = {kept}, not {value}: give the same, or another --output"
            )
    return path


def half_done(folder: Path) -> str:
    """How far the training in `folder` is, "" where there is none or it is done."""
    content = _content(folder)
    if content is None or content["global_step"] >= content["settings"]["steps"]:
        return ""
    return f"{content['global_step']} of {content['settings']['steps']} steps done"


def discard(folder: Path) -> None:
    """Removes the checkpoint, if there is one."""
    (folder / _NAME).unlink(missing_ok=True)


def _content(folder: Path) -> Mapping[str, Any] | None:
    path = folder / _NAME
    if not path.is_file():
        return None
    content: Mapping[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content
