"""An ONNX network as calls of torch, for images of one shape: what does not depend on them is worked out beforehand."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from posestream.engines.backends.torch import arithmetic_operators, array_operators, layer_operators
from posestream.engines.backends.torch.nodes import OnnxGraph, OnnxNode
from posestream.engines.backends.torch.operators import Operator, Run

OPERATORS: Mapping[str, Operator] = {
    **arithmetic_operators.OPERATORS,
    **array_operators.OPERATORS,
    **layer_operators.OPERATORS,
}
"""Name of an ONNX operator -> what does it."""


class UnknownOperatorError(ValueError):
    """A network has an operator, or a kind of one, that the table lacks; the message names it."""


class _Step(NamedTuple):
    run: Run
    node: OnnxNode
    inputs: tuple[Tensor | str | None, ...]  # a constant, or what an earlier step made
    done_with: tuple[str, ...]  # what no later step takes


class TorchNetwork:
    """The nodes and weights of a network on a device; programs for several shapes share the weights."""

    def __init__(self, nodes: OnnxGraph, device: torch.device) -> None:
        """Raises UnknownOperatorError."""
        if unknown := {node.operator for node in nodes.nodes} - set(OPERATORS):
            raise UnknownOperatorError(f"torch has no {', '.join(sorted(unknown))} here")
        for node in nodes.nodes:
            if ignored := OPERATORS[node.operator].ignored(node):
                raise UnknownOperatorError(f"torch has no {node.operator} with {', '.join(ignored)} here")
        self._nodes, self._device = nodes, device
        self.input_dtype = getattr(torch, nodes.input_dtype.name)
        self._constants = {name: torch.tensor(values) for name, values in nodes.constants.items()}
        self._held: dict[str, Tensor] = {}
        self._last_used = _last_used(nodes)

    def program(self, images: Tensor, outputs: Sequence[str]) -> "Program":
        """What makes those outputs of images like these, on the device and of `input_dtype`: it is run once to see."""
        known, live = dict(self._constants), {self._nodes.input: images}
        steps = []
        for number, node in enumerate(self._nodes.nodes):
            operator = OPERATORS[node.operator]
            if operator.of_shape:
                known[node.outputs[0]] = _results(
                    operator.run(node, *(live.get(n, known.get(n)) for n in node.inputs))
                )[0]
            elif not live.keys() & set(node.inputs):
                known.update(zip(node.outputs, _results(operator.run(node, *map(known.get, node.inputs))), strict=True))
            else:
                inputs = tuple(
                    name
                    if name in live
                    else known.get(name)
                    if i in operator.settings
                    else self._on_device(name, known)
                    for i, name in enumerate(node.inputs)
                )
                steps.append(_Step(operator.run, node, inputs, ()))
                live.update(zip(node.outputs, _called(steps[-1], live), strict=True))
            for name in self._last_used[number]:
                live.pop(name, None)
        return Program(self._nodes.input, _with_ends(steps, outputs), tuple(outputs))

    def _on_device(self, name: str, known: Mapping[str, Tensor]) -> Tensor | None:
        """A constant beside the images, weights with their channels last."""
        if name not in known:
            return None
        if known[name] is not self._constants.get(name):
            return _beside(known[name], self._device)
        if name not in self._held:
            self._held[name] = _beside(known[name], self._device)
        return self._held[name]


class Program:
    """Calls of torch in order; none waits for the device or depends on what it finds, so a CUDA graph may hold them."""

    def __init__(self, images: str, steps: Sequence[_Step], outputs: tuple[str, ...]) -> None:
        self._images, self._steps, self._outputs = images, tuple(steps), outputs

    def __call__(self, images: Tensor) -> list[Tensor]:
        """The outputs for images (N, ...) like those that it was made with."""
        values = {self._images: images}
        for step in self._steps:
            values.update(zip(step.node.outputs, _called(step, values), strict=True))
            for name in step.done_with:
                del values[name]
        return [values[name] for name in self._outputs]


def _last_used(nodes: OnnxGraph) -> list[list[str]]:
    """For each node what no later one takes: it need not be held any longer."""
    last = {name: number for number, node in enumerate(nodes.nodes) for name in (*node.outputs, *node.inputs)}
    ended: list[list[str]] = [[] for _ in nodes.nodes]
    for name, number in last.items():
        ended[number].append(name)
    return ended


def _called(step: _Step, values: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    return _results(step.run(step.node, *(values[i] if isinstance(i, str) else i for i in step.inputs)))


def _results(found: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return found if isinstance(found, tuple) else (found,)


def _beside(values: Tensor, device: torch.device) -> Tensor:
    layout = torch.channels_last if values.dim() == 4 else torch.contiguous_format
    return values.to(device, memory_format=layout)


def _with_ends(steps: Sequence[_Step], outputs: Sequence[str]) -> list[_Step]:
    """The steps that the outputs rest on, each with what may be let go after it."""
    wanted, ended = set(outputs), []
    for step in reversed(steps):
        if not wanted & set(step.node.outputs):
            continue
        names = {*step.node.outputs, *(i for i in step.inputs if isinstance(i, str))}
        ended.append(step._replace(done_with=tuple(sorted(names - wanted))))
        wanted |= names
    return ended[::-1]
