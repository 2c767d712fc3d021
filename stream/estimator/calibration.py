"""What a network sees in a source, images, a video or a camera: the tensors that the stages of a run would give it."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from posestream.engines.backends.load import load
from posestream.engines.backends.protocol import Backend
from posestream.engines.batches import Batch
from posestream.engines.spec import ModelSpec
from posestream.stream.config import Config
from posestream.stream.estimator.journey import journey
from posestream.stream.run.planning import plan_for
from posestream.stream.run.topology import CameraSpec
from posestream.stream.sources import parse
from posestream.stream.sources.source_options import source_options


class Witness:
    """A backend that remembers what it was given, image by image, (1, ...) each."""

    def __init__(self, backend: Backend) -> None:
        self.spec, self.preferred_batch = backend.spec, backend.preferred_batch
        self.device, self.on_gpu = backend.device, backend.on_gpu
        self.seen: list[NDArray[Any]] = []
        self._backend = backend

    def output_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        return self._backend.output_shapes(images_shape)

    def run(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self.seen += [batch.images[i : i + 1].copy() for i in range(len(batch.images))]
        self._backend.run(batches)

    def close(self) -> None:
        self._backend.close()


def inputs_of(
    network: ModelSpec,
    text: str,
    config: Config,
    files: Mapping[str, Path],
    count: int,
    tell: Callable[[int], None] = lambda _: None,
) -> list[NDArray[Any]]:
    """At most `count` inputs of one network of the plan, from a run over the source that `text` stands for.

    `files` are the ONNX files of the plan's networks; `tell` hears how many there are. Raises SourceError where there
    is no such source.
    """
    meant = parse.parse(text)
    source = parse.maker(meant, source_options(config))()
    source.open()
    witnesses = {spec.name: Witness(load(spec, files[spec.name], "cpu")) for spec in plan_for(config).networks}
    seen = witnesses[network.name].seen
    camera = CameraSpec(name="calibration", source=text, policy="every", independent_images=meant.independent_images)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for _ in journey(source, camera, config, witnesses, Path(folder)):
                tell(min(len(seen), count))
                if len(seen) >= count:
                    break
    finally:
        source.close()
        for witness in witnesses.values():
            witness.close()
    return seen[:count]
