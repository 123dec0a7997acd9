"""Text becomes rows whose targets are the next tokens, and a model that knows nothing guesses."""

from pathlib import Path

import numpy as np
import pytest

from fedbench.language import (
    ROWS_OF_A_NOTE,
    VOCABULARY,
    encode_language,
    perplexity,
    save_small_gpt,
)
from fedclinic.errors import DataError
from fedclinic.learning.hidden_states import ComputedHiddenStates
from fedclinic.learning.layers import split
from fedclinic.plan import Layers
from site_agent.models import BaseModel, load_folder
from tests.factories import make_deidentified_note
from tests.tiny_rounds import CPU

TEXT = "The patient was seen for cough and fever, and has pain in the chest. " * 40


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    folder = tmp_path_factory.mktemp("gpt") / "small"
    save_small_gpt(folder, [TEXT])
    return load_folder(folder)


def test_every_target_is_the_token_that_follows(base: BaseModel) -> None:
    notes = encode_language([make_deidentified_note(TEXT)], base.tokenizer, max_tokens=16)
    ids = base.tokenizer(TEXT)["input_ids"][: ROWS_OF_A_NOTE * 16 + 1]
    assert len(notes.rows) == ROWS_OF_A_NOTE
    assert np.concatenate([row.token_ids for row in notes.rows]).tolist() == ids[:-1]
    assert np.concatenate([row.targets for row in notes.rows]).tolist() == ids[1:]


def test_a_note_without_a_next_token_is_refused(base: BaseModel) -> None:
    with pytest.raises(DataError, match="note 1 has less than two tokens"):
        encode_language([make_deidentified_note("a")], base.tokenizer, max_tokens=16)


def test_a_head_of_zeros_is_as_perplexed_as_a_uniform_guess(base: BaseModel) -> None:
    model = split(base.network, Layers(top=6), outputs=VOCABULARY, pooled=False)
    notes = encode_language([make_deidentified_note(TEXT)], base.tokenizer, max_tokens=16)
    hidden = ComputedHiddenStates(model.stem, notes.rows, CPU)
    assert perplexity(model, notes, hidden, CPU)["perplexity"] == pytest.approx(VOCABULARY)


def test_the_small_model_is_the_same_every_time(base: BaseModel, tmp_path: Path) -> None:
    save_small_gpt(tmp_path / "again", [TEXT])
    assert load_folder(tmp_path / "again").digest == base.digest
