"""A dataset by its name."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tools.datasets import DatasetError, coco_annotations, flic, lsp, mpii
from tools.datasets.records import Dataset

READERS: Mapping[str, Callable[[Path], Dataset]] = {
    "mpii": mpii.read,
    "flic": flic.read,
    "coco": coco_annotations.read,
    "lsp": lsp.read,
}


def read(name: str, path: Path, images: Path | None = None) -> Dataset:
    """The annotations of a dataset; with a folder, all of whose images are there. Raises DatasetError."""
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such file")
    dataset = READERS[name](path)
    if not dataset.images:
        raise DatasetError(f"{path}: it holds nobody")
    if images is not None:
        dataset.check_images(images)
    return dataset
