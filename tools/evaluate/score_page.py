"""A page of a score: the table, its curves and bars, and the images that went worst."""

import html
import string
from collections.abc import Sequence
from pathlib import Path

import cv2

from tools.datasets.records import Dataset
from tools.evaluate import charts, shown, worst
from tools.evaluate.published_predictions import Scored

_WORST = 12
_PAGE = Path(__file__).with_name("report.html")


def write(folder: Path, truth: Dataset, scored: Sequence[Scored], images: Path | None) -> Path:
    """Writes `index.html`, and the pictures that it shows, into the folder; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    figures, note = _worst(folder, truth, scored[0], images)
    page = string.Template(_PAGE.read_text(encoding="utf-8")).substitute(
        title=html.escape(shown.title(scored[0])),
        source=html.escape(f"{truth.source.name}; " + "; ".join(f"{each.label}: {each.read_as()}" for each in scored)),
        table=_table(scored),
        charts=charts.curves(scored[0]) + charts.bars(scored),
        worst_note=html.escape(note),
        worst=figures,
    )
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def _worst(folder: Path, truth: Dataset, scored: Scored, images: Path | None) -> tuple[str, str]:
    if images is None:
        return "", "None are shown: give the folder of the images with --images."
    figures = []
    for i, bad in enumerate(worst.worst(scored, _WORST)):
        picture = worst.drawn(bad, truth.skeleton, images)
        if picture is not None:
            cv2.imwrite(str(folder / f"worst{i:02}.jpg"), picture)
            caption = html.escape(f"{bad.image.file}: {bad.what}")
            figures.append(f'<figure><img src="worst{i:02}.jpg" alt=""><figcaption>{caption}</figcaption></figure>')
    return "".join(figures), "" if figures else "None of them could be read, or none went wrong."


def _table(scored: Sequence[Scored]) -> str:
    rows = {each.label: shown.row(each) for each in scored}
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    head = "".join(f"<th>{html.escape(column)}</th>" for column in ("", *columns))
    body = ""
    for label, row in rows.items():
        cells = "".join(f"<td>{html.escape(row.get(column, '-'))}</td>" for column in columns)
        body += f"<tr><td>{html.escape(label)}</td>{cells}</tr>"
    return f"<table><tr>{head}</tr>{body}</table>"
