"""Tensors as safetensors bytes and back, by our own strict reader that trusts nothing unchecked.

The reader takes exactly what the plan's schema describes: the same names, shapes and element type,
tensors that lie side by side without gap, overlap or tail, and no metadata. Everything that travels
is a *change*: BF16 loses 0.2 % of a change, but much more of one if it were added to its weights.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Never, Self

import numpy as np
from numpy.typing import NDArray

from fedclinic.digest import digest_chunks
from fedclinic.errors import AdmissionError
from fedclinic.records import Digest

Array = NDArray[np.float32]
Tensors = Mapping[str, Array]
"""Named tensors; an `UpdateFile` is one whose tensors are read from disk when asked for."""

TensorSchema = Mapping[str, tuple[int, ...]]
ElementType = Literal["F32", "BF16"]

MAX_HEADER_BYTES = 1 << 20
_LENGTH_BYTES = 8
_WIDTH: dict[ElementType, int] = {"F32": 4, "BF16": 2}
_READ_BYTES = 1 << 20


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


def schema_of(tensors: Tensors) -> dict[str, tuple[int, ...]]:
    """Names and shapes; reads no tensor of an `UpdateFile`."""
    if isinstance(tensors, UpdateFile):
        return {name: slot.shape for name, slot in tensors.layout.slots.items()}
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def count_parameters(schema: TensorSchema) -> int:
    return sum(math.prod(shape) for shape in schema.values())


def max_file_bytes(schema: TensorSchema, dtype: ElementType) -> int:
    """The largest file that the reader could accept; refuse a longer upload while it arrives."""
    return _LENGTH_BYTES + MAX_HEADER_BYTES + count_parameters(schema) * _WIDTH[dtype]


def encode_chunks(tensors: Tensors, dtype: ElementType) -> Iterator[bytes]:
    """Encode tensors one at a time, sorted by name, in the memory of the largest.

    Equal tensors give equal bytes.

    Raises:
        AdmissionError: if a number is not finite, or rounds to infinity.
    """
    header: dict[str, Any] = {}
    end = 0
    for name in sorted(tensors):
        start, end = end, end + tensors[name].size * _WIDTH[dtype]
        header[name] = {
            "dtype": dtype,
            "shape": list(tensors[name].shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors start on a multiple of eight
    yield len(text).to_bytes(_LENGTH_BYTES, "little") + text
    for name in sorted(tensors):
        yield _narrow(name, np.ascontiguousarray(tensors[name], dtype="<f4"), dtype)


def encode(tensors: Tensors, dtype: ElementType) -> bytes:
    """Encode tensors as one safetensors file; see `encode_chunks`."""
    return b"".join(encode_chunks(tensors, dtype))


def read_layout(head: bytes, *, size: int, schema: TensorSchema, dtype: ElementType) -> Layout:
    """Check the header of a file of `size` bytes that begins with `head`.

    Raises:
        AdmissionError: if `head` lacks a part of the header, or the file is not laid out exactly
            as the schema says.
    """
    length = header_bytes(head, size)
    if len(head) < _LENGTH_BYTES + length:
        raise AdmissionError("update: the header is cut off")
    header = _parse_header(head[_LENGTH_BYTES : _LENGTH_BYTES + length])
    if header.pop("__metadata__", {}) != {}:
        raise AdmissionError("update: metadata is not allowed")
    if header.keys() != schema.keys():
        unexpected, missing = len(header.keys() - schema.keys()), len(schema.keys() - header.keys())
        raise AdmissionError(
            f"update: {unexpected} tensor names are not in the plan and {missing} are missing"
        )
    begin = _LENGTH_BYTES + length
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
    if len(head) < _LENGTH_BYTES:
        raise AdmissionError("update: shorter than a header")
    length = int.from_bytes(head[:_LENGTH_BYTES], "little")
    if not 2 <= length <= min(MAX_HEADER_BYTES, size - _LENGTH_BYTES):
        raise AdmissionError(f"update: header length {length} in a file of {size} bytes")
    return length


def decode(blob: bytes, schema: TensorSchema, dtype: ElementType) -> dict[str, Array]:
    """Read a whole file from memory.

    Raises:
        AdmissionError: if it is not exactly what the schema describes, or a number is not finite.
    """
    layout = read_layout(blob, size=len(blob), schema=schema, dtype=dtype)
    tensors = {}
    for name, slot in layout.slots.items():
        tensor = np.empty(slot.elements, dtype=np.float32)
        if dtype == "F32":
            tensor[:] = np.frombuffer(blob, "<f4", count=slot.elements, offset=slot.start)
        else:
            _widen(np.frombuffer(blob, "<u2", count=slot.elements, offset=slot.start), tensor)
        check_finite(name, tensor)
        tensors[name] = tensor.reshape(slot.shape)
    return tensors


class UpdateFile(Mapping[str, Array]):
    """A file of tensors, checked when opened and read one tensor or slice at a time.

    Holds one descriptor: what is hashed is what is read, whatever happens to the path.
    """

    def __init__(self, path: Path, schema: TensorSchema, dtype: ElementType) -> None:
        """Open and check the header.

        Raises:
            AdmissionError: if the file is not laid out exactly as the schema says.
            OSError: if it cannot be opened.
        """
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self.size = os.fstat(self._descriptor).st_size
            length = header_bytes(self._read(0, min(self.size, _LENGTH_BYTES)), self.size)
            head = self._read(0, _LENGTH_BYTES + length)
            self.layout = read_layout(head, size=self.size, schema=schema, dtype=dtype)
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)

    def __getitem__(self, name: str) -> Array:
        slot = self.layout.slots[name]
        tensor = np.empty(slot.elements, dtype=np.float32)
        self.read_into(name, 0, tensor)
        return tensor.reshape(slot.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self.layout.slots)

    def __len__(self) -> int:
        return len(self.layout.slots)

    def read_into(self, name: str, start: int, out: Array) -> None:
        """Fill `out`, flat, with the elements of a tensor from `start` on."""
        slot, width = self.layout.slots[name], _WIDTH[self.layout.dtype]
        offset = slot.start + start * width
        if not 0 <= start <= slot.elements - out.size:
            raise IndexError(f"elements {start} to {start + out.size} of tensor {name!r}")
        if self.layout.dtype == "F32":
            self._fill(out, offset)
        else:
            narrow = np.empty(out.size, dtype="<u2")
            self._fill(narrow, offset)
            _widen(narrow, out)

    def digest(self) -> Digest:
        """SHA-256 of the whole file, in constant memory."""
        return digest_chunks(
            self._read(start, min(_READ_BYTES, self.size - start))
            for start in range(0, self.size, _READ_BYTES)
        )

    def _read(self, offset: int, count: int) -> bytes:
        buffer = bytearray(count)
        self._fill(np.frombuffer(buffer, dtype=np.uint8), offset)
        return bytes(buffer)

    def _fill(self, array: NDArray[Any], offset: int) -> None:
        view = array.data.cast("B")
        while view:
            count = os.preadv(self._descriptor, [view], offset)
            if count == 0:
                raise AdmissionError("update: the file became shorter while it was read")
            view, offset = view[count:], offset + count


def read_into(tensors: Tensors, name: str, start: int, out: Array) -> None:
    """Fill `out`, flat, with a tensor's elements from `start` on, from disk if it is there."""
    if isinstance(tensors, UpdateFile):
        tensors.read_into(name, start, out)
    else:
        out[:] = tensors[name].reshape(-1)[start : start + out.size]


def check_finite(name: str, tensor: Array) -> None:
    """Refuse infinity and NaN.

    Raises:
        AdmissionError: names the tensor.
    """
    if not np.isfinite(tensor).all():
        raise AdmissionError(f"update: tensor {name!r} has numbers that are not finite")


def _narrow(name: str, tensor: Array, dtype: ElementType) -> bytes:
    check_finite(name, tensor)
    if dtype == "F32":
        return tensor.tobytes()
    bits = tensor.view("<u4")
    # To nearest, ties to even: add half of what is dropped, less one where the kept part is even.
    rounded = ((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16).astype("<u2")
    if ((rounded & 0x7F80) == 0x7F80).any():
        raise AdmissionError(f"update: tensor {name!r} does not fit BF16")
    return bytes(rounded.tobytes())


def _widen(narrow: NDArray[np.uint16], out: Array) -> None:
    np.left_shift(narrow, 16, out=out.view(np.uint32), dtype=np.uint32)


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
    if stop - start != math.prod(shape) * _WIDTH[dtype]:
        raise AdmissionError(f"update: tensor {name!r} does not have the bytes of its shape")
    return Slot(shape, begin + start, begin + stop)


def _is_sizes(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)
