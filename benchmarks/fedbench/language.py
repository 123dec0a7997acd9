"""Language modelling: a small GPT that starts at random, rows of text, and perplexity.

The trunk trains on the next token of every position; embeddings are random and stay frozen, as what
lies below the trained blocks always does.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer as BytePairs
from tokenizers import decoders, models, pre_tokenizers, trainers
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast

from fedclinic.errors import DataError
from fedclinic.learning.hidden_states import HiddenStates, Precision
from fedclinic.learning.layers import SplitModel
from fedclinic.learning.tasks import EncodedNotes, Row, Tokenizer
from fedclinic.notes import DeidentifiedNote

VOCABULARY = 1024
BLOCKS = 6
HIDDEN = 64
LONGEST = 128
ROWS_OF_A_NOTE = 4
"""A note's first rows; the rest of a long note is left out."""
BATCH_ROWS = 64
END = "<|end|>"


def save_small_gpt(folder: Path, texts: Iterable[str]) -> None:
    """Write a GPT-2 of six narrow blocks with random weights, and a tokenizer made from `texts`."""
    tokenizer = BytePairs(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[END],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    special = {"eos_token": END, "pad_token": END}
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, **special
    )
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=LONGEST,
        n_embd=HIDDEN,
        n_layer=BLOCKS,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = GPT2Model(config)
    network.save_pretrained(folder)
    fast.save_pretrained(folder)


def encode_language(
    notes: Sequence[DeidentifiedNote], tokenizer: Tokenizer, *, max_tokens: int
) -> EncodedNotes:
    """Cut notes into rows whose targets are the tokens that follow; a note is a patient.

    Raises:
        DataError: if a note has less than two tokens.
    """
    rows: list[Row] = []
    rows_of_note: list[np.ndarray] = []
    for note in notes:
        ids = np.array(tokenizer(note.text)["input_ids"], dtype=np.int64)
        own = list(_rows(ids[: ROWS_OF_A_NOTE * max_tokens + 1], max_tokens))
        if not own:
            raise DataError(f"note {len(rows_of_note) + 1} has less than two tokens")
        rows_of_note.append(np.arange(len(rows), len(rows) + len(own)))
        rows.extend(own)
    return EncodedNotes(
        rows=tuple(rows),
        rows_of_note=tuple(rows_of_note),
        notes_of_patient=tuple(np.array([note]) for note in range(len(rows_of_note))),
        entities_of_note=tuple(() for _ in rows_of_note),
    )


def _rows(ids: np.ndarray, size: int) -> Iterable[Row]:
    for start in range(0, len(ids) - 1, size):
        given, following = ids[start : start + size], ids[start + 1 : start + size + 1]
        nowhere = np.full(len(following), -1)
        yield Row(given[: len(following)], following, nowhere, nowhere)


def perplexity(
    model: SplitModel, notes: EncodedNotes, hidden: HiddenStates, precision: Precision
) -> dict[str, float]:
    """Compute exp of the mean loss of every token that has one before it in its row."""
    total, tokens = 0.0, 0
    with torch.no_grad():
        for start in range(0, len(notes.rows), BATCH_ROWS):
            indices = range(start, min(start + BATCH_ROWS, len(notes.rows)))
            states, mask = hidden.batch(list(indices))
            with precision.autocast():
                logits = model.trunk(states, mask).float()
            for place, row in enumerate(indices):
                targets = torch.from_numpy(notes.rows[row].targets).to(logits.device)
                losses = cross_entropy(logits[place, : len(targets)], targets, reduction="sum")
                total, tokens = total + float(losses), tokens + len(targets)
    return {"perplexity": math.exp(total / tokens)}
