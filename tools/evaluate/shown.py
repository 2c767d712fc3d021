"""Scores as people compare them: the table of the literature."""

import math
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from posestream.engines.metrics import pckh
from tools.evaluate.published_predictions import Scored
from tools.evaluate.scores import Score

_COCO_SHOWN = ("AP", "AP50", "AP75", "APm", "APl", "AR")


def console() -> Console:
    """Standard output; what goes into a file or another program is not cut to 80 columns."""
    there = Console()
    return there if there.is_terminal else Console(width=160)


def table(scored: Sequence[Scored]) -> Table:
    """A row a file; percents of single people, COCO's figures as its server prints them."""
    rows = {each.label: row(each) for each in scored}
    columns = list(dict.fromkeys(column for cells in rows.values() for column in cells))
    drawn = Table("", *columns, box=None, pad_edge=False, title=title(scored[0]), title_justify="left")
    for label, cells in rows.items():
        drawn.add_row(label, *(cells.get(column, "-") for column in columns))
    return drawn


def title(scored: Scored) -> str:
    """What was measured, and by what."""
    how = scored.how
    if scored.score is None:
        return f"{scored.truth.name}, {'AP of OKS' if scored.outcomes is not None else f'AP at PCKh@{how.threshold:g}'}"
    counted = int(scored.score.correct.counted.sum())
    if how.metric == "pcp":
        kind = f"PCP ({how.variant}{', mean lengths' if how.mean_length else ''}) of {counted} limbs"
    elif how.metric == "pckh":
        kind = f"PCKh@{how.threshold:g} of {counted} joints"
    else:
        kind = f"{how.metric.upper()}@{how.threshold:g} by the {how.reference.replace('-', ' ')} of {counted} joints"
    return f"{scored.score.dataset}, {kind}, percent"


def row(scored: Scored) -> Mapping[str, str]:
    """The cells of a run, by column."""
    if scored.score is None:
        figures = scored.figures or {}
        if scored.outcomes is not None:
            took = {} if scored.image_ms is None else {"ms an image": f"{scored.image_ms:.0f}"}
            return {figure: f"{figures[figure]:.3f}" for figure in _COCO_SHOWN} | took
        return {name: _percent(value) for name, value in figures.items()}
    right = scored.score.correct
    columns = {name: _percent(value) for name, value in scored.score.columns.items()}
    means = {"pooled": _percent(right.mean_pooled), "unweighted": _percent(right.mean_unweighted)}
    return {**columns, **means, **_area(scored.score)}


def _area(score: Score) -> Mapping[str, str]:
    """Of PCKh the area under the curve of the pooled mean, up to the usual threshold."""
    if score.how.metric != "pckh" or score.units is None:
        return {}
    return {"AUC": _percent(pckh.area(score.units, score.names))}


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
