"""Tensors as safetensors bytes and back, from memory or from a file whose layout is checked first.

Everything that travels is a *change*: BF16 loses 0.2 % of a change, but much more of one if it were
added to its weights.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fedclinic.digest import digest_chunks
from fedclinic.errors import AdmissionError
from fedclinic.records import Digest
from fedclinic.updates.layout import (
    LENGTH_BYTES,
    WIDTH,
    ElementType,
    TensorSchema,
    header_bytes,
    read_layout,
)

Array = NDArray[np.float32]
Tensors = Mapping[str, Array]
"""Named tensors; an `UpdateFile` is one whose tensors are read from disk when asked for."""

_READ_BYTES = 1 << 20


def schema_of(tensors: Tensors) -> dict[str, tuple[int, ...]]:
    """Names and shapes; reads no tensor of an `UpdateFile`."""
    if isinstance(tensors, UpdateFile):
        return {name: slot.shape for name, slot in tensors.layout.slots.items()}
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def encode_chunks(tensors: Tensors, dtype: ElementType) -> Iterator[bytes]:
    """Encode tensors one at a time, sorted by name, in the memory of the largest.

    Equal tensors give equal bytes.

    Raises:
        AdmissionError: if a number is not finite, or rounds to infinity.
    """
    header: dict[str, Any] = {}
    end = 0
    for name in sorted(tensors):
        start, end = end, end + tensors[name].size * WIDTH[dtype]
        header[name] = {
            "dtype": dtype,
            "shape": list(tensors[name].shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors start on a multiple of eight
    yield len(text).to_bytes(LENGTH_BYTES, "little") + text
    for name in sorted(tensors):
        yield _narrow(name, np.ascontiguousarray(tensors[name], dtype="<f4"), dtype)


def encode(tensors: Tensors, dtype: ElementType) -> bytes:
    """Encode tensors as one safetensors file; see `encode_chunks`."""
    return b"".join(encode_chunks(tensors, dtype))


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
            length = header_bytes(self._read(0, min(self.size, LENGTH_BYTES)), self.size)
            head = self._read(0, LENGTH_BYTES + length)
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
        slot, width = self.layout.slots[name], WIDTH[self.layout.dtype]
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
