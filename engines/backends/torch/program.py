"""An ONNX network as calls of torch, partially evaluated for images of one shape.

Each node is one of three kinds, found by running the network once on example images:

    of shape   depends on the shapes of its inputs alone    ─▶ its value is known: evaluated now, in host memory
    constant   depends on no pixels                         ─▶ the same
    step       depends on pixels                            ─▶ a call of torch at each run of the program

For example, of a resize to twice the size of `x`:

    Shape(x) = 1, 64, 56, 56 ─▶ Mul(1, 1, 2, 2) = 1, 64, 112, 112 ─▶ Resize(x, sizes)
    of shape                    constant                             step, with sizes in host memory

So a program never waits for the device to learn a shape, and a CUDA graph can hold it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from posestream.engines.backends.torch import arithmetic_operators, array_operators, layer_operators
from posestream.engines.backends.torch.nodes import OnnxGraph, OnnxNode
from posestream.engines.backends.torch.operators import Operator

OPERATORS: Mapping[str, Operator] = {
    **arithmetic_operators.OPERATORS,
    **array_operators.OPERATORS,
    **layer_operators.OPERATORS,
}
"""ONNX operator -> its implementation in torch."""

Values: TypeAlias = dict[str, Tensor]


class UnknownOperatorError(ValueError):
    """The table has no such operator, or not with such attributes; the message names it."""


class _Step(NamedTuple):
    operator: Operator
    node: OnnxNode
    inputs: tuple[Tensor | str | None, ...]  # a constant, the name of an earlier step's output, or omitted
    last_uses: tuple[str, ...] = ()  # what no later step reads

    def outputs(self, live: Mapping[str, Tensor]) -> Values:
        arguments = (live[value] if isinstance(value, str) else value for value in self.inputs)
        return _evaluate(self.operator, self.node, *arguments)


class TorchNetwork:
    """The nodes and weights of a network on a device; programs for several shapes share the weights."""

    def __init__(self, graph: OnnxGraph, device: torch.device) -> None:
        """Raises UnknownOperatorError where the table lacks an operator."""
        if unknown := {node.operator for node in graph.nodes} - set(OPERATORS):
            raise UnknownOperatorError(f"torch has no {', '.join(sorted(unknown))} here")
        for node in graph.nodes:
            if unsupported := OPERATORS[node.operator].unsupported(node):
                raise UnknownOperatorError(f"torch has no {node.operator} with {', '.join(unsupported)} here")
        self._graph, self._device = graph, device
        self.input_dtype = getattr(torch, graph.input_dtype.name)
        self._constants = {name: torch.tensor(values) for name, values in graph.constants.items()}
        self._on_device: Values = {}
        self._last_uses = _last_uses(graph)

    def program(self, images: Tensor, outputs: Sequence[str]) -> "Program":
        """The program that computes those outputs of images like these, on the device and of `input_dtype`."""
        known = dict(self._constants)  # values that depend on no pixels, in host memory
        live = {self._graph.input: images}  # values that depend on pixels, on the device, until their last use
        steps = []
        for node, last_uses in zip(self._graph.nodes, self._last_uses, strict=True):
            operator = OPERATORS[node.operator]
            if operator.of_shape or live.keys().isdisjoint(node.inputs):
                known |= _evaluate(operator, node, *(live.get(name, known.get(name)) for name in node.inputs))
            else:
                steps.append(_Step(operator, node, self._step_inputs(operator, node, known, live)))
                live |= steps[-1].outputs(live)
            for name in last_uses:
                live.pop(name, None)
        return Program(self._graph.input, _pruned(steps, outputs), tuple(outputs))

    def _step_inputs(
        self, operator: Operator, node: OnnxNode, known: Values, live: Values
    ) -> tuple[Tensor | str | None, ...]:
        """Names of live values; known values, on the device unless the operator reads them from host memory."""
        inputs: list[Tensor | str | None] = []
        for i, name in enumerate(node.inputs):
            if name in live:
                inputs.append(name)
            elif name not in known or i in operator.host_inputs:
                inputs.append(known.get(name))
            else:
                inputs.append(self._moved(name, known[name]))
        return tuple(inputs)

    def _moved(self, name: str, value: Tensor) -> Tensor:
        """A known value on the device; weights are moved once, for all programs."""
        if value is not self._constants.get(name):
            return _to_device(value, self._device)
        if name not in self._on_device:
            self._on_device[name] = _to_device(value, self._device)
        return self._on_device[name]


class Program:
    """Calls of torch in order. None waits for the device or depends on its results, so a CUDA graph can hold them."""

    def __init__(self, images: str, steps: Sequence[_Step], outputs: tuple[str, ...]) -> None:
        self._images, self._steps, self._outputs = images, tuple(steps), outputs

    def __call__(self, images: Tensor) -> list[Tensor]:
        """The outputs for images (N, ...) of the shape and dtype that the program was made for."""
        live = {self._images: images}
        for step in self._steps:
            live |= step.outputs(live)
            for name in step.last_uses:
                del live[name]
        return [live[name] for name in self._outputs]


def _evaluate(operator: Operator, node: OnnxNode, *inputs: Tensor | None) -> Values:
    result = operator.run(node, *inputs)
    return dict(zip(node.outputs, result if isinstance(result, tuple) else (result,), strict=True))


def _last_uses(graph: OnnxGraph) -> list[list[str]]:
    """For each node the values that no later one reads: they can be freed after it."""
    last = {name: i for i, node in enumerate(graph.nodes) for name in (*node.outputs, *node.inputs)}
    last_uses: list[list[str]] = [[] for _ in graph.nodes]
    for name, i in last.items():
        last_uses[i].append(name)
    return last_uses


def _to_device(values: Tensor, device: torch.device) -> Tensor:
    layout = torch.channels_last if values.dim() == 4 else torch.contiguous_format
    return values.to(device, memory_format=layout)


def _pruned(steps: Sequence[_Step], outputs: Sequence[str]) -> list[_Step]:
    """The steps that the outputs depend on, each with its last uses."""
    needed, kept = set(outputs), []
    for step in reversed(steps):
        if needed.isdisjoint(step.node.outputs):
            continue
        names = {*step.node.outputs, *(value for value in step.inputs if isinstance(value, str))}
        kept.append(step._replace(last_uses=tuple(sorted(names - needed))))
        needed |= names
    return kept[::-1]
