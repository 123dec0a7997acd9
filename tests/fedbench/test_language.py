"""The small GPT is the same every time, guesses at first, and trains from the embeddings up."""

from dataclasses import replace
from pathlib import Path

import pytest

from fedbench.language import VOCABULARY, save_small_gpt
from fedclinic.learning.evaluate import measure
from fedclinic.learning.finetune import train_unprotected
from fedclinic.learning.hidden_states import ComputedHiddenStates
from fedclinic.learning.layers import split_for
from fedclinic.learning.tasks import encode_notes
from fedclinic.plan import Layers, Optimizer, Task
from site_agent.models import BaseModel, load_folder
from tests.factories import make_deidentified_note, make_unprotected
from tests.tiny_rounds import CPU, make_local_round

TEXT = "The patient was seen for cough and fever, and has pain in the chest. " * 40
TASK = Task(kind="language_modelling", max_tokens=16)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    folder = tmp_path_factory.mktemp("gpt") / "small"
    save_small_gpt(folder, [TEXT])
    return load_folder(folder)


def test_it_guesses_at_first_and_learns_with_its_embeddings(base: BaseModel) -> None:
    model = split_for(base.network, Layers(top=6, embeddings=True), TASK, "own")
    notes = encode_notes([make_deidentified_note(TEXT)], TASK, base.tokenizer)
    hidden = ComputedHiddenStates(model.stem, notes.rows, CPU)
    assert "wte.weight" in model.shapes()
    assert "head.weight" not in model.shapes()
    before = measure(model, notes, hidden, CPU, TASK)["perplexity"]
    assert before == pytest.approx(VOCABULARY, rel=0.1)
    optimizer = Optimizer(name="adam", learning_rate=0.01)
    local = make_local_round(notes, model=model, hidden=hidden, optimizer=optimizer)
    for number in range(1, 6):
        train_unprotected(replace(local, round_number=number), make_unprotected())
    assert measure(model, notes, hidden, CPU, TASK)["perplexity"] < 0.5 * before


def test_the_small_model_is_the_same_every_time(base: BaseModel, tmp_path: Path) -> None:
    save_small_gpt(tmp_path / "again", [TEXT])
    assert load_folder(tmp_path / "again").digest == base.digest
