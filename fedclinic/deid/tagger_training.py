"""Train the embedded tagger from the synthetic cohort, with one command; no site ever runs this.

    python -m fedclinic.deid.tagger_training --notes 2400 --epochs 6 \\
        --prose mtsamples/train.jsonl fedclinic/deid/tagger_data/tagger.safetensors

`--prose` names public clinical prose, one JSON object with "text" a line; the rules label what they
find in it, everything else counts as no identifier. Without it the model sees synthetic notes only.
"""

import argparse
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np
import torch
from safetensors.numpy import save

from fedclinic.deid.clinical import find_identifiers
from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.lexicon import Lexicon, lexicon
from fedclinic.deid.name_swaps import NameSwapper
from fedclinic.deid.prose_injection import ProseInjector
from fedclinic.deid.tagger import (
    FEATURE_ROWS,
    FIRST_OFFSETS,
    SECOND_OFFSETS,
    TAGS,
    Features,
    Indices,
    tokenize,
)
from fedclinic.deid.truecase import truecase
from fedclinic.notes import Span
from fedclinic.synthetic.cohort import generate_cohort
from fedclinic.synthetic.profile import DEIDENTIFICATION

WIDTH = 48
HIDDEN = 96
_WINDOW = 256
_BATCH = 32
_WORDED = (
    TAGS.index(EntityKind.PERSON),
    TAGS.index(EntityKind.LOCATION),
    TAGS.index(EntityKind.ORGANIZATION),
)
_HOSPITALS = ("St. Brendan Hospital", "Lakeshore Clinic", "Mercy General", "Union Medical Center")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example:
    """One document: features of shape `(tokens, 5)` and a tag for each token."""

    features: Indices
    tags: Indices


class Network(torch.nn.Module):
    """The tagger as torch trains it; `fedclinic.deid.tagger` runs the same layers in numpy."""

    def __init__(self) -> None:
        super().__init__()
        tables = [torch.nn.Embedding(rows, WIDTH) for rows in FEATURE_ROWS]
        for table in tables:
            torch.nn.init.normal_(table.weight, std=0.1)
        self.tables = torch.nn.ModuleList(tables)
        self.first = torch.nn.Linear(WIDTH * len(FIRST_OFFSETS), HIDDEN)
        self.second = torch.nn.Linear(HIDDEN * len(SECOND_OFFSETS), HIDDEN)
        self.output = torch.nn.Linear(HIDDEN, len(TAGS))
        self.dropout = torch.nn.Dropout(0.2)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Scores of shape `(batch, tokens, tags)` from features of shape `(batch, tokens, 5)`."""
        parts = [table(features[..., column]) for column, table in enumerate(self.tables)]
        words = self.dropout(torch.stack(parts).sum(0))
        hidden = torch.relu(self.first(_window(words, FIRST_OFFSETS)))
        hidden = torch.relu(self.second(_window(self.dropout(hidden), SECOND_OFFSETS)))
        scores: torch.Tensor = self.output(self.dropout(hidden))
        return scores

    def weights(self) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float16]]]:
        """Tensors under the names that the tagger reads, layers as `(inputs, outputs)`."""
        state: dict[str, torch.Tensor] = self.state_dict()
        tensors = {f"table{i}": state[f"tables.{i}.weight"] for i in range(len(FEATURE_ROWS))}
        for name in ("first", "second", "output"):
            tensors[f"{name}.weight"] = state[f"{name}.weight"].T
            tensors[f"{name}.bias"] = state[f"{name}.bias"]
        return {
            name: np.ascontiguousarray(tensor.detach().numpy().astype(np.float16))
            for name, tensor in tensors.items()
        }


def _window(values: torch.Tensor, offsets: Sequence[int]) -> torch.Tensor:
    reach = max(offsets)
    padded = torch.nn.functional.pad(values, (0, 0, reach, reach))
    tokens = values.shape[1]
    return torch.cat([padded[:, reach + at : reach + at + tokens] for at in offsets], dim=2)


def make_example(text: str, spans: Iterable[Span], features: Features) -> Example:
    """Tag the tokens of a text by the spans that cover them."""
    places = tokenize(text)
    tags = np.zeros(len(places), dtype=np.int64)
    starts = np.asarray([start for start, _ in places], dtype=np.int64)
    for span in spans:
        tag = tag_of(span.label)
        first, last = np.searchsorted(starts, [span.start, span.end])
        tags[first:last] = tag
    return Example(features.rows([text[start:end] for start, end in places]), tags)


def tag_of(kind: str) -> int:
    """The tag that stands for an identifier kind; ages are left to the rules."""
    if kind in TAGS:
        return TAGS.index(kind)
    if kind == EntityKind.AGE:
        return 0
    return TAGS.index(
        EntityKind.PHONE_NUMBER if kind == EntityKind.FAX_NUMBER else EntityKind.OTHER_ID
    )


def synthetic_examples(
    notes: int, seed: int, known: Lexicon, features: Features
) -> Iterator[Example]:
    """Notes of the cohort's training split, every second one with other names."""
    profile = replace(DEIDENTIFICATION, composed=0.3)
    cohort = generate_cohort(
        seed=seed,
        hospitals=_HOSPITALS,
        patients_per_hospital=max(1, notes // (3 * len(_HOSPITALS))),
        alpha=1.0,
        split="train",
        profile=profile,
    )
    swapper = NameSwapper(known, Random(seed))
    for number, synthetic in enumerate(islice(cohort, notes)):
        text, spans = synthetic.note.text, synthetic.phi
        if number % 2:
            text, spans = swapper.swap(text, spans)
        yield make_example(truecase(text, known), spans, features)


def prose_examples(
    files: Iterable[Path], seed: int, known: Lexicon, features: Features
) -> Iterator[Example]:
    """Public prose with the rules' labels, once as it is, once with invented names."""
    rng = Random(seed)
    injector = ProseInjector(NameSwapper(known, rng), rng)
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            text: str = json.loads(line)["text"]
            spans = find_identifiers(text, known)
            yield make_example(truecase(text, known), spans, features)
            injected, labels = injector.inject(text, spans)
            cased = rng.choice((injected, injected, injected, injected.upper(), injected.lower()))
            if len(cased) == len(injected):
                yield make_example(truecase(cased, known), labels, features)


def train(examples: Sequence[Example], *, epochs: int, seed: int) -> Network:
    """Train by Adam on windows of 256 tokens with a learning rate that rises and falls."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Network()
    windows = _windows(examples)
    steps = epochs * (len(windows) // _BATCH)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=6e-3, total_steps=steps + 1)
    network.train()
    for epoch in range(epochs):
        order = rng.permutation(len(windows))
        losses = []
        for first in range(0, len(order) - _BATCH + 1, _BATCH):
            features, tags = _batch(
                [windows[index] for index in order[first : first + _BATCH]], rng
            )
            scores = network(features)
            loss = torch.nn.functional.cross_entropy(
                scores.flatten(0, 1), tags.flatten(), ignore_index=-1
            )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        _logger.info("epoch %d: loss %.4f", epoch, float(np.mean(losses)))
    network.eval()
    return network


def _windows(examples: Sequence[Example]) -> list[Example]:
    return [
        Example(example.features[first : first + _WINDOW], example.tags[first : first + _WINDOW])
        for example in examples
        for first in range(0, len(example.tags), _WINDOW)
    ]


def _batch(
    windows: Sequence[Example], rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack windows, hiding spellings and dictionary entries of some words, of names most often."""
    features = np.zeros((len(windows), _WINDOW, len(FEATURE_ROWS)), dtype=np.int64)
    tags = np.full((len(windows), _WINDOW), -1, dtype=np.int64)
    for row, window in enumerate(windows):
        features[row, : len(window.tags)] = window.features
        tags[row, : len(window.tags)] = window.tags
    hidden = rng.random(tags.shape) < np.where(np.isin(tags, _WORDED), 0.3, 0.1)
    spellings = rng.integers(0, FEATURE_ROWS[0], tags.shape)
    features[..., 0] = np.where(hidden, spellings, features[..., 0])
    forgotten = rng.random(tags.shape) < np.where(np.isin(tags, _WORDED), 0.3, 0.0)
    features[..., 4] = np.where(forgotten, 0, features[..., 4])
    return torch.from_numpy(features), torch.from_numpy(tags)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--notes", type=int, default=2400)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prose", type=Path, action="append", default=[])
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    known = lexicon()
    features = Features(known)
    examples = [
        *synthetic_examples(arguments.notes, arguments.seed, known, features),
        *prose_examples(arguments.prose, arguments.seed, known, features),
    ]
    _logger.info("%d documents, %d tokens", len(examples), sum(len(e.tags) for e in examples))
    network = train(examples, epochs=arguments.epochs, seed=arguments.seed)
    arguments.out.write_bytes(save(network.weights()))


if __name__ == "__main__":
    main()
