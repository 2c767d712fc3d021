"""The networks of a plan, loaded in this process, outside a run."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from posestream.engines.backends.gpu_options import GpuOptions
from posestream.engines.backends.load import load
from posestream.engines.backends.protocol import Backend
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.store import cache
from posestream.stream.config import Config


@contextlib.contextmanager
def loaded(config: Config, files: Mapping[str, str]) -> Iterator[Mapping[str, Backend]]:
    """Each network of `files`, its ONNX file by its name, on the device of the settings; freed at the end.

    Raises what `load` raises.
    """
    gpu = GpuOptions(config.infer.gpu, config.infer.batches)
    with contextlib.ExitStack() as stack:
        backends = {}
        for name, file in files.items():
            backend = load(
                find(name),
                Path(file),
                config.run.device,
                config.infer.threads,
                cache.directory() / "compiled",
                config.run.precision,
                gpu,
            )
            stack.callback(backend.close)
            backends[name] = backend
        yield backends
