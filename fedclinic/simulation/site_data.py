"""A simulated site's notes as a view on those of the whole corpus: indices, and no copy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from fedclinic.learning.hidden_states import HiddenStates
from fedclinic.learning.tasks import EncodedNotes, IntArray


@dataclass(frozen=True)
class SiteData:
    """What a site trains on."""

    notes: EncodedNotes
    hidden: HiddenStates


@dataclass(frozen=True)
class SharedHiddenStates:
    """A site's rows among those of a corpus, whose hidden states all sites share."""

    corpus: HiddenStates
    places: IntArray
    """Shape (rows of the site,): the place of each in the corpus."""

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        return self.corpus.batch(self.places[np.asarray(rows, dtype=np.int64)].tolist())


def data_of(corpus: EncodedNotes, hidden: HiddenStates, patients: IntArray) -> SiteData:
    """Take these patients' notes, in the order of the corpus."""
    chosen = np.sort(np.concatenate([corpus.notes_of_patient[patient] for patient in patients]))
    place_of_note = {int(note): place for place, note in enumerate(chosen)}
    rows = np.concatenate([corpus.rows_of_note[note] for note in chosen])
    ends = np.cumsum([len(corpus.rows_of_note[note]) for note in chosen])
    notes = replace(
        corpus,
        rows=tuple(corpus.rows[row] for row in rows),
        rows_of_note=tuple(np.split(np.arange(len(rows)), ends[:-1])),
        notes_of_patient=tuple(
            np.array([place_of_note[int(note)] for note in corpus.notes_of_patient[patient]])
            for patient in sorted(patients.tolist())
        ),
        entities_of_note=tuple(corpus.entities_of_note[note] for note in chosen),
    )
    return SiteData(notes, SharedHiddenStates(hidden, rows))


def divide(
    corpus: EncodedNotes, hidden: HiddenStates, parts: Sequence[IntArray]
) -> Mapping[str, SiteData]:
    """Make a site of each part of the patients, named so that their order is that of the parts."""
    width = len(str(len(parts)))
    return {
        f"site-{number:0{width}}": data_of(corpus, hidden, part)
        for number, part in enumerate(parts, start=1)
    }
