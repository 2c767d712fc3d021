"""The order of a network's nodes, which a file should give, and a converter's need not."""

from collections.abc import Sequence
from graphlib import TopologicalSorter


def in_order(inputs: Sequence[Sequence[str]], outputs: Sequence[Sequence[str]]) -> list[int]:
    """The numbers of nodes, each after those whose outputs it takes; node i takes `inputs[i]`, gives `outputs[i]`."""
    maker = {output: number for number, given in enumerate(outputs) for output in given if output}
    needs = {number: [maker[name] for name in taken if name in maker] for number, taken in enumerate(inputs)}
    return list(TopologicalSorter(needs).static_order())
