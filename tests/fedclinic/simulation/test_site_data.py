"""A site sees its own patients' rows, and nobody else's."""

import numpy as np
import torch

from fedclinic.learning.hidden_states import ComputedHiddenStates
from fedclinic.simulation.site_data import data_of, divide
from tests.fedclinic.simulation.simulations import make_tiny_model
from tests.tiny_rounds import CPU, notes_of_windows, one_note_each


def test_a_site_has_its_patients_notes_in_the_order_of_the_corpus() -> None:
    corpus = notes_of_windows()
    stem = make_tiny_model().stem
    hidden = ComputedHiddenStates(stem, corpus.rows, CPU)
    site = data_of(corpus, hidden, np.array([3, 0]))
    # Patient 0 has notes 0 and 1 of rows 0 to 3, patient 3 notes 4 and 5 of rows 9 and 10.
    assert [rows.tolist() for rows in site.notes.rows_of_note] == [[0, 1, 2], [3], [4], [5]]
    assert [own.tolist() for own in site.notes.notes_of_patient] == [[0, 1], [2, 3]]
    for own, place in zip(site.notes.rows, (0, 1, 2, 3, 9, 10), strict=True):
        assert own is corpus.rows[place]


def test_its_hidden_states_are_those_of_its_own_rows() -> None:
    corpus = one_note_each(9)
    model = make_tiny_model()
    shared = ComputedHiddenStates(model.stem, corpus.rows, CPU)
    sites = divide(corpus, shared, [np.array([0, 4]), np.array([1, 2, 3, 5, 6, 7, 8])])
    own = ComputedHiddenStates(model.stem, sites["site-2"].notes.rows, CPU)
    for rows in ([0], [3, 1], [6, 5, 0]):
        for ours, theirs in zip(sites["site-2"].hidden.batch(rows), own.batch(rows), strict=True):
            assert torch.equal(ours, theirs)
