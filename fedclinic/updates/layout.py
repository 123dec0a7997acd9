"""Where the tensors of a safetensors file lie: its header, read by strict rules that trust nothing.

Taken is exactly what the plan's schema describes: the same names, shapes and element type, tensors
that lie side by side without gap, overlap or tail, and no metadata. The numbers are the codec's.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Never

from fedclinic.errors import AdmissionError

TensorSchema = Mapping[str, tuple[int, ...]]
ElementType = Literal["F32", "BF16"]

MAX_HEADER_BYTES = 1 << 20
LENGTH_BYTES = 8
"""Bytes in which a file says how long its header is, before the header."""
WIDTH: dict[ElementType, int] = {"F32": 4, "BF16": 2}
"""Bytes of one number."""


@dataclass(frozen=True)
class Slot:
    """Where one tensor lies in a file, in bytes from the file's start."""

    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Layout:
    """A checked header: one slot for each tensor of the schema, in the order of the file."""

    dtype: ElementType
    slots: Mapping[str, Slot]


def count_parameters(schema: TensorSchema) -> int:
    return sum(math.prod(shape) for shape in schema.values())


def max_file_bytes(schema: TensorSchema, dtype: ElementType) -> int:
    """The largest file that the reader could accept; refuse a longer upload while it arrives."""
    return LENGTH_BYTES + MAX_HEADER_BYTES + count_parameters(schema) * WIDTH[dtype]


def read_layout(head: bytes, *, size: int, schema: TensorSchema, dtype: ElementType) -> Layout:
    """Check the header of a file of `size` bytes that begins with `head`.

    Raises:
        AdmissionError: if `head` lacks a part of the header, or the file is not laid out exactly
            as the schema says.
    """
    length = header_bytes(head, size)
    if len(head) < LENGTH_BYTES + length:
        raise AdmissionError("update: the header is cut off")
    header = _parse_header(head[LENGTH_BYTES : LENGTH_BYTES + length])
    if header.pop("__metadata__", {}) != {}:
        raise AdmissionError("update: metadata is not allowed")
    if header.keys() != schema.keys():
        unexpected, missing = len(header.keys() - schema.keys()), len(schema.keys() - header.keys())
        raise AdmissionError(
            f"update: {unexpected} tensor names are not in the plan and {missing} are missing"
        )
    begin = LENGTH_BYTES + length
    slots = {
        name: _read_slot(name, entry, schema[name], dtype, begin) for name, entry in header.items()
    }
    ordered = dict(sorted(slots.items(), key=lambda item: item[1].start))
    position = begin
    for name, slot in ordered.items():
        if slot.start != position:
            raise AdmissionError(f"update: gap or overlap before tensor {name!r}")
        position = slot.stop
    if position != size:
        raise AdmissionError(f"update: {size} bytes long, its tensors end at {position}")
    return Layout(dtype, ordered)


def header_bytes(head: bytes, size: int) -> int:
    """The length of the header, which follows the first eight bytes.

    Raises:
        AdmissionError: if it cannot be the header of a file of `size` bytes.
    """
    if len(head) < LENGTH_BYTES:
        raise AdmissionError("update: shorter than a header")
    length = int.from_bytes(head[:LENGTH_BYTES], "little")
    if not 2 <= length <= min(MAX_HEADER_BYTES, size - LENGTH_BYTES):
        raise AdmissionError(f"update: header length {length} in a file of {size} bytes")
    return length


def _parse_header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(
            text.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        raise AdmissionError("update: the header is not JSON") from None
    if not isinstance(header, dict):
        raise AdmissionError("update: the header is not an object")
    return header


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise AdmissionError("update: a name appears twice in the header")
    return entries


def _refuse_constant(constant: str) -> Never:
    raise AdmissionError(f"update: {constant} in the header")


def _read_slot(
    name: str, entry: object, shape: tuple[int, ...], dtype: ElementType, begin: int
) -> Slot:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise AdmissionError(f"update: the entry of tensor {name!r} is not three fields")
    if entry["dtype"] != dtype:
        raise AdmissionError(f"update: tensor {name!r} is not {dtype}")
    if not _is_sizes(entry["shape"]) or tuple(entry["shape"]) != shape or 0 in shape:
        raise AdmissionError(f"update: tensor {name!r} does not have shape {shape}")
    offsets = entry["data_offsets"]
    if not _is_sizes(offsets) or len(offsets) != 2:
        raise AdmissionError(f"update: tensor {name!r} has no place in the file")
    start, stop = offsets
    if stop - start != math.prod(shape) * WIDTH[dtype]:
        raise AdmissionError(f"update: tensor {name!r} does not have the bytes of its shape")
    return Slot(shape, begin + start, begin + stop)


def _is_sizes(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)
