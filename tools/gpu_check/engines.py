"""How long until a network is ready and has run once: TensorRT's engine is built, or found; torch's graphs are made."""

import time

import numpy as np

from posestream.engines.batches import Batch
from posestream.engines.zoo.catalogue import find
from tools.gpu_check.bench import Bench, image_shape
from tools.gpu_check.findings import Findings
from tools.gpu_check.unit import Unit


def measure(bench: Bench, unit: Unit, found: Findings) -> None:
    """Makes the network ready for all sizes of batch, and runs it once. Raises NotMeasuredError, BackendError."""
    spec = find(unit.network)
    began_s = time.monotonic()
    backend = bench.backend(unit.network, unit.runtime, unit.precision)
    ready_s = time.monotonic() - began_s
    images = np.zeros(image_shape(spec, 1), spec.input.tensor.dtype)
    outputs = [np.empty(shape, np.float32) for shape in backend.output_shapes(images.shape)]
    backend.run([Batch(images, outputs)])
    found.row({"runtime": unit.runtime, "network": unit.network, "precision": unit.precision, "s": ready_s})
    found.note(f"{unit.network}, {unit.precision}: {backend.device}.")
    backend.close()
