"""int8 forms of networks, for OpenVINO: quantised after training, from images that their users give.

What a network sees there is what sets the ranges of its numbers, so give what its camera sees. Jacob et al. 2018,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"; nncf does it. Ranges
are the least and the greatest that were seen: with means of them, which nncf takes by itself, poses lost more. What
comes after the last convolution, where maps become joints, stays as it is: an arg-max over 256 values is no arg-max.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from posestream.engines.exceptions import MissingExtraError, WeightsError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.store import cache

if TYPE_CHECKING:
    import openvino as ov

LEAST_IMAGES = 10
"""Fewer inputs say too little of a network's ranges."""

_CONVOLUTIONS = ("Convolution", "GroupConvolution")
_MADE_BY = 1  # raised where networks are quantised in another way: older ones are then made anew


class NotQuantisedError(WeightsError):
    """There is no int8 form of a network here; the message says how to make it."""


def path_of(spec: ModelSpec, onnx_path: Path) -> Path:
    """The int8 form of the network at `onnx_path`, an OpenVINO `.xml` beside its `.bin`.

    Raises NotQuantisedError where there is none, or only one of other weights.
    """
    path, sidecar = _files(spec)
    try:
        made = json.loads(sidecar.read_text())["recipe"] == _recipe(onnx_path) and path.is_file()
    except (OSError, ValueError, KeyError):
        made = False
    if not made:
        raise NotQuantisedError(
            f"{spec.name} has no int8 form on this machine: run "
            f"`posestream models quantise {spec.name} --images DIR`, with images such as it will see"
        )
    return path


def quantise(spec: ModelSpec, onnx_path: Path, inputs: Sequence[NDArray[Any]]) -> Path:
    """Makes the int8 form from `inputs`, (1, ...) each, as preprocess gives them; returns its `.xml`.

    Raises MissingExtraError without nncf, WeightsError for too few inputs.
    """
    check_enough(spec, inputs)
    nncf = _nncf()
    import openvino as ov
    from openvino.frontend import FrontEndManager

    frontend = FrontEndManager().load_by_framework("onnx")
    model = frontend.convert(frontend.load(str(onnx_path)))
    after = [node.get_friendly_name() for node in model.get_ordered_ops() if not _meets_convolution(node)]
    ranges = nncf.quantization.range_estimator.RangeEstimatorParametersSet.MINMAX
    small = nncf.quantize(
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
        sidecar.unlink(missing_ok=True)  # what is half written has none
        ov.save_model(small, path, compress_to_fp16=False)
        about = {
            "recipe": _recipe(onnx_path),
            "inputs": len(inputs),
            "nncf": nncf.__version__,
            "openvino": ov.__version__,
        }
        cache.write(sidecar, json.dumps(about, indent=2).encode())
    return path


def check_enough(spec: ModelSpec, inputs: Sequence[NDArray[Any]]) -> None:
    """Raises WeightsError where so few inputs say too little of a network's ranges."""
    if len(inputs) < LEAST_IMAGES:
        raise WeightsError(
            f"{spec.name} saw {len(inputs)} inputs in these images, and needs {LEAST_IMAGES}: give more images"
        )


def _files(spec: ModelSpec) -> tuple[Path, Path]:
    folder = cache.directory() / "int8"
    return folder / f"{spec.name}.xml", folder / f"{spec.name}.json"


def _recipe(onnx_path: Path) -> dict[str, Any]:
    """All that an int8 form depends on, but the images."""
    return {"onnx_sha256": cache.sha256_of(onnx_path), "made_by": _MADE_BY}


def _meets_convolution(node: "ov.Node") -> bool:
    """True for a convolution, and for what leads to one."""
    seen, ahead = set(), [node]
    while ahead:
        one = ahead.pop()
        if one.get_type_name() in _CONVOLUTIONS:
            return True
        for output in one.outputs():
            for target in output.get_target_inputs():
                following = target.get_node()
                if following.get_friendly_name() not in seen:
                    seen.add(following.get_friendly_name())
                    ahead.append(following)
    return False


def _nncf() -> Any:
    try:
        import nncf
        import nncf.quantization.range_estimator
    except ImportError:
        raise MissingExtraError("int8 networks are made by nncf: pip install posestream[quantise]") from None
    nncf.set_log_level(logging.ERROR)
    return nncf
