"""From ONNX to a TensorRT engine in the cache, with a sidecar that says what it was made of, for what.

<cache>/engines/<model>-<digest>.engine, .json

An engine is a program for one GPU, one TensorRT and one driver. The digest is of all that it depends on, so that one of
another machine is never found, let alone loaded: a file is only used with the sha256 that it was written with here.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from engines.backends.tensorrt import installed
from engines.backends.tensorrt.installed import TensorRT, TensorRTError
from engines.cuda.driver import Gpu
from engines.geometry import largest_hw, usual_hw
from engines.spec import ModelSpec
from engines.zoo import cache, forms
from engines.zoo.forms import Precision

Progress: TypeAlias = Callable[[str, float], None]
"""Hears the name of what TensorRT is at, and how much of that is done, 0 to 1."""

_MADE_BY = 1  # raised where engines are built in another way: older ones are then built anew


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine in the cache; `fresh` where it was built just now."""

    path: Path
    sidecar: Mapping[str, Any]
    fresh: bool

    def content(self) -> bytes:
        """The serialized engine."""
        return self.path.read_bytes()


def engine_for(
    spec: ModelSpec,
    onnx_path: Path,
    precision: Precision,
    batches: Sequence[int],
    gpu: Gpu | None,
    progress: Progress = lambda _phase, _done: None,
    *,
    rebuild: bool = False,
) -> Engine:
    """The engine of the network at `onnx_path`, built where the cache has none that is whole and fits.

    It has a profile for each of `batches`; for 1 alone where the network takes one image. `gpu` None builds without a
    GPU, as RTX can, an engine that no machine with one will take. Two processes that want the same one build it once.
    Raises ImportError without TensorRT, TensorRTError where it refuses, ZooError where the network has no such form.
    """
    found = installed.find()
    file = forms.path_of(spec, onnx_path, precision, "tensorrt")
    profiles = profiles_of(spec, batches)
    wanted: dict[str, Any] = {
        "made_by": _MADE_BY,
        "model": spec.name,
        "onnx_sha256": cache.sha256_of(file),
        "flavour": found.flavour,
        "version": found.version,
        "gpu": gpu.name if gpu else "none",
        "sm": gpu.sm if gpu else "none",
        "driver": gpu.driver if gpu else "none",
        "precision": precision,
        "profiles": profiles,
    }
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:16]
    path = cache.directory() / "engines" / f"{spec.name}-{digest}.engine"
    with cache.writing(), cache.lock(f"engine-{digest}"):
        if not rebuild and (there := _look(path, wanted)):
            return there
        content, tensors = _built(found, file, spec, profiles, precision, progress)
        sidecar = {**wanted, **tensors, "engine_sha256": hashlib.sha256(content).hexdigest()}
        path.with_suffix(".json").unlink(missing_ok=True)  # what is half written has none
        cache.write(path, content)
        cache.write(path.with_suffix(".json"), json.dumps(sidecar, indent=2).encode())
        return Engine(path, sidecar, fresh=True)


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


def _look(path: Path, wanted: Mapping[str, Any]) -> Engine | None:
    """The engine at `path`, where it is whole and made of what is wanted."""
    try:
        sidecar = json.loads(path.with_suffix(".json").read_text())
        whole = sidecar["engine_sha256"] == cache.sha256_of(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    fits = all(sidecar.get(name) == value for name, value in wanted.items())
    return Engine(path, sidecar, fresh=False) if whole and fits else None


def _built(
    found: TensorRT,
    file: Path,
    spec: ModelSpec,
    profiles: Sequence[Sequence[Sequence[int]]],
    precision: Precision,
    progress: Progress,
) -> tuple[bytes, dict[str, Any]]:
    """The serialized engine, and what goes in and out of it, for the sidecar."""
    api = found.api
    builder = found.checked(api.Builder(found.logger), "Builder")
    # TensorRT 11 and RTX know no other networks; 10 has to be asked.
    flags = 1 << int(api.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = found.checked(builder.create_network(flags), "create_network")
    parser = found.checked(api.OnnxParser(network, found.logger), "OnnxParser")
    if not parser.parse(file.read_bytes()):
        errors = "; ".join(" ".join(str(parser.get_error(i)).split()) for i in range(parser.num_errors))
        found.complaints.clear()
        raise TensorRTError(f"{found.flavour} {found.version} cannot read {file}: {errors or 'it does not say why'}")
    config = found.checked(builder.create_builder_config(), "create_builder_config")
    if precision == "fp32":
        config.clear_flag(api.BuilderFlag.TF32)  # on by default: ten bits of mantissa, which fp32 does not promise
    if user_allocation := getattr(api.BuilderFlag, "REQUIRE_USER_ALLOCATION", None):
        config.set_flag(user_allocation)  # without it RTX allocates while it runs, and cannot be captured as a graph
    for shapes in profiles:
        profile = found.checked(builder.create_optimization_profile(), "create_optimization_profile")
        profile.set_shape(spec.input.tensor.name, *shapes)
        added = config.add_optimization_profile(profile)
        found.checked(added >= 0, f"add_optimization_profile({shapes})")
    monitor = _monitor(api, progress)
    config.progress_monitor = monitor
    content = found.checked(builder.build_serialized_network(network, config), "build_serialized_network")
    tensors = {
        "inputs": [_described(network.get_input(i)) for i in range(network.num_inputs)],
        "outputs": [_described(network.get_output(i)) for i in range(network.num_outputs)],
    }
    return bytes(content), tensors


def _described(tensor: Any) -> dict[str, Any]:
    return {"name": tensor.name, "dtype": tensor.dtype.name, "shape": list(tensor.shape)}


def _monitor(api: Any, progress: Progress) -> Any:
    """TensorRT's reports of its phases as ours: how far the outermost one is, at every step of those within it too."""

    class Monitor(api.IProgressMonitor):  # type: ignore[misc]
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
