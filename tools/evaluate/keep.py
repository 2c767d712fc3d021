"""What is kept of an evaluation: results for COCO's server, the same as Parquet, and the figures."""

import json
from pathlib import Path

import numpy as np

from tools.datasets import coco_annotations
from tools.datasets.crowd_poses import FoundPoses
from tools.datasets.records import Dataset
from tools.evaluate.published_predictions import Scored

RESULTS = "results.json"


def write(folder: Path, truth: Dataset, found: FoundPoses, scored: Scored) -> None:
    """Writes `results.json`, `results.parquet` (a row a pose) and `figures.json` into the folder."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = zip(found.images, found.keypoints, found.scores, strict=True)
    coco_annotations.write(
        folder / RESULTS, [(int(image), keypoints, float(score)) for image, keypoints, score in rows]
    )
    files = {image.number: image.file for image in truth.images}
    joints = len(truth.skeleton)
    keypoints = pa.FixedSizeListArray.from_arrays(pa.array(found.keypoints.ravel().astype(np.float32)), joints * 3)
    columns = {
        "image_id": pa.array(found.images),
        "file": pa.array([files[int(image)] for image in found.images], pa.string()),
        "score": pa.array(found.scores.astype(np.float32)),
        "keypoints": keypoints,
    }
    pq.write_table(pa.table(columns), folder / "results.parquet")
    (folder / "figures.json").write_text(json.dumps(scored.as_json(), indent=1))
