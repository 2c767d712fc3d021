"""Curves and bars of a score, as SVG."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from posestream.engines.metrics import coco_ap
from posestream.engines.metrics.pck import pck
from tools.evaluate import scores
from tools.evaluate.published_predictions import Scored

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 101


def curves(scored: Scored) -> str:
    """PCK over thresholds by column up to twice that of the score; of COCO precision over recall; "" of limbs."""
    figure, axes = _axes()
    if scored.outcomes is not None:
        precision = coco_ap.precision_curves(scored.outcomes)
        for threshold, line in zip(coco_ap.THRESHOLDS, precision, strict=True):
            axes.plot(coco_ap.RECALLS, line, label=f"OKS {threshold:.2f}", color=_shade(threshold))
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title="precision over recall")
    elif scored.score is not None and scored.score.units is not None:
        score, units = scored.score, scored.score.units
        thresholds = np.linspace(0, 2 * score.how.threshold, _POINTS)
        at = [pck(units, score.names, float(x)).columns(scores.columns_of(scored.truth)) for x in thresholds]
        for column in at[0]:
            axes.plot(thresholds, [row[column] for row in at], label=column)
        axes.axvline(score.how.threshold, color="#9aa5b5", linestyle=":")
        axes.set(xlabel="threshold, in reference lengths", ylabel="percent", ylim=(0, 100), title="over the threshold")
    else:
        return ""
    axes.legend(fontsize="small")
    return _svg(figure)


def bars(scored: Sequence[Scored]) -> str:
    """The columns of the table, a bar for each run."""
    figure, axes = _axes()
    rows = [each.score.columns if each.score is not None else each.figures or {} for each in scored]
    names, width = list(rows[0]), 0.8 / len(rows)
    for i, (each, row) in enumerate(zip(scored, rows, strict=True)):
        places = np.arange(len(names)) + (i - (len(rows) - 1) / 2) * width
        axes.bar(places, [row.get(name, np.nan) for name in names], width, label=each.label)
    axes.set_xticks(np.arange(len(names)), names, rotation=45, ha="right")
    axes.set(
        title="by figure" if scored[0].outcomes is not None else "by joint", ylabel="percent" if scored[0].score else ""
    )
    if len(rows) > 1:
        axes.legend(fontsize="small", loc="lower right")
    return _svg(figure)


def _axes() -> tuple["Figure", "Axes"]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _shade(threshold: float) -> tuple[float, float, float]:
    from matplotlib import colormaps

    red, green, blue, _ = colormaps["viridis"](2 * (threshold - 0.5))
    return red, green, blue


def _svg(figure: "Figure") -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg")
    return text.getvalue().partition("<svg")[1] + text.getvalue().partition("<svg")[2]
