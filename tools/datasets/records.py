"""One typed record for the people of every dataset."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from posestream.engines.skeletons import Skeleton
from tools.datasets import DatasetError

Split: TypeAlias = Literal["train", "val", "test", ""]


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One annotated person; pixels of the image, the centre of the first one being 0.

    `keypoints` (K, 2) float64, NaN where not labelled; `visible` (K,) bool, False for joints that are labelled but
    hidden. What a dataset does not have is None: `box_xyxy`, the `area_px2` of the segment, `head_px`, the length that
    PCKh measures by, `centre` and `scale` (height in 200 px) as MPII gives them. `crowd`: a group nobody told apart.
    """

    keypoints: NDArray[np.float64]
    visible: NDArray[np.bool_]
    box_xyxy: tuple[float, float, float, float] | None = None
    area_px2: float | None = None
    head_px: float | None = None
    centre: tuple[float, float] | None = None
    scale: float | None = None
    crowd: bool = False

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(K,) bool."""
        return np.logical_not(np.isnan(self.keypoints).any(axis=-1))


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """An image and who is in it. `number` is the dataset's own, or where it has none the place in the file."""

    file: str
    number: int
    people: tuple[Person, ...]
    split: Split = ""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """All images of an annotation file `source`, in its order."""

    name: str
    source: Path
    skeleton: Skeleton
    images: tuple[Image, ...]

    @property
    def family(self) -> str:
        """Whose metrics, columns and predictions it has: LSPET's are LSP's."""
        return "lsp" if self.name == "lspet" else self.name

    def people(self) -> Iterator[Person]:
        """Everybody, in the order of the file."""
        return (person for image in self.images for person in image.people)

    def keypoints(self) -> NDArray[np.float64]:
        """(N, K, 2) of everybody; a copy."""
        return np.array([person.keypoints for person in self.people()]).reshape(-1, len(self.skeleton), 2)

    def only(self, split: str) -> "Dataset":
        """The images of one split."""
        images = tuple(image for image in self.images if image.split == split)
        return Dataset(self.name, self.source, self.skeleton, images)

    def check_images(self, folder: Path) -> None:
        """Raises DatasetError naming the first image that is not in the folder."""
        for i, image in enumerate(self.images):
            if not (folder / image.file).is_file():
                raise DatasetError(f"{self.source}: image {i}: there is no {folder / image.file}: give its folder")
