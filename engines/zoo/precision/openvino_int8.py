"""int8 networks for OpenVINO: quantised after training, with activation ranges from the user's images.

The images set the ranges of the network's numbers, so they should be such as its camera will see. Jacob et al. 2018,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"; nncf does it. A range is
the minimum and maximum over all images: with the mean minimum and maximum, nncf's default, poses lost more accuracy.
The nodes after the last convolution, which turn maps into joints, stay as they are: an arg-max over 256 levels is too
coarse.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from posestream.engines.exceptions import MissingExtraError, WeightsError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.store import artifacts, cache

if TYPE_CHECKING:
    import openvino as ov

MIN_INPUTS = 10
"""Fewer do not show a network's ranges."""

_CONVOLUTIONS = ("Convolution", "GroupConvolution")
_CONVERSION = 1  # raised with each change to the quantisation: older files are then refused


class NotQuantisedError(WeightsError):
    """The cache has no int8 version of a network; the message has the command that makes it."""


def path_of(spec: ModelSpec, onnx_path: Path) -> Path:
    """The int8 version of the network at `onnx_path`, an OpenVINO `.xml` beside its `.bin`.

    Raises NotQuantisedError where the cache has none, or one of other weights.
    """
    path, sidecar = _files(spec)
    if not path.is_file() or cache.read_json(sidecar).get("recipe") != _recipe(onnx_path):
        raise NotQuantisedError(
            f"{spec.name} has no int8 version on this machine: run "
            f"`posestream models quantise {spec.name} --images DIR`, with images such as it will see"
        )
    return path


def quantise(spec: ModelSpec, onnx_path: Path, inputs: Sequence[NDArray[Any]]) -> Path:
    """Makes the int8 version from `inputs`, (1, ...) each, of preprocess; returns its `.xml`.

    Raises MissingExtraError where nncf is not installed, WeightsError where the inputs are too few.
    """
    check_count(spec, inputs)
    nncf = _nncf()
    import openvino as ov
    from openvino.frontend import FrontEndManager

    frontend = FrontEndManager().load_by_framework("onnx")
    model = frontend.convert(frontend.load(str(onnx_path)))
    after = [node.get_friendly_name() for node in model.get_ordered_ops() if not _reaches_convolution(node)]
    ranges = nncf.quantization.range_estimator.RangeEstimatorParametersSet.MINMAX
    int8 = nncf.quantize(
        model,
        nncf.Dataset(list(inputs)),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(inputs),
        ignored_scope=nncf.IgnoredScope(names=after, validate=False),
        advanced_parameters=nncf.AdvancedQuantizationParameters(activations_range_estimator_params=ranges),
    )
    path, sidecar = _files(spec)
    with cache.writing(), cache.lock(f"int8-{spec.name}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        sidecar.unlink(missing_ok=True)  # a half-written network has no sidecar
        ov.save_model(int8, path, compress_to_fp16=False)
        facts = {
            "recipe": _recipe(onnx_path),
            "inputs": len(inputs),
            "nncf": nncf.__version__,
            "openvino": ov.__version__,
        }
        cache.write_json(sidecar, facts)
    return path


def check_count(spec: ModelSpec, inputs: Sequence[NDArray[Any]]) -> None:
    """Raises WeightsError where the inputs are too few to show a network's ranges."""
    if len(inputs) < MIN_INPUTS:
        raise WeightsError(
            f"{spec.name} saw {len(inputs)} inputs in these images, and needs {MIN_INPUTS}: give more images"
        )


def _files(spec: ModelSpec) -> tuple[Path, Path]:
    folder = cache.directory() / "int8"
    return folder / f"{spec.name}.xml", folder / f"{spec.name}.json"


def _recipe(onnx_path: Path) -> dict[str, Any]:
    """Everything that the int8 version depends on except the images."""
    return artifacts.derived_recipe(onnx_path, _CONVERSION)


def _reaches_convolution(node: "ov.Node") -> bool:
    """True for a convolution, and for nodes whose outputs reach one."""
    seen, pending = set(), [node]
    while pending:
        one = pending.pop()
        if one.get_type_name() in _CONVOLUTIONS:
            return True
        for output in one.outputs():
            for target in output.get_target_inputs():
                reader = target.get_node()
                if reader.get_friendly_name() not in seen:
                    seen.add(reader.get_friendly_name())
                    pending.append(reader)
    return False


def _nncf() -> Any:
    try:
        import nncf
        import nncf.quantization.range_estimator
    except ImportError:
        raise MissingExtraError("int8 networks are made by nncf: pip install posestream[quantise]") from None
    nncf.set_log_level(logging.ERROR)
    return nncf
