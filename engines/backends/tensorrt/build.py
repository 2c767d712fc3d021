"""From ONNX to a TensorRT engine in the cache, with a sidecar that says what it was made of, for what.

<cache>/engines/<model>-<digest>.engine, .json, and of RTX .kernels

An engine is a program for one GPU, one TensorRT and one driver. The digest is of all that it depends on, so that one of
another machine is never found, let alone loaded: a file is only used with the sha256 that it was written with here.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posestream.engines.backends.tensorrt import api
from posestream.engines.backends.tensorrt.api import TensorRT, TensorRTError
from posestream.engines.cuda.driver import Gpu
from posestream.engines.geometry import largest_hw, usual_hw
from posestream.engines.progress import Progress, no_progress
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.precision import selection
from posestream.engines.zoo.precision.selection import Form, Precision
from posestream.engines.zoo.store import cache

log = logging.getLogger(__name__)

_MADE_BY = 1  # raised where engines are built in another way: older ones are then built anew


@dataclass(frozen=True, slots=True)
class CachedEngine:
    """An engine in the cache; `fresh` where it was built just now."""

    path: Path
    sidecar: Mapping[str, Any]
    fresh: bool

    def content(self) -> bytes:
        """The serialized engine."""
        return self.path.read_bytes()

    def compiled(self) -> bytes:
        """What `keep_compiled` kept of it; empty where it kept nothing, or where that was changed since."""
        try:
            kernels = self.path.with_suffix(".kernels").read_bytes()
        except FileNotFoundError:
            return b""
        whole = hashlib.sha256(kernels).hexdigest() == self.sidecar.get("kernels_sha256")
        return kernels if whole else b""

    def keep_compiled(self, kernels: bytes) -> None:
        """Keeps beside it the kernels that RTX compiled on the GPU. Raises WeightsError where that cannot be."""
        if kernels and kernels != self.compiled():
            sidecar = {**self.sidecar, "kernels_sha256": hashlib.sha256(kernels).hexdigest()}
            with cache.writing(), _lock(self.path):
                cache.write(self.path.with_suffix(".kernels"), kernels)
                cache.write(self.path.with_suffix(".json"), json.dumps(sidecar, indent=2).encode())


def engine_for(
    spec: ModelSpec,
    onnx_path: Path,
    precision: Precision,
    batches: Sequence[int],
    gpu: Gpu | None,
    progress: Progress = no_progress,
    *,
    rebuild: bool = False,
) -> CachedEngine:
    """The engine of the network at `onnx_path`, built where the cache has none that is whole and fits.

    It has a profile for each of `batches`; for 1 alone where the network takes one image. `gpu` None builds without a
    GPU, as RTX can, an engine that no machine with one will take. Two processes that want the same one build it once.
    Raises ImportError without TensorRT, TensorRTError where it refuses, WeightsError where the network has no such
    form.
    """
    found = api.find()
    form = selection.select_file(spec, onnx_path, precision, "tensorrt")
    profiles = profiles_of(spec, batches)
    wanted: dict[str, Any] = {
        "made_by": _MADE_BY,
        "model": spec.name,
        "onnx_sha256": cache.sha256_of(form.path),
        "flavour": found.flavour,
        "version": found.version,
        "gpu": gpu.name if gpu else "none",
        "sm": gpu.sm if gpu else "none",
        "driver": gpu.driver_about if gpu else "none",
        "precision": form.precision,
        "profiles": profiles,
    }
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:16]
    path = cache.directory() / "engines" / f"{spec.name}-{digest}.engine"
    with cache.writing(), _lock(path):
        if not rebuild and (there := _look(path, wanted)):
            return there
        log.info("%s: building its %s engine, once; that takes seconds to minutes", spec.name, form.precision)
        content, tensors = _built(found, form, spec, profiles, gpu, progress)
        sidecar = {**wanted, **tensors, "engine_sha256": hashlib.sha256(content).hexdigest()}
        path.with_suffix(".json").unlink(missing_ok=True)  # what is half written has none
        cache.write(path, content)
        cache.write(path.with_suffix(".json"), json.dumps(sidecar, indent=2).encode())
        return CachedEngine(path, sidecar, fresh=True)


def _lock(path: Path) -> AbstractContextManager[None]:
    """What who writes an engine holds, in whatever process."""
    return cache.lock(f"engine-{path.stem}")


def profiles_of(spec: ModelSpec, batches: Sequence[int]) -> list[list[list[int]]]:
    """For each batch size the least, the usual and the greatest shape of the images."""
    sizes = sorted(set(batches)) if spec.batched else [1]
    if spec.input.size_hw is not None:
        image = spec.input.image_shape(spec.input.size_hw)
        return [[[size, *image]] * 3 for size in sizes]
    least_px = max(spec.input.multiple_px, _LEAST_PX)
    bounds = ((least_px, least_px), usual_hw(spec.input), largest_hw(spec.input))
    return [[[size, *spec.input.image_shape(hw)] for hw in bounds] for size in sizes]


_LEAST_PX = 64  # of images that follow the frame


def _look(path: Path, wanted: Mapping[str, Any]) -> CachedEngine | None:
    """The engine at `path`, where it is whole and made of what is wanted."""
    try:
        sidecar = json.loads(path.with_suffix(".json").read_text())
        whole = sidecar["engine_sha256"] == cache.sha256_of(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    fits = all(sidecar.get(name) == value for name, value in wanted.items())
    return CachedEngine(path, sidecar, fresh=False) if whole and fits else None


def _built(
    found: TensorRT,
    form: Form,
    spec: ModelSpec,
    profiles: Sequence[Sequence[Sequence[int]]],
    gpu: Gpu | None,
    progress: Progress,
) -> tuple[bytes, dict[str, Any]]:
    """The serialized engine, and what goes in and out of it, for the sidecar."""
    trt, called = found.api, found.called
    builder = called(trt.Builder, found.logger)
    # TensorRT 11 and RTX know no other networks; 10 has to be asked.
    network = called(builder.create_network, 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = called(trt.OnnxParser, network, found.logger)
    if not parser.parse(form.path.read_bytes()):
        errors = "; ".join(" ".join(str(parser.get_error(i)).split()) for i in range(parser.num_errors))
        reason = errors or "it does not say why"
        raise TensorRTError(f"{found.flavour} {found.version} cannot read {form.path}: {reason}")
    config = called(builder.create_builder_config)
    if form.precision == "fp32":
        config.clear_flag(trt.BuilderFlag.TF32)  # on by default: ten bits of mantissa, which fp32 does not promise
    if found.flavour == "tensorrt-rtx":
        _ask_of_rtx(found, config, gpu)
    for shapes in profiles:
        profile = called(builder.create_optimization_profile)
        found.done(profile.set_shape, spec.input.tensor.name, *shapes)
        called(config.add_optimization_profile, profile)
    monitor = _monitor(trt, progress)
    config.progress_monitor = monitor
    content = called(builder.build_serialized_network, network, config)
    tensors = {
        "inputs": [_described(network.get_input(i)) for i in range(network.num_inputs)],
        "outputs": [_described(network.get_output(i)) for i in range(network.num_outputs)],
    }
    return bytes(content), tensors


def _ask_of_rtx(found: TensorRT, config: Any, gpu: Gpu | None) -> None:
    """What RTX does only where it is asked to."""
    # Without it RTX allocates while it runs, and cannot be captured as a graph.
    config.set_flag(found.api.BuilderFlag.REQUIRE_USER_ALLOCATION)
    if gpu is not None and gpu.sm == _TURING:  # engines are for every later one
        config.num_compute_capabilities = 1
        found.called(config.set_compute_capability, found.api.ComputeCapability.SM75, 0)


_TURING = 75


def _described(tensor: Any) -> dict[str, Any]:
    return {"name": tensor.name, "dtype": tensor.dtype.name, "shape": list(tensor.shape)}


def _monitor(trt: Any, progress: Progress) -> Any:
    """TensorRT's reports of its phases as ours: how far the outermost one is, at every step of those within it too."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.phase, self.steps, self.done = "", 1, 0.0

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            if not parent_phase:
                self.phase, self.steps, self.done = phase_name, max(num_steps, 1), 0.0
            progress(self.phase, self.done)

        def phase_finish(self, phase_name: str) -> None:
            self.step_complete(phase_name, self.steps - 1)

        def step_complete(self, phase_name: str, step: int) -> bool:
            if phase_name == self.phase:
                self.done = min((step + 1) / self.steps, 1.0)
            progress(self.phase, self.done)
            return True

    return Monitor()
