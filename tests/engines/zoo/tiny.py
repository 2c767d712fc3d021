"""A model so small that it can be written down: y = 2 x + 1, as a TensorFlow.js graph model in a user's folder."""

import hashlib
import json
from pathlib import Path

import numpy as np

from posestream.engines.spec import Fit, InputSpec, ModelSpec, Role, SourceFile, TensorSpec, WeightsSource

_SCALAR = {"dtype": "float32", "shape": []}
_MODEL = json.dumps(
    {
        "modelTopology": {
            "node": [
                {"name": "x", "op": "Placeholder"},
                {"name": "two", "op": "Const", "attr": {"dtype": {"type": "DT_FLOAT"}}},
                {"name": "one", "op": "Const", "attr": {"dtype": {"type": "DT_FLOAT"}}},
                {"name": "twice", "op": "Mul", "input": ["x", "two"]},
                {"name": "y", "op": "AddV2", "input": ["twice", "one"]},
            ]
        },
        "weightsManifest": [{"weights": [{"name": "two", **_SCALAR}, {"name": "one", **_SCALAR}]}],
    }
).encode()
_WEIGHTS = np.array([2, 1], np.float32).tobytes()


def tiny(folder: Path, model: bytes = _MODEL) -> ModelSpec:
    """Its spec; its two files are written to `folder`, for `adopt` to take."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"tiny.json": model, "tiny.bin": _WEIGHTS}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    files = tuple(SourceFile(name, hashlib.sha256(content).hexdigest()) for name, content in contents.items())
    return ModelSpec(
        name="tiny",
        title="2 x + 1",
        role=Role.DETECTOR,
        input=InputSpec(TensorSpec("images", "float32", (None, 1, 1, 1)), layout="nhwc", colour="rgb", fit=Fit.STRETCH),
        outputs=(TensorSpec("sums", "float32", (None, 1, 1, 1)),),
        codec="none",
        source=WeightsSource("file", "tfjs", files, input="x", outputs=("y",)),
        licence="none",
    )
