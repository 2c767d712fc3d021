"""What a training came to, for people and for programs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from tools.train.score import PCK_AT, Score
from tools.train.training import Settings, Trained

LOSS_GOAL = 10.0
PCK_GOAL = 0.95


@dataclass(frozen=True, slots=True)
class Report:
    """One training and its two goals: the loss `LOSS_GOAL` times down, and a PCK of `PCK_GOAL` on its own images.

    `model` is the name of the model that takes the weights, "" where this was another form than the published one.
    """

    settings: Settings
    parameters: int
    trained: Trained
    score: Score
    weights: Path
    model: str

    @property
    def first_loss(self) -> float:
        """The mean of the losses of the first pass over all samples."""
        return _mean(self.trained.losses[: self._pass])

    @property
    def last_loss(self) -> float:
        """The mean of the losses of the last pass."""
        return _mean(self.trained.losses[-self._pass :])

    @property
    def _pass(self) -> int:
        return -(-self.settings.samples // self.settings.batch)

    @property
    def loss_ratio(self) -> float:
        """How many times the loss went down."""
        return self.first_loss / max(self.last_loss, 1e-30)

    def as_json(self) -> dict[str, Any]:
        """All figures; goals beside what they are about."""
        s = self.settings
        return {
            "architecture": s.architecture,
            "variant": s.variant,
            "options": dict(s.options),
            "input_hw": list(s.input_hw),
            "parameters": self.parameters,
            "data": s.data,
            "people": self.score.people,
            "labelled_joints": self.score.joints,
            "samples": s.samples,
            "steps": len(self.trained.losses),
            "batch": s.batch,
            "lr": s.lr,
            "seed": s.seed,
            "precision": s.precision,
            "seconds": round(self.trained.seconds, 1),
            "loss": {
                "first": self.first_loss,
                "last": self.last_loss,
                "ratio": self.loss_ratio,
                "goal": {"bound": "min", "value": LOSS_GOAL, "met": self.loss_ratio >= LOSS_GOAL},
            },
            f"pck@{PCK_AT}": {
                "value": self.score.pck,
                "goal": {"bound": "min", "value": PCK_GOAL, "met": self.score.pck > PCK_GOAL},
            },
            "weights": str(self.weights),
            "model": self.model,
        }

    def write(self, path: Path) -> None:
        """The figures as JSON."""
        path.write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")

    def table(self) -> Table:
        """The figures as people read them."""
        s, height_width = self.settings, "x".join(map(str, self.settings.input_hw))
        drawn = Table("", "", "goal", box=None, pad_edge=False, show_header=False)
        drawn.add_row("network", f"{s.architecture}-{s.variant}, {self.parameters:,} parameters, {height_width} px", "")
        drawn.add_row("shown", f"{s.data}: {self.score.people} people, {self.score.joints} labelled joints", "")
        drawn.add_row("training", f"{len(self.trained.losses)} steps, {self.trained.seconds:.0f} s", "")
        drawn.add_row(
            "loss",
            f"{self.first_loss:.4g} to {self.last_loss:.4g}, {self.loss_ratio:.1f} times down",
            _goal(f"{LOSS_GOAL:.0f} times", self.loss_ratio >= LOSS_GOAL),
        )
        drawn.add_row(
            f"PCK@{PCK_AT}",
            f"{self.score.pck:.1%} of the torso",
            _goal(f"over {PCK_GOAL:.0%}", self.score.pck > PCK_GOAL),
        )
        drawn.add_row("weights", str(self.weights), "")
        if self.model:
            drawn.add_row("live", f"posestream run --model {self.model} --weights {self.weights}", "")
        return drawn


def _goal(what: str, met: bool) -> str:
    return f"goal {what}: {'met' if met else 'missed'}"


def _mean(losses: tuple[float, ...]) -> float:
    return sum(losses) / len(losses)
