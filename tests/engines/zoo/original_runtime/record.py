"""Records what TensorFlow.js, the original runtime, gives for each of its models: `python -m ...record`, see README.md.

Needs Node.js with npm. Installs @tensorflow/tfjs into a temporary folder and writes outputs.json beside this file.
"""

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import companions
from posestream.engines.zoo.download.fetch import fetch_source
from tests.engines.zoo.original_runtime.fixture import FIXTURE, PACKAGE, summary
from tests.engines.zoo.scenes import TFJS, images


def record(spec: ModelSpec, place: Path) -> dict[str, Any]:
    """The summary of each output of `spec`, run by node in `place`."""
    model = fetch_source(spec.source, together=companions(spec.source))[0]
    scene = images(spec)
    scene.tofile(place / "input.bin")
    shape = ",".join(map(str, scene.shape))
    names = ",".join(spec.source.outputs)
    subprocess.run(
        ["node", "run.js", str(model), "input.bin", spec.input.tensor.dtype, shape, names, "."], cwd=place, check=True
    )
    return {
        output.name: summary(np.fromfile(place / f"{name}.bin", np.float32))
        for name, output in zip(spec.source.outputs, spec.outputs, strict=True)
    }


def main() -> None:
    with TemporaryDirectory() as name:
        place = Path(name)
        (place / "run.js").write_text(Path(__file__).with_name("run.js").read_text())
        subprocess.run(["npm", "install", "--ignore-scripts", "--no-save", PACKAGE], cwd=place, check=True)
        recorded = {spec.name: record(spec, place) for spec in TFJS}
    FIXTURE.write_text(json.dumps({"runtime": PACKAGE, "models": recorded}) + "\n")


if __name__ == "__main__":
    main()
