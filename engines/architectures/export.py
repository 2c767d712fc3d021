"""Export of a network to ONNX, with the tensors of its ModelSpec."""

import logging
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch.export import Dim

from posestream.engines.architectures.pose_network import Deployed, Network
from posestream.engines.spec import ModelSpec

if TYPE_CHECKING:
    from onnx import ModelProto

_EXAMPLE_BATCH = 2  # the exporter takes 1 for a constant


def to_onnx(network: Network, spec: ModelSpec) -> "ModelProto":
    """The network in eval mode as ONNX, with the spec's None axes variable. Raises ValueError where outputs differ."""
    image = spec.input
    deployed = Deployed(network).eval()
    height, width = image.size_hw or _example_hw(network)
    example = torch.zeros(_EXAMPLE_BATCH, network.channels, height, width)
    with torch.no_grad():
        outputs = deployed(example)
    if [o.ndim for o in outputs] != [len(o.shape) for o in spec.outputs]:
        shapes = [tuple(o.shape) for o in outputs]
        raise ValueError(
            f"{spec.name}: the network's outputs are {shapes}, its spec's {[o.shape for o in spec.outputs]}"
        )
    varying: dict[int, Any] = {0: Dim("batch")}
    if image.size_hw is None:
        varying |= {2: network.multiple_px * Dim("rows"), 3: network.multiple_px * Dim("columns")}
    for verbose in ("torch.onnx", "onnxscript", "onnx_ir"):  # log every step
        logging.getLogger(verbose).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's deprecation warnings about itself
        program = torch.onnx.export(
            deployed,
            (example,),
            dynamo=True,
            input_names=[image.tensor.name],
            output_names=[output.name for output in spec.outputs],
            dynamic_shapes=(varying,),
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _example_hw(network: Network) -> tuple[int, int]:
    """Two different sides, so that the exporter does not identify them."""
    side = -(-max(network.min_px, 64) // network.multiple_px) * network.multiple_px
    return 2 * side, 3 * side
