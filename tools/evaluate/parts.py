"""An evaluation in parts, so that one that was cut off goes on where it was, and several can run side by side.

A folder of results holds `run.json`, what is evaluated; `parts/N.jsonl`, the messages of each part that is done; and at
the end `results.json` as COCO's server takes it, `results.parquet` with a row a pose, and `figures.json`.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from posestream.stream.published import PoseMessage
from posestream.stream.sources.images import ImageSource
from tools.datasets import DatasetError
from tools.datasets.records import Dataset
from tools.evaluate import stream
from tools.evaluate.stream import Options

PART = 250
"""Images in a part: what is lost of a run that is cut off; starting a run costs as much as some thirty images."""


@dataclass(frozen=True, slots=True)
class Posed:
    """Messages by file name of the image; `image_ms` is what an image took while its part ran."""

    messages: dict[str, PoseMessage]
    image_ms: float


def pose(truth: Dataset, images: Path, options: Options, results: Path, label: str, workers: int = 1) -> Posed:
    """Poses all images of the truth, or those parts of them that are not in `results` yet.

    Raises DatasetError for an image that is not there or results of something else, RuntimeError for a run that failed
    or dropped an image: a score of fewer images would be another figure.
    """
    truth.check_images(images)
    files = [image.file for image in truth.images]
    parts = [files[i : i + PART] for i in range(0, len(files), PART)]
    _claim(results, truth, options)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    done, lock = dict.fromkeys(range(len(parts)), 0), Lock()
    with bar, ThreadPoolExecutor(workers) as pool:
        task = bar.add_task(label, total=len(files))

        def one(i: int) -> Posed:
            def tell(posed: int) -> None:
                with lock:
                    done[i] = posed
                    bar.update(task, completed=sum(done.values()))

            part = _part(results / "parts" / f"{i:04}.jsonl", images, parts[i], options, tell)
            tell(len(parts[i]))
            return part

        posed = list(pool.map(one, range(len(parts))))
    messages = {file: message for part in posed for file, message in part.messages.items()}
    return Posed(messages, sum(part.image_ms * len(part.messages) for part in posed) / len(files))


def _part(done: Path, images: Path, files: Sequence[str], options: Options, tell: Callable[[int], None]) -> Posed:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in files:
            (folder / Path(file).name).symlink_to((images / file).resolve())
        source = ImageSource(folder)
        source.open()
        if not done.exists():
            unfinished = done.with_name(f"unfinished-{done.name}")
            unfinished.unlink(missing_ok=True)
            stream.run(folder, options, unfinished, tell)
            os.replace(unfinished, done)  # noqa: PTH105  # the two are on one disk: it is there whole, or not
        outcome = stream.read(done)
        if len(outcome.messages) < len(source.paths):
            drops = outcome.messages[-1].drops if outcome.messages else "all dropped"
            raise RuntimeError(f"{len(outcome.messages)} of {len(source.paths)} images were posed: {drops}")
        by_name = {Path(file).name: file for file in files}
        posed = {by_name[source.paths[message.seq].name]: message for message in outcome.messages}
    return Posed(posed, outcome.frame_ms)


def _claim(results: Path, truth: Dataset, options: Options) -> None:
    """Says in the folder what it is for, or refuses one that is for something else."""
    wanted = {
        "annotations_sha256": hashlib.sha256(truth.source.read_bytes()).hexdigest(),
        "flags": list(options.flags),
        "settings": options.settings,
        "part": PART,
    }
    mark = results / "run.json"
    if mark.exists():
        if json.loads(mark.read_text()) != wanted:
            raise DatasetError(f"{results}: holds the results of another evaluation: give another folder, or delete it")
        return
    (results / "parts").mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps(wanted, indent=1))
