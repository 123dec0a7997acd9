"""What cells have in common and take long to make: encoded notes, split models, hidden states."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fedbench.cell import Cell, CorpusChoice, ModelName
from fedbench.corpora import Corpus, load_corpus
from fedbench.language import save_small_gpt
from fedclinic.digest import digest_record
from fedclinic.learning.evaluate import measure
from fedclinic.learning.hidden_states import HiddenStates, Precision
from fedclinic.learning.layers import split_for
from fedclinic.learning.tasks import EncodedNotes, IntArray, encode_notes
from fedclinic.plan import Task
from fedclinic.records import Digest
from fedclinic.simulation.trunk import SharedTrunk
from fedclinic.synthetic.kinds import Split
from site_agent.activation_store import ActivationKey, cached_hidden_states
from site_agent.models import BaseModel, load_folder, resolve_folder
from site_agent.settings import EMBEDDED


@dataclass(frozen=True)
class Encoded:
    """One split as token ids."""

    corpus: Corpus
    notes: EncodedNotes
    fingerprint: str


@dataclass(frozen=True)
class Prepared:
    """What a cell computes on."""

    task: Task
    trunk: SharedTrunk
    base_model: Digest
    model_parameters: int
    """Of the whole base model and the head."""
    train: EncodedNotes
    train_hidden: HiddenStates
    groups: tuple[str, ...]
    """Natural site of each patient of `train`."""
    test_notes: int
    measure: Callable[[], dict[str, float]]
    """Measures what the trunk holds on the test notes."""


class Laboratory:
    """Keeps the last corpus and model in memory, and hidden states in a folder."""

    def __init__(
        self, *, data: Path | None, cache: Path, precision: Precision, model: str = EMBEDDED
    ) -> None:
        """Open a laboratory.

        Args:
            model: the folder of the base model, or `embedded`.
        """
        self.precision = precision
        self._model = model
        self._data = data
        self._cache = cache
        self._base: tuple[Path, BaseModel] | None = None
        self._encoded: dict[tuple[CorpusChoice, ModelName, Split], Encoded] = {}
        self._prepared: tuple[object, Prepared] | None = None

    @property
    def updates(self) -> Path:
        return self._cache / "updates"

    def prepare(self, cell: Cell) -> Prepared:
        """Encode the cell's corpus, split the model and compute the frozen part's output once."""
        wanted = (cell.corpus, cell.layers, cell.model)
        if self._prepared is None or self._prepared[0] != wanted:
            self._prepared = None
            self._prepared = (wanted, self._make(cell))
        return self._prepared[1]

    def _make(self, cell: Cell) -> Prepared:
        train, test = self._encode(cell, "train"), self._encode(cell, "test")
        base = self._load(cell)
        task = _task(cell, train.corpus)
        model = split_for(base.network, cell.layers, task, "own")
        model.trunk.to(self.precision.device)
        trunk = SharedTrunk.of(model)
        hidden = self._hidden(trunk, base, test, task)

        def measured() -> dict[str, float]:
            model.trunk.eval()
            return measure(model, test.notes, hidden, self.precision, task)

        head = sum(p.numel() for name, p in model.trained() if name.startswith("head."))
        return Prepared(
            task=task,
            trunk=trunk,
            base_model=base.digest,
            model_parameters=sum(p.numel() for p in base.network.parameters()) + head,
            train=train.notes,
            train_hidden=self._hidden(trunk, base, train, task),
            groups=train.corpus.groups,
            test_notes=test.notes.notes,
            measure=measured,
        )

    def _load(self, cell: Cell) -> BaseModel:
        """Load the cell's base model; a small one is made of its corpus where it is not there."""
        folder = self._base_folder(cell)
        if self._base is None or self._base[0] != folder:
            if cell.model == "small_gpt" and not folder.is_dir():
                notes = load_corpus(cell.corpus, "train", self._data).notes
                save_small_gpt(folder, (note.text for note in notes))
            self._base = (folder, load_folder(folder))
        return self._base[1]

    def _base_folder(self, cell: Cell) -> Path:
        if cell.model == "small_gpt":
            digest = digest_record(cell.corpus).removeprefix("sha256:")
            return self._cache / f"small-gpt-{digest[:16]}"
        return resolve_folder(self._model)

    def _encode(self, cell: Cell, part: Split) -> Encoded:
        choice, key = cell.corpus, (cell.corpus, cell.model, part)
        if key not in self._encoded:
            if any(known[:2] != key[:2] for known in self._encoded):
                self._encoded.clear()
            corpus = load_corpus(choice, part, self._data)
            tokenizer = self._load(cell).tokenizer
            notes = encode_notes(corpus.notes, _task(cell, corpus), tokenizer)
            content = b"".join(row.token_ids.tobytes() + b"|" for row in notes.rows)
            self._encoded[key] = Encoded(corpus, notes, hashlib.sha256(content).hexdigest())
        return self._encoded[key]

    def _hidden(
        self, trunk: SharedTrunk, base: BaseModel, encoded: Encoded, task: Task
    ) -> HiddenStates:
        key = ActivationKey(
            notes=encoded.fingerprint,
            base_model=base.digest,
            first_trained=trunk.model.first_trained,
            max_tokens=task.max_tokens,
            bf16=self.precision.bf16,
        )
        folder = self._cache / "activations" / key.folder_name()
        return cached_hidden_states(
            folder, key, trunk.model, encoded.notes, self.precision, _nobody_watches
        )


def _task(cell: Cell, corpus: Corpus) -> Task:
    """What the cell's model learns: the corpus' labels; a language model learns its text."""
    if cell.model == "minilm":
        return corpus.task
    return Task(kind="language_modelling", max_tokens=cell.corpus.max_tokens)


def strata(notes: EncodedNotes, task: Task) -> IntArray:
    """One label a patient, by which Dirichlet sites are told apart.

    A patient's most frequent document label or entity type; where a task has one entity type, the
    quarter into which the patient's number of entities falls.
    """
    if task.kind == "document_classification":
        return np.array([_most_frequent(_labels(notes, own)) for own in notes.notes_of_patient])
    entities = [
        [span.label for note in own for span in notes.entities_of_note[note]]
        for own in notes.notes_of_patient
    ]
    if len(task.labels) == 1:
        counts = np.array([len(found) for found in entities])
        return np.searchsorted(np.quantile(counts, [0.25, 0.5, 0.75]), counts)
    places = {label: place for place, label in enumerate(task.labels)}
    return np.array(
        [_most_frequent([places[label] for label in found] or [-1]) for found in entities]
    )


def _labels(notes: EncodedNotes, own: IntArray) -> list[int]:
    return [int(notes.rows[row].targets[0]) for note in own for row in notes.rows_of_note[note]]


def _most_frequent(values: list[int]) -> int:
    return Counter(values).most_common(1)[0][0]


def _nobody_watches(done: int, total: int) -> None:
    del done, total
