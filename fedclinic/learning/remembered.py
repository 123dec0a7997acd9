"""Score planted patients under a model: how likely it finds each under the label it was given.

Scores of synthetic texts only, under a model that everybody in the federation has: no number here
was computed from a patient.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fedclinic.learning.hidden_states import ComputedHiddenStates, Precision
from fedclinic.learning.layers import SplitModel
from fedclinic.learning.note_batches import PHYSICAL_ROWS
from fedclinic.learning.tasks import IntArray, Row, Tokenizer, encode_text
from fedclinic.learning.written import extracted, log_likelihoods
from fedclinic.plan import Task
from fedclinic.privacy.audit_messages import PlantedScores
from fedclinic.privacy.planted import PROMPTS, Planted, PlantedNote

Encode = Callable[[str], Row]
Floats = npt.NDArray[np.float64]


def score_planted(
    model: SplitModel, precision: Precision, task: Task, tokenizer: Tokenizer, planted: Planted
) -> PlantedScores:
    """Score members and others by the same rule, in units of the others' spread under the label."""
    everyone = [*planted.members, *planted.others]
    if task.kind == "language_modelling":
        own = log_likelihoods(model, precision, task, tokenizer, everyone)
        own = _in_spreads_of(own, own[len(planted.members) :])
        written = extracted(model, precision, task, tokenizer, planted)
        return _scores(planted, own).model_copy(update={"extracted": written})
    encode = _encoder(task, tokenizer)
    odds = _log_odds(
        model, precision, task, [(encode(p.note.text), p.note.text, p.name) for p in everyone]
    )
    standard = _in_spreads_of(odds, odds[len(planted.members) :])
    own = np.array([standard[i, task.labels.index(p.label)] for i, p in enumerate(everyone)])
    scores = _scores(planted, own)
    if task.kind != "token_classification":
        return scores
    named, unnamed = (
        _named(model, precision, task, encode, names)
        for names in (planted.members, planted.others[: len(planted.members)])
    )
    return scores.model_copy(update={"named": named, "unnamed": unnamed})


def _in_spreads_of(scores: Floats, others: Floats) -> Floats:
    return np.asarray((scores - others.mean(0)) / np.maximum(others.std(0), 1e-12))


def _scores(planted: Planted, own: Floats) -> PlantedScores:
    members = len(planted.members)
    return PlantedScores(
        members=tuple(own[:members].tolist()), others=tuple(own[members:].tolist())
    )


def _named(
    model: SplitModel,
    precision: Precision,
    task: Task,
    encode: Encode,
    names: Sequence[PlantedNote],
) -> tuple[float, ...]:
    """Each name's mean chance of its label over the prompts."""
    texts = [
        (prompt.format(name=planted.name), planted.name) for planted in names for prompt in PROMPTS
    ]
    rows = [(encode(text), text, name) for text, name in texts]
    odds = _log_odds(model, precision, task, rows)
    chances = (1 / (1 + np.exp(-odds))).reshape(len(names), len(PROMPTS), -1)
    return tuple(
        float(chances[i, :, task.labels.index(planted.label)].mean())
        for i, planted in enumerate(names)
    )


def _log_odds(
    model: SplitModel, precision: Precision, task: Task, texts: Sequence[tuple[Row, str, str]]
) -> Floats:
    """Log odds of each label, shape (texts, labels): of a document, or of its name's words.

    Odds, because they are nearly Gaussian where probabilities crowd at 0 and 1 (Carlini et al.
    2022, arXiv:2112.03570).
    """
    rows = tuple(row for row, _, _ in texts)
    states = ComputedHiddenStates(model.stem, rows, precision)
    found = np.empty((len(texts), len(task.labels)))
    with torch.no_grad():
        for start in range(0, len(rows), PHYSICAL_ROWS):
            batch = range(start, min(start + PHYSICAL_ROWS, len(rows)))
            hidden, mask = states.batch(list(batch))
            with precision.autocast():
                logits: Tensor = model.trunk(hidden, mask)
            if task.kind == "multilabel_classification":
                found[batch.start : batch.stop] = logits.double().cpu().numpy()
                continue
            scores = logits.double().log_softmax(-1).cpu().numpy()
            for index, score in zip(batch, scores, strict=True):
                likely = score
                if task.kind == "token_classification":
                    likely = _of_name(score[_positions(*texts[index])])
                found[index] = likely - np.log(np.maximum(-np.expm1(likely), 1e-300))
    return found


def _positions(row: Row, text: str, name: str) -> IntArray:
    start = text.index(name)
    inside = (row.word_starts >= start) & (row.word_starts < start + len(name))
    return np.flatnonzero(inside)


def _of_name(scores: Floats) -> Floats:
    """Mean over a name's words, shape (words, classes), of log(P(B-label) + P(I-label))."""
    return np.asarray(np.logaddexp(scores[:, 1::2], scores[:, 2::2]).mean(0))


def _encoder(task: Task, tokenizer: Tokenizer) -> Encode:
    """Encode one short text as one row."""
    return lambda text: encode_text(text, task, tokenizer)[0]
