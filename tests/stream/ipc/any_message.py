"""Any value that a message type allows, made from the type itself, so that no field can be forgotten."""

import functools
from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
INTEGERS = {"min_value": -(2**63), "max_value": 2**64 - 1}  # what MessagePack holds


@functools.cache
def values_of(kind: type) -> st.SearchStrategy[Any]:
    """Values of a message type; no NaN, which is not equal to itself."""
    return _of(inspect.type_info(kind))


def _of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.Metadata(type=described):
            return _of(described)
        case inspect.StructType(cls=cls, fields=fields):
            return st.builds(cls, **{field.name: _of(field.type) for field in fields})
        case inspect.NamedTupleType(cls=cls, fields=fields):
            return st.builds(cls, *(_of(field.type) for field in fields))
        case inspect.IntType(ge=ge):
            return st.integers(**{**INTEGERS, "min_value": INTEGERS["min_value"] if ge is None else ge})
        case inspect.FloatType(ge=ge, le=le):
            return st.floats(ge, le, allow_nan=False)
        case inspect.StrType(pattern=None):
            return TEXTS
        case inspect.StrType(pattern=pattern, max_length=longest):
            return st.from_regex(pattern or "", fullmatch=True).filter(lambda text: len(text) <= (longest or 1000))
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.UnionType(types=types):
            return st.one_of(*map(_of, types))
        case inspect.ListType(item_type=item):
            return st.lists(_of(item), max_size=3)
        case inspect.VarTupleType(item_type=item):
            return st.lists(_of(item), max_size=4).map(tuple)
        case inspect.TupleType(item_types=items):
            return st.tuples(*map(_of, items))
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(_of(key), _of(value), max_size=3)
        case inspect.BytesType():
            return st.binary(max_size=20)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
    raise TypeError(f"no values known for {kind}")
