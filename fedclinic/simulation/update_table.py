"""One round's updates in a file, a row of float32 a site: they are mapped, and never all in memory.

What is read back is what the coordinator would read: every row goes through the codec first, so
that rounding on the wire counts, and so does its size.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedclinic.updates.codec import Array, Tensors
from fedclinic.updates.layout import TensorSchema

Row = NDArray[np.float32]


@dataclass(frozen=True)
class UpdateRow(Mapping[str, Array]):
    """One site's update, whose tensors are views on its row."""

    row: Row
    slots: Mapping[str, tuple[slice, tuple[int, ...]]]
    names: frozenset[str]
    """Tensors that the site sent; the rest of its row means nothing."""

    def __getitem__(self, name: str) -> Array:
        if name not in self.names:
            raise KeyError(name)
        place, shape = self.slots[name]
        return self.row[place].reshape(shape)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.slots if name in self.names)

    def __len__(self) -> int:
        return len(self.names)


class UpdateTable:
    """Room for the updates of `sites` with the tensors of `schema`; a file without a name."""

    def __init__(self, path: Path, sites: Sequence[str], schema: TensorSchema) -> None:
        self._slots: dict[str, tuple[slice, tuple[int, ...]]] = {}
        position = 0
        for name in sorted(schema):
            size = math.prod(schema[name])
            self._slots[name] = slice(position, position + size), tuple(schema[name])
            position += size
        self.room = tuple(sites)
        self._place = {site: row for row, site in enumerate(sites)}
        self._sent: dict[str, frozenset[str]] = {}
        shape = (len(sites), position)
        self._rows: np.memmap[Any, Any] = np.memmap(path, dtype=np.float32, mode="w+", shape=shape)
        path.unlink()

    def clear(self) -> None:
        """Forget who sent what; the room is used again in the next round."""
        self._sent = {}

    def put(self, site: str, update: Tensors) -> None:
        """Keep a site's update; a tensor that the schema lacks is a KeyError."""
        row = self._rows[self._place[site]]
        for name in update:
            row[self._slots[name][0]] = update[name].reshape(-1)
        self._sent[site] = frozenset(update)

    def drop(self, site: str) -> None:
        del self._sent[site]

    def get(self, site: str) -> UpdateRow:
        row: Row = self._rows[self._place[site]].view(np.ndarray)
        return UpdateRow(row, self._slots, self._sent[site])

    def row(self, site: str) -> Row:
        """The site's whole row, flat, to be written to in place."""
        row: Row = self._rows[self._place[site]].view(np.ndarray)
        return row

    def sites(self) -> tuple[str, ...]:
        return tuple(sorted(self._sent))

    def updates(self) -> dict[str, Tensors]:
        return {site: self.get(site) for site in self.sites()}
