"""Reads a TensorFlow.js graph model: the GraphDef as JSON, and the weights in the manifest's order.

Format: the converter's README of @tensorflow/tfjs, "graph-model"; weights quantised to float16 are widened to float32.
"""

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.exceptions import ImportModelError
from posestream.engines.zoo.importer.graph import DTYPE_NAMES, DTYPES, Attr, TfGraph, TfNode


def read(model: bytes, weights: bytes) -> TfGraph:
    """The graph of a model.json and its one file of weights. Raises ImportModelError where they are no graph model."""
    try:
        description = json.loads(model)
        stored = _weights(description["weightsManifest"], weights)
        nodes = {n["name"]: _node(n) for n in description["modelTopology"]["node"]}
        constants = {
            name: stored[name].astype(node.attrs.get("dtype", stored[name].dtype), copy=False)
            for name, node in nodes.items()
            if node.op == "Const"
        }
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise ImportModelError(f"not a TensorFlow.js graph model: {e!r}") from e
    return TfGraph(nodes, constants)


def _weights(manifest: list[Mapping[str, Any]], data: bytes) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    at = 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        quantised = entry.get("quantization")
        if quantised and quantised["dtype"] != "float16":
            raise ImportModelError(
                f"weight {entry['name']!r} is quantised to {quantised['dtype']}: only float16 is read"
            )
        dtype = np.dtype(quantised["dtype"] if quantised else entry["dtype"]).newbyteorder("<")
        count = math.prod(entry["shape"])
        array = np.frombuffer(data, dtype, count, at).reshape(entry["shape"])
        arrays[entry["name"]] = array.astype(entry["dtype"], copy=False)
        at += count * dtype.itemsize
    if at != len(data):
        raise ImportModelError(f"the manifest describes {at} bytes of weights, the file has {len(data)}")
    return arrays


def _node(entry: Mapping[str, Any]) -> TfNode:
    attrs = {name: _attr(value) for name, value in entry.get("attr", {}).items()}
    inputs = tuple(name for name in entry.get("input", ()) if not name.startswith("^"))
    return TfNode(entry["name"], entry["op"], inputs, attrs)


def _attr(value: Mapping[str, Any]) -> Attr:
    kind, payload = next(iter(value.items()), ("list", {}))
    if kind == "list":
        return tuple(_scalar(k, item) for k, items in payload.items() for item in items)
    return _scalar(kind, payload)


def _scalar(kind: str, payload: Any) -> Attr:
    if kind == "i":
        return int(payload)
    if kind == "s":
        return base64.b64decode(payload).decode()
    if kind == "type":
        number = DTYPE_NAMES.get(payload, -1) if isinstance(payload, str) else payload
        return DTYPES.get(number, payload)
    if kind == "shape":
        sizes = (int(dim["size"]) for dim in payload.get("dim", ()))
        return tuple(None if size < 0 else size for size in sizes)
    return payload  # "f", "b"; a Const's tensor is empty here, its values are among the weights
