"""A network in ONNX Runtime, OpenVINO and the torch backend (from ONNX), against torch."""

from dataclasses import dataclass

import numpy as np
import onnxruntime
import openvino
import torch
from numpy.typing import NDArray

from posestream.engines.architectures.export import to_onnx
from posestream.engines.architectures.pose_network import Deployed, Network
from posestream.engines.backends.torch.nodes import nodes_of
from posestream.engines.backends.torch.program import TorchNetwork as Program
from posestream.engines.spec import ModelSpec


@dataclass(frozen=True)
class Runtimes:
    """One network in torch and in three runtimes."""

    deployed: Deployed
    onnx: onnxruntime.InferenceSession
    openvino: openvino.CompiledModel
    read_again: Program
    outputs: tuple[str, ...]

    def greatest_error(self, images: NDArray[np.float32]) -> float:
        """The largest difference of any runtime and output, relative to the output's largest magnitude in torch."""
        given = torch.from_numpy(images)
        with torch.no_grad():
            wanted = [output.numpy(force=True) for output in self.deployed(given)]
            read_again = self.read_again.program(given, self.outputs)(given)
        ours = [self.onnx.run(None, {"images": images}), list(self.openvino([images]).values()), read_again]
        return max(
            float(np.abs(np.asarray(got) - right).max() / np.abs(right).max())
            for outputs in ours
            for got, right in zip(outputs, wanted, strict=True)
        )


def in_runtimes(network: Network, spec: ModelSpec) -> Runtimes:
    """Exports `network` and loads it in all runtimes, in float32."""
    model = to_onnx(network, spec)
    content = model.SerializeToString()
    core = openvino.Core()
    core.set_property({"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 2})
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return Runtimes(
        Deployed(network).eval(),
        onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"]),
        core.compile_model(core.read_model(content), "CPU"),
        Program(nodes_of(model), torch.device("cpu")),
        tuple(output.name for output in spec.outputs),
    )


def with_lively_weights(network: Network) -> Network:
    """Sets statistics as after training, so that batch normalisation is not the identity and signals do not vanish."""
    torch.manual_seed(0)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d) and module.running_mean is not None:
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.1)
    return network
