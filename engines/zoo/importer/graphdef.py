"""Reads a frozen TensorFlow GraphDef (.pb): as much of the protobuf wire format as it needs.

Fields as in tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape}.proto; wire format as in
https://protobuf.dev/programming-guides/encoding.
"""

import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from posestream.engines.exceptions import ImportModelError
from posestream.engines.zoo.importer.graph import DTYPES, Attr, TfGraph, TfNode

Field: TypeAlias = tuple[int, Any]
"""Field number and payload: int for a varint, bytes for the fixed-width and the length-delimited ones."""

_FIXED_BYTES: Mapping[int, int] = {1: 8, 5: 4}  # wire type -> payload
_TYPED_VALUES: Mapping[int, str] = {5: "<f4", 6: "<f8", 13: "<f2"}  # TensorProto float_val, double_val, half_val
_VARINT_VALUES = (7, 10, 11)  # TensorProto int_val, int64_val, bool_val


def read(data: bytes) -> TfGraph:
    """The graph in `data`. Raises ImportModelError where that is no frozen GraphDef."""
    nodes: dict[str, TfNode] = {}
    constants: dict[str, NDArray[Any]] = {}
    try:
        for number, payload in _fields(data):
            if number == 1:
                node = _node(payload)
                nodes[node.name] = node
                if node.op == "Const":
                    constants[node.name] = node.attrs["value"]
    except (IndexError, KeyError, ValueError, TypeError, struct.error) as e:
        raise ImportModelError(f"not a frozen GraphDef: {e!r}") from e
    if not nodes:
        raise ImportModelError("not a frozen GraphDef: it has no nodes")
    return TfGraph(nodes, constants)


def _fields(data: bytes) -> Iterator[Field]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in _FIXED_BYTES:
            size = _FIXED_BYTES[wire]
        else:
            raise ValueError(f"wire type {wire} at byte {at}")
        if at + size > len(data):
            raise ValueError(f"cut off at byte {len(data)}")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _node(data: bytes) -> TfNode:
    name = op = ""
    inputs: list[str] = []
    attrs: dict[str, Attr] = {}
    for number, payload in _fields(data):
        if number == 1:
            name = payload.decode()
        elif number == 2:
            op = payload.decode()
        elif number == 3 and not payload.startswith(b"^"):
            inputs.append(payload.decode())
        elif number == 5:
            entry = dict(_fields(payload))
            attrs[entry[1].decode()] = _attr(entry.get(2, b""))
    return TfNode(name, op, tuple(inputs), attrs)


def _attr(data: bytes) -> Attr:
    for number, payload in _fields(data):
        if number == 1:
            return tuple(_scalar(k, v) for k, v in _list_items(payload))
        if number == 7:
            return _shape(payload)
        if number == 8:
            return _tensor(payload)
        return _scalar(number, payload)
    return ()


def _scalar(number: int, payload: Any) -> Attr:
    if number == 2:
        return payload.decode("utf-8", "surrogateescape")
    if number == 3:
        return _signed(payload)
    if number == 4:
        return struct.unpack("<f", payload)[0]
    if number == 5:
        return bool(payload)
    if number == 6:
        return DTYPES.get(payload, payload)  # an unknown type only matters where an operation reads it
    return _shape(payload) if number == 7 else payload


def _list_items(data: bytes) -> Iterator[Field]:
    """The items of an AttrValue.ListValue, whose numbers may be packed into one field."""
    for number, payload in _fields(data):
        packed = isinstance(payload, bytes)
        if number in (3, 5, 6) and packed:
            yield from ((number, value) for value in _packed_varints(payload))
        elif number == 4 and packed:
            yield from ((4, payload[i : i + 4]) for i in range(0, len(payload), 4))
        else:
            yield number, payload


def _packed_varints(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _shape(data: bytes) -> tuple[int | None, ...]:
    sizes = (_signed(dict(_fields(dim)).get(1, 0)) for number, dim in _fields(data) if number == 2)
    return tuple(None if size < 0 else size for size in sizes)


def _tensor(data: bytes) -> NDArray[Any]:
    dtype, shape, content = np.dtype(np.float32), list[int](), b""
    values: list[float | int] = []
    for number, payload in _fields(data):
        if number == 1:
            dtype = DTYPES[payload]
        elif number == 2:
            shape = [size or 0 for size in _shape(payload)]
        elif number == 4:
            content = payload
        elif number in _TYPED_VALUES:
            values.extend(np.frombuffer(payload, _TYPED_VALUES[number]).tolist())
        elif number in _VARINT_VALUES:
            values.extend(map(_signed, _packed_varints(payload) if isinstance(payload, bytes) else [payload]))
    if content:
        return np.frombuffer(content, dtype).reshape(shape)
    return _filled(values, dtype, shape)


def _filled(values: list[float | int], dtype: np.dtype[Any], shape: list[int]) -> NDArray[Any]:
    """The values as an array; where a TensorProto has fewer values than elements, the last one is repeated."""
    missing = math.prod(shape) - len(values)
    return np.array([*values, *values[-1:] * missing], dtype).reshape(shape)
