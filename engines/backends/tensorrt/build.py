"""Builds TensorRT engines from ONNX into the cache, each with a sidecar of everything that it depends on.

<cache>/engines/<model>-<digest>.engine, .json, and for RTX .kernels, its runtime cache

An engine works on one model of GPU, one TensorRT and one driver. The digest covers all that it depends on, so an engine
of another machine is never found; and a file is only loaded with the sha256 that it was written with here.
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
from posestream.engines.zoo.precision.selection import Precision, SelectedFile, select_file
from posestream.engines.zoo.store import cache

log = logging.getLogger(__name__)

_BUILDER_VERSION = 1  # raised with each change to how engines are built: older ones are then rebuilt
_MIN_SIDE_PX = 64  # of images whose size follows the frame
_TURING_SM = 75


@dataclass(frozen=True, slots=True)
class CachedEngine:
    """An engine in the cache; `fresh` where it was built just now."""

    path: Path
    sidecar: Mapping[str, Any]
    fresh: bool

    def content(self) -> bytes:
        """The serialized engine."""
        return self.path.read_bytes()

    def runtime_cache(self) -> bytes:
        """The bytes of `store_runtime_cache`; empty where there are none, or the file was changed since."""
        try:
            kernels = self.path.with_suffix(".kernels").read_bytes()
        except FileNotFoundError:
            return b""
        intact = hashlib.sha256(kernels).hexdigest() == self.sidecar.get("kernels_sha256")
        return kernels if intact else b""

    def store_runtime_cache(self, kernels: bytes) -> None:
        """Stores the kernels that RTX compiled beside the engine. Raises WeightsError where writing fails."""
        if kernels and kernels != self.runtime_cache():
            sidecar = {**self.sidecar, "kernels_sha256": hashlib.sha256(kernels).hexdigest()}
            with cache.writing(), _lock(self.path):
                cache.write(self.path.with_suffix(".kernels"), kernels)
                cache.write_json(self.path.with_suffix(".json"), sidecar)


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
    """The engine of the network at `onnx_path`, built where the cache has no intact one; two processes build it once.

    It has a profile per size in `batches`; only for 1 where the network takes one image. `gpu` None builds without a
    GPU, which RTX can: an engine that no machine with a GPU will take.

    Raises ImportError where TensorRT is not installed, TensorRTError where the build fails, WeightsError where the
    network has no such precision.
    """
    trt = api.find()
    file = select_file(spec, onnx_path, precision, "tensorrt")
    profiles = profiles_of(spec, batches)
    recipe: dict[str, Any] = {
        "made_by": _BUILDER_VERSION,
        "model": spec.name,
        "onnx_sha256": cache.sha256_of(file.path),
        "flavour": trt.flavour,
        "version": trt.version,
        "gpu": gpu.name if gpu else "none",
        "sm": gpu.sm if gpu else "none",
        "driver": gpu.driver_about if gpu else "none",
        "precision": file.precision,
        "profiles": profiles,
    }
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
    path = cache.directory() / "engines" / f"{spec.name}-{digest}.engine"
    with cache.writing(), _lock(path):
        if not rebuild and (cached := _lookup(path, recipe)):
            return cached
        log.info("%s: building its %s engine, once; that takes seconds to minutes", spec.name, file.precision)
        content, tensors = _build(trt, file, spec, profiles, gpu, progress)
        sidecar = {**recipe, **tensors, "engine_sha256": hashlib.sha256(content).hexdigest()}
        path.with_suffix(".json").unlink(missing_ok=True)  # a half-written engine has no sidecar
        cache.write(path, content)
        cache.write_json(path.with_suffix(".json"), sidecar)
        return CachedEngine(path, sidecar, fresh=True)


def _lock(path: Path) -> AbstractContextManager[None]:
    """Held while an engine is written, across processes."""
    return cache.lock(f"engine-{path.stem}")


def profiles_of(spec: ModelSpec, batches: Sequence[int]) -> list[list[list[int]]]:
    """The min, opt and max shape of the images for each batch size."""
    sizes = sorted(set(batches)) if spec.batched else [1]
    if spec.input.size_hw is not None:
        image = spec.input.image_shape(spec.input.size_hw)
        return [[[size, *image]] * 3 for size in sizes]
    min_side_px = max(spec.input.multiple_px, _MIN_SIDE_PX)
    bounds = ((min_side_px, min_side_px), usual_hw(spec.input), largest_hw(spec.input))
    return [[[size, *spec.input.image_shape(hw)] for hw in bounds] for size in sizes]


def _lookup(path: Path, recipe: Mapping[str, Any]) -> CachedEngine | None:
    """The engine at `path`, where it is intact and made by that recipe."""
    sidecar = cache.read_json(path.with_suffix(".json"))
    if not path.is_file() or sidecar.get("engine_sha256") != cache.sha256_of(path):
        return None
    if any(sidecar.get(name) != value for name, value in recipe.items()):
        return None
    return CachedEngine(path, sidecar, fresh=False)


def _build(
    trt: TensorRT,
    file: SelectedFile,
    spec: ModelSpec,
    profiles: Sequence[Sequence[Sequence[int]]],
    gpu: Gpu | None,
    progress: Progress,
) -> tuple[bytes, dict[str, Any]]:
    """The serialized engine, and its inputs and outputs for the sidecar."""
    module, call = trt.api, trt.call
    builder = call(module.Builder, trt.logger)
    # The default and only kind in TensorRT 11 and RTX; 10 has to be asked.
    network = call(builder.create_network, 1 << int(module.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = call(module.OnnxParser, network, trt.logger)  # owns the weights: lives until the engine is built
    _parse(trt, parser, file.path)
    config = call(builder.create_builder_config)
    if file.precision == "fp32":
        config.clear_flag(module.BuilderFlag.TF32)  # on by default, and has ten bits of mantissa instead of 23
    if trt.flavour == "tensorrt-rtx":
        _configure_rtx(trt, config, gpu)
    for shapes in profiles:
        profile = call(builder.create_optimization_profile)
        trt.call_void(profile.set_shape, spec.input.tensor.name, *shapes)
        call(config.add_optimization_profile, profile)
    monitor = _monitor(module, progress)
    config.progress_monitor = monitor
    content = call(builder.build_serialized_network, network, config)
    tensors = {
        "inputs": [_description(network.get_input(i)) for i in range(network.num_inputs)],
        "outputs": [_description(network.get_output(i)) for i in range(network.num_outputs)],
    }
    return bytes(content), tensors


def _parse(trt: TensorRT, parser: Any, onnx_path: Path) -> None:
    if not parser.parse(onnx_path.read_bytes()):
        errors = "; ".join(" ".join(str(parser.get_error(i)).split()) for i in range(parser.num_errors))
        reason = errors or "without giving a reason"
        raise TensorRTError(f"{trt.flavour} {trt.version} cannot read {onnx_path}: {reason}")


def _configure_rtx(trt: TensorRT, config: Any, gpu: Gpu | None) -> None:
    # Without it RTX allocates during a run, which cannot be captured as a graph.
    config.set_flag(trt.api.BuilderFlag.REQUIRE_USER_ALLOCATION)
    if gpu is not None and gpu.sm == _TURING_SM:  # by default engines are for Ampere and later
        config.num_compute_capabilities = 1
        trt.call(config.set_compute_capability, trt.api.ComputeCapability.SM75, 0)


def _description(tensor: Any) -> dict[str, Any]:
    return {"name": tensor.name, "dtype": tensor.dtype.name, "shape": list(tensor.shape)}


def _monitor(module: Any, progress: Progress) -> Any:
    """Maps TensorRT's nested phases to `progress`: how far the outermost phase is, at every step of any phase."""

    class Monitor(module.IProgressMonitor):  # type: ignore[misc]
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
