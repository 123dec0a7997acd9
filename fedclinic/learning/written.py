"""Whether a model that writes text completes the identifiers of planted patients.

Exposure rests on how perplexed the model is by an identifier after the words that led to it
(Carlini et al. 2019, arXiv:1802.08232); extraction asks greedy and beam search to write it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fedclinic.learning.hidden_states import ComputedHiddenStates, Precision
from fedclinic.learning.layers import SplitModel
from fedclinic.learning.note_batches import PHYSICAL_ROWS
from fedclinic.learning.tasks import Row, Tokenizer
from fedclinic.plan import Task
from fedclinic.privacy.memorisation import count_extracted
from fedclinic.privacy.planted import Planted, PlantedNote

BEAMS = 4

Floats = npt.NDArray[np.float64]
Tokens = tuple[int, ...]


def log_likelihoods(
    model: SplitModel,
    precision: Precision,
    task: Task,
    tokenizer: Tokenizer,
    notes: Sequence[PlantedNote],
) -> Floats:
    """Log likelihood of each note's identifier after its prompt, shape (notes,)."""
    parts = [_prompt_and_secret(each, task, tokenizer) for each in notes]
    found: list[float] = []
    for start in range(0, len(parts), PHYSICAL_ROWS):
        batch = parts[start : start + PHYSICAL_ROWS]
        scores = _next_token_scores(model, precision, [prompt + secret for prompt, secret in batch])
        for (prompt, secret), each in zip(batch, scores, strict=True):
            places = np.arange(len(prompt) - 1, len(prompt) + len(secret) - 1)
            found.append(float(each[places, np.array(secret)].sum()))
    return np.array(found)


def extracted(
    model: SplitModel, precision: Precision, task: Task, tokenizer: Tokenizer, planted: Planted
) -> int:
    """Count planted identifiers that the model writes when it is given what stood before them."""
    return count_extracted(
        lambda tokens: _next_token_scores(model, precision, [tokens])[0][-1],
        [_prompt_and_secret(each, task, tokenizer) for each in planted.members],
        beams=BEAMS,
    )


def _prompt_and_secret(
    planted: PlantedNote, task: Task, tokenizer: Tokenizer
) -> tuple[Tokens, Tokens]:
    """A note's tokens before its identifier, and those of the identifier."""
    encoding = tokenizer(
        planted.note.text,
        truncation=True,
        max_length=task.max_tokens,
        return_offsets_mapping=True,
    ).encodings[0]
    start = planted.note.text.index(planted.record)
    end = start + len(planted.record)
    inside = [at for at, (a, b) in enumerate(encoding.offsets) if b > start and a < end]
    return tuple(encoding.ids[: inside[0]]), tuple(encoding.ids[inside[0] : inside[-1] + 1])


def _next_token_scores(
    model: SplitModel, precision: Precision, sequences: Sequence[Tokens]
) -> list[Floats]:
    """Log probability of each next token at each place, shape (tokens, vocabulary) a sequence."""
    rows = []
    for tokens in sequences:
        nowhere = np.full(len(tokens), -1)
        rows.append(Row(np.array(tokens, dtype=np.int64), nowhere, nowhere, nowhere))
    states = ComputedHiddenStates(model.stem, tuple(rows), precision)
    with torch.no_grad():
        hidden, mask = states.batch(list(range(len(rows))))
        with precision.autocast():
            logits: Tensor = model.trunk(hidden, mask)
        scores = logits.double().log_softmax(-1).cpu().numpy()
    return [each[: len(tokens)] for each, tokens in zip(scores, sequences, strict=True)]
