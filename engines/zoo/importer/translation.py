"""The type of the functions that each translate one operation."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from posestream.engines.zoo.importer.graph import TfNode
from posestream.engines.zoo.importer.writer import Value, Writer

Handler: TypeAlias = Callable[[TfNode, Sequence[Value], Writer], list[Value]]
"""Called with a node and the values of its inputs; writes ONNX nodes, returns the values of its outputs."""
