"""The frozen part's output for every row of a site's notes, computed once and kept on local disk.

The cache is named by everything it depends on (notes, model, cut, precision), so a stale one is
never read. It is as sensitive as the de-identified text and never leaves the site.
"""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from fedclinic.digest import canonical_json
from fedclinic.learning.hidden_states import (
    CachedHiddenStates,
    ComputedHiddenStates,
    HiddenStates,
    Precision,
    pad_token_ids,
)
from fedclinic.learning.layers import SplitModel
from fedclinic.learning.tasks import EncodedNotes

BATCH_ROWS = 32


@dataclass(frozen=True)
class ActivationKey:
    """Everything that the frozen part's output depends on."""

    notes: str
    base_model: str
    first_trained: int
    max_tokens: int
    bf16: bool

    def folder_name(self) -> str:
        return hashlib.sha256(canonical_json(self.__dict__)).hexdigest()[:32]


def cached_hidden_states(
    folder: Path,
    key: ActivationKey,
    model: SplitModel,
    notes: EncodedNotes,
    precision: Precision,
    progress: Callable[[int, int], None],
) -> HiddenStates:
    """Open the cache that `key` names; compute it, and remove others, if it is not there.

    Where nothing is frozen there is nothing to keep.
    """
    if model.stem.base is None:
        return ComputedHiddenStates(model.stem, notes.rows, precision)
    target = folder / key.folder_name()
    lengths = [len(row.token_ids) for row in notes.rows]
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = target / "hidden.npy"
    if not values.is_file():
        _remove_others(folder)
        _compute(target, model, notes, starts, precision, progress)
    return CachedHiddenStates(np.load(values, mmap_mode="r"), starts, precision)


def _remove_others(folder: Path) -> None:
    if folder.is_dir():
        for stale in folder.iterdir():
            shutil.rmtree(stale)


def _compute(
    target: Path,
    model: SplitModel,
    notes: EncodedNotes,
    starts: np.ndarray,
    precision: Precision,
    progress: Callable[[int, int], None],
) -> None:
    """Write to a temporary name and rename at the end: a cache is whole or not there."""
    unfinished = target.with_suffix(".partial")
    unfinished.mkdir(parents=True)
    lengths = np.diff(starts)
    order = np.argsort(lengths, kind="stable")
    values: np.ndarray | None = None
    for begin in range(0, len(order), BATCH_ROWS):
        batch = order[begin : begin + BATCH_ROWS]
        ids, mask = pad_token_ids([notes.rows[row] for row in batch])
        with torch.no_grad(), precision.autocast():
            hidden = model.stem(ids.to(precision.device), mask.to(precision.device))
        states = hidden.to(torch.float16).cpu().numpy()
        if values is None:
            shape = (int(starts[-1]), states.shape[-1])
            values = np.lib.format.open_memmap(
                unfinished / "hidden.npy", mode="w+", dtype=np.float16, shape=shape
            )
        for index, row in enumerate(batch):
            values[starts[row] : starts[row + 1]] = states[index, : lengths[row]]
        progress(min(begin + BATCH_ROWS, len(order)), len(order))
    if values is not None:
        values.flush()  # type: ignore[attr-defined]
    unfinished.rename(target)
