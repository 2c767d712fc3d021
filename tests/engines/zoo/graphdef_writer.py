"""Writes a frozen GraphDef by hand, for tests: OpenVINO's TensorFlow reader and ours are then given the same bytes."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPE_NUMBERS = {"float32": 1, "int32": 3, "int64": 9, "bool": 10}


@dataclass
class GraphDef:
    """Nodes as bytes, in the order they are added."""

    data: bytes = b""
    names: list[str] = field(default_factory=list)

    def placeholder(self, name: str, dtype: str, shape: Iterable[int]) -> str:
        return self.node(name, "Placeholder", (), dtype=np.dtype(dtype), shape=_Shape(tuple(shape)))

    def const(self, name: str, array: Any, dtype: str) -> str:
        values = np.asarray(array, dtype)
        return self.node(name, "Const", (), dtype=values.dtype, value=values)

    def node(self, name: str, op: str, inputs: Iterable[str], **attrs: Any) -> str:
        parts = [_text(1, name), _text(2, op), *(_text(3, i) for i in inputs)]
        parts += [_message(5, _text(1, key) + _message(2, _attr(value))) for key, value in attrs.items()]
        self.data += _message(1, b"".join(parts))
        self.names.append(name)
        return name


class _Shape(tuple[int, ...]):
    __slots__ = ()


def _attr(value: Any) -> bytes:
    """AttrValue; a list of ints is packed, as protobuf 3 writes it."""
    if isinstance(value, bool):
        return _number(5, value)
    if isinstance(value, int):
        return _number(3, value)
    if isinstance(value, float):
        return _varint(4 << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, str):
        return _text(2, value)
    if isinstance(value, np.dtype):
        return _number(6, DTYPE_NUMBERS[value.name])
    if isinstance(value, _Shape):
        return _message(7, _shape(value))
    if isinstance(value, np.ndarray):
        return _message(8, tensor(value))
    if value and isinstance(value[0], str):
        return _message(1, b"".join(_text(2, item) for item in value))
    return _message(1, _message(3, b"".join(map(_varint, value))))


def tensor(array: NDArray[Any]) -> bytes:
    """TensorProto with its values as raw bytes."""
    return _number(1, DTYPE_NUMBERS[array.dtype.name]) + _message(2, _shape(array.shape)) + _message(4, array.tobytes())


def _shape(sizes: Iterable[int]) -> bytes:
    return b"".join(_message(2, _number(1, size)) for size in sizes)


def _text(number: int, value: str) -> bytes:
    return _message(number, value.encode())


def _message(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    value %= 1 << 64
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])
