"""The training itself, by pytorch-lightning: steps, precision, progress, checkpoints, and going on after a kill."""

import logging
import math
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import RichProgressBar
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from posestream.engines.architectures.pose_network import Network
from posestream.engines.losses import loss_for
from tools.train import TrainError
from tools.train.checkpoints import Checkpoints, latest
from tools.train.samples import Sample

Precision: TypeAlias = Literal["auto", "32", "bf16", "16"]
_WARM_UP = 0.05  # of all steps
_SLOW = 0.01  # of the rate, for the part of the network that is to learn slowly


@dataclass(frozen=True, slots=True)
class Settings:
    """All that decides what a training comes to; one that goes on must have the same."""

    architecture: str
    variant: str
    options: Mapping[str, Any]
    input_hw: tuple[int, int]
    data: str
    samples: int
    steps: int
    batch: int
    lr: float
    slow: str
    seed: int
    precision: Precision


@dataclass(frozen=True, slots=True)
class Trained:
    """`losses` are those of all steps, `seconds` what the training took, that before a kill included."""

    losses: tuple[float, ...]
    seconds: float


def train(network: Network, samples: Sequence[Sample], settings: Settings, folder: Path, save_every: int) -> Trained:
    """Trains `network` in place, from a checkpoint in `folder` where there is one, and leaves checkpoints there.

    Equal settings on one machine's CPU give equal weights, however often the training was cut short. Raises TrainError
    where the checkpoint is of other settings, or the precision cannot be had here.
    """
    module = _Training(network, settings)
    batches = _Batches(samples, settings)
    checkpoint = latest(folder, asdict(settings))
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # what hardware there is, and advice
    trainer = pl.Trainer(
        accelerator="auto",
        devices=1,
        precision=_precision(settings.precision),
        max_epochs=1,
        max_steps=settings.steps,
        deterministic="warn",
        callbacks=[_Bar(), Checkpoints(folder, save_every)],
        default_root_dir=folder,
        logger=False,
        enable_model_summary=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's, about itself and about its settings for large data
        trainer.fit(module, batches, ckpt_path=checkpoint, weights_only=True)
    return Trained(tuple(module.losses), module.seconds)


def _precision(asked: Precision) -> Literal["32-true", "bf16-mixed", "16-mixed"]:
    """Lightning's name of it. "auto" is mixed precision on a GPU and full precision elsewhere."""
    gpu = torch.cuda.is_available()
    if asked == "16" and not gpu:
        raise TrainError("--precision 16 needs a GPU: take 32 or bf16")
    if asked == "auto":
        asked = "32" if not gpu else "bf16" if torch.cuda.is_bf16_supported() else "16"
    return "32-true" if asked == "32" else "bf16-mixed" if asked == "bf16" else "16-mixed"


class _Training(pl.LightningModule):
    """One network under the loss of its paper."""

    def __init__(self, network: Network, settings: Settings) -> None:
        super().__init__()
        self.network = network
        self.losses: list[float] = []
        self.seconds = 0.0
        self._settings = settings
        self._loss = loss_for(settings.architecture)
        self._since = time.monotonic()

    def on_train_start(self) -> None:
        self._since = time.monotonic() - self.seconds

    def training_step(self, batch: tuple[Tensor, ...]) -> Tensor:
        """The loss of one batch. What it draws, as by drop-out, depends on the step alone: it is drawn again so."""
        torch.manual_seed(self._settings.seed + self.global_step)
        images, *targets = batch
        outputs = self.network(images)
        with torch.autocast(self.device.type, enabled=False):  # sums over maps lose too much in half precision
            loss = self._loss(tuple(output.float() for output in outputs), tuple(targets))
        self.losses.append(float(loss.detach()))
        if not math.isfinite(self.losses[-1]):
            raise TrainError(f"the loss is {self.losses[-1]} after {self.global_step} steps: give a smaller --lr")
        self.seconds = time.monotonic() - self._since
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> OptimizerLRScheduler:
        lr, slow = self._settings.lr, f"{self._settings.slow}."
        parts: dict[bool, list[torch.nn.Parameter]] = {False: [], True: []}
        for name, parameter in self.network.named_parameters():
            parts[name.startswith(slow)].append(parameter)
        groups = [{"params": part, "lr": lr * _SLOW if is_slow else lr} for is_slow, part in parts.items() if part]
        optimizer = torch.optim.Adam(groups)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _rate(self, step: int) -> float:
        """Part of the full rate: rises in a line, falls along a cosine, so that statistics of batches can settle."""
        warm_up = max(1, round(_WARM_UP * self._settings.steps))
        rest = (step - warm_up) / max(1, self._settings.steps - warm_up)
        return (step + 1) / warm_up if step < warm_up else 0.5 * (1 + math.cos(math.pi * min(rest, 1)))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["settings"] = asdict(self._settings)
        checkpoint["history"] = {"losses": list(self.losses), "seconds": self.seconds}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.losses = list(checkpoint["history"]["losses"])
        self.seconds = checkpoint["history"]["seconds"]


class _Batches:
    """One batch a step, held in memory: a handful of images. Each pass over them has its own order, from the seed."""

    def __init__(self, samples: Sequence[Sample], settings: Settings) -> None:
        columns = zip(*((sample.pixels, *sample.targets) for sample in samples), strict=True)
        self._tensors = [torch.from_numpy(np.stack(column)) for column in columns]
        self._settings = settings
        self._done = 0

    def __len__(self) -> int:
        return self._settings.steps

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        for step in range(self._done, self._settings.steps):
            self._done = step + 1
            which = self._which(step)
            yield tuple(tensor[which] for tensor in self._tensors)

    def _which(self, step: int) -> list[int]:
        """Whole passes one after the other, cut into batches of one size, which may hold parts of two."""
        samples, batch = self._settings.samples, self._settings.batch
        places = range(step * batch, (step + 1) * batch)
        return [self._order(place // samples)[place % samples] for place in places]

    def _order(self, turn: int) -> list[int]:
        order: list[int] = (
            np.random.default_rng((self._settings.seed, turn)).permutation(self._settings.samples).tolist()
        )
        return order

    def state_dict(self) -> dict[str, int]:
        return {"done": self._done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self._done = state["done"]


class _Bar(RichProgressBar):
    """One bar for all steps: epochs mean nothing where a handful of images comes round and round."""

    def _get_train_description(self, current_epoch: int) -> str:  # noqa: ARG002
        return "training"
