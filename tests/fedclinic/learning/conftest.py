"""Encoded notes of each kind of task: documents, tokens, and tokens of several rows."""

import pytest

from fedclinic.learning.tasks import EncodedNotes
from tests.tiny_rounds import notes_of_windows, one_note_each

DATA = {
    "documents": lambda: one_note_each(20),
    "tokens": lambda: one_note_each(20, tokens=True),
    "tokens of several rows": notes_of_windows,
}


@pytest.fixture(params=sorted(DATA))
def notes(request: pytest.FixtureRequest) -> EncodedNotes:
    return DATA[request.param]()
