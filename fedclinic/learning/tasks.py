"""Turn de-identified notes into rows of token ids and targets, and predictions back into labels."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fedclinic.errors import DataError
from fedclinic.label_union import unannotated
from fedclinic.notes import DeidentifiedNote, Span
from fedclinic.plan import Task

IGNORED = -100
"""Target of a token that takes no part in the loss (as in torch's cross entropy)."""

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]


class Tokenizer(Protocol):
    """The part of a Hugging Face fast tokenizer that is used here."""

    def __call__(self, text: str, **options: Any) -> Any: ...


@dataclass(frozen=True)
class Row:
    """One input of the model: a document, or one window of a note whose tokens are labelled."""

    token_ids: IntArray = field(repr=False)
    """Shape (tokens,)."""
    targets: IntArray = field(repr=False)
    """Shape (1,) for a document, (tokens,) for tokens."""
    word_starts: IntArray = field(repr=False)
    """Shape (tokens,): character where the word of a first token starts, else -1."""
    word_ends: IntArray = field(repr=False)


@dataclass(frozen=True)
class EncodedNotes:
    """A site's notes as rows, with who they belong to; holds no text."""

    rows: tuple[Row, ...] = field(repr=False)
    rows_of_note: tuple[IntArray, ...] = field(repr=False)
    notes_of_patient: tuple[IntArray, ...] = field(repr=False)
    entities_of_note: tuple[tuple[Span, ...], ...] = field(repr=False)
    """Gold entities of each note, for evaluation."""
    group_of_note: tuple[str, ...] = field(default=(), repr=False)
    """What each note is told apart by, for evaluation."""
    several_labels: bool = field(default=False, repr=False)
    """Whether targets say yes or no to each label of a document."""
    unannotated: tuple[int, ...] = field(default=(), repr=False)
    """Numbers of the task's labels of which an unmarked token of these notes says nothing."""
    weight_of_label: FloatArray | None = field(default=None, repr=False)
    """Shape (labels,): what the plan multiplies the loss of a document by. None: by nothing."""

    def joined(self, other: "EncodedNotes") -> "EncodedNotes":
        """These notes, then another's, whose patients are others."""
        return EncodedNotes(
            rows=self.rows + other.rows,
            rows_of_note=self.rows_of_note
            + tuple(rows + len(self.rows) for rows in other.rows_of_note),
            notes_of_patient=self.notes_of_patient
            + tuple(notes + self.notes for notes in other.notes_of_patient),
            entities_of_note=self.entities_of_note + other.entities_of_note,
            group_of_note=self.group_of_note + other.group_of_note,
            several_labels=self.several_labels,
            unannotated=self.unannotated,
            weight_of_label=self.weight_of_label,
        )

    @property
    def patients(self) -> int:
        return len(self.notes_of_patient)

    @property
    def notes(self) -> int:
        return len(self.rows_of_note)


def output_count(task: Task) -> int:
    """Rows of the task head: a class a label, or O with B- and I- of each entity type."""
    if labels_documents(task):
        return len(task.labels)
    return 1 + 2 * len(task.labels)


def labels_documents(task: Task) -> bool:
    """Whether the whole document is labelled, from the mean of its tokens."""
    return task.kind in ("document_classification", "multilabel_classification")


def encode_notes(
    notes: Iterable[DeidentifiedNote], task: Task, tokenizer: Tokenizer
) -> EncodedNotes:
    """Encode notes in order; patients are numbered in order of appearance.

    Raises:
        DataError: if there is no note, or a note has no token.
    """
    rows: list[Row] = []
    rows_of_note: list[IntArray] = []
    entities: list[tuple[Span, ...]] = []
    groups: list[str] = []
    notes_of: dict[str, list[int]] = {}
    for index, note in enumerate(notes):
        first = len(rows)
        rows.extend(_rows_of(note, task, tokenizer))
        if not all(row.token_ids.size for row in rows[first:]):
            raise DataError(f"note {index + 1} of the store has no token")
        rows_of_note.append(np.arange(first, len(rows)))
        entities.append(note.entities)
        groups.append(note.group)
        notes_of.setdefault(note.patient, []).append(index)
    if not rows_of_note:
        raise DataError("the site's store holds no de-identified note")
    return EncodedNotes(
        rows=tuple(rows),
        rows_of_note=tuple(rows_of_note),
        notes_of_patient=tuple(np.array(indices) for indices in notes_of.values()),
        entities_of_note=tuple(entities),
        group_of_note=tuple(groups),
        several_labels=task.kind == "multilabel_classification",
        unannotated=unannotated(task.labels, task.own_labels),
        weight_of_label=_weights(task),
    )


def _weights(task: Task) -> FloatArray | None:
    if not task.label_weights:
        return None
    return np.array([task.label_weights.get(label, 1.0) for label in task.labels], np.float32)


def encode_text(text: str, task: Task, tokenizer: Tokenizer) -> tuple[Row, ...]:
    """Encode a text whose labels are not known."""
    labels = task.labels[:1] if task.kind == "document_classification" else ()
    note = DeidentifiedNote(note_id="", patient="", text=text, labels=labels)
    return tuple(_rows_of(note, task, tokenizer))


def _rows_of(note: DeidentifiedNote, task: Task, tokenizer: Tokenizer) -> Iterator[Row]:
    windows = not labels_documents(task)
    encoded = tokenizer(
        note.text,
        truncation=True,
        max_length=task.max_tokens,
        return_overflowing_tokens=windows,
        return_offsets_mapping=True,
    )
    if not windows:
        token_ids = np.array(encoded.encodings[0].ids, dtype=np.int64)
        nowhere = np.full(len(token_ids), -1)
        yield Row(token_ids, _document_targets(note, task), nowhere, nowhere)
        return
    if task.kind == "language_modelling":
        yield from (_next_tokens(np.array(each.ids)) for each in encoded.encodings)
        return
    words = _words(encoded.encodings, note.text)
    for encoding in encoded.encodings:
        starts, ends = _take_words(encoding.word_ids, words)
        targets = _token_targets(starts, note.entities, task)
        yield Row(np.array(encoding.ids, dtype=np.int64), targets, starts, ends)


def _document_targets(note: DeidentifiedNote, task: Task) -> IntArray:
    """The label's number, shape (1,); or yes and no to every label, shape (labels,)."""
    if task.kind == "document_classification":
        return np.array([task.labels.index(note.labels[0])])
    return np.array([int(label in note.labels) for label in task.labels])


def _next_tokens(token_ids: IntArray) -> Row:
    """A row whose targets are its own tokens, one place on; the last has none."""
    nowhere = np.full(len(token_ids), -1)
    return Row(token_ids, np.append(token_ids[1:], IGNORED), nowhere, nowhere)


def _words(encodings: Sequence[Any], text: str) -> dict[int, tuple[int, int]]:
    """Character bounds of a note's words, by number; a window's edge may run through a word.

    Byte-level tokenizers count the space before a word as the word's: it is not.
    """
    words: dict[int, tuple[int, int]] = {}
    for encoding in encodings:
        for word, (start, end) in zip(encoding.word_ids, encoding.offsets, strict=True):
            if word is not None:
                first, last = words.get(word, (start, end))
                words[word] = min(first, start), max(last, end)
    stripped = {}
    for word, (start, end) in words.items():
        covered = text[start:end]
        begin = start + len(covered) - len(covered.lstrip())
        if covered.strip():
            stripped[word] = begin, begin + len(covered.strip())
    return stripped


def _take_words(
    word_ids: Sequence[int | None], words: dict[int, tuple[int, int]]
) -> tuple[IntArray, IntArray]:
    """Bounds of each word at the position of its first token, -1 elsewhere.

    A word that was taken is gone: what a later window holds of it takes no part.
    """
    starts, ends = np.full(len(word_ids), -1), np.full(len(word_ids), -1)
    for position, word in enumerate(word_ids):
        if word in words:
            starts[position], ends[position] = words.pop(word)
    return starts, ends


def _token_targets(starts: IntArray, entities: Sequence[Span], task: Task) -> IntArray:
    """BIO class of each word's first token: 0 is O, 1 + 2k is B- and 2 + 2k is I- of label k."""
    targets = np.where(starts >= 0, 0, IGNORED)
    for entity in entities:
        inside = np.flatnonzero((starts >= entity.start) & (starts < entity.end))
        kind = task.labels.index(entity.label)
        targets[inside] = 2 + 2 * kind
        if inside.size and starts[inside[0]] == entity.start:
            targets[inside[0]] = 1 + 2 * kind
    return targets


def entities_of_note(rows: Sequence[Row], classes: Sequence[IntArray], task: Task) -> list[Span]:
    """Read the predicted classes of a note's rows, one after the other, as entities of its text.

    `classes` holds one array a row, of its tokens and perhaps of padding behind them. An entity
    may go on from one row to the next.
    """
    whole = Row(
        token_ids=np.concatenate([row.token_ids for row in rows]),
        targets=np.concatenate([row.targets for row in rows]),
        word_starts=np.concatenate([row.word_starts for row in rows]),
        word_ends=np.concatenate([row.word_ends for row in rows]),
    )
    lengths = [len(row.token_ids) for row in rows]
    values = [each[:length] for each, length in zip(classes, lengths, strict=True)]
    return entities_from_classes(whole, np.concatenate(values), task)


def entities_from_classes(row: Row, classes: IntArray, task: Task) -> list[Span]:
    """Read a row's predicted BIO classes, shape (tokens,), as entities of the note's text.

    An I- that follows no entity of its type opens one, as the CoNLL evaluation script does.
    """
    found: list[Span] = []
    open_kind: int | None = None
    for position in np.flatnonzero(row.word_starts >= 0):
        value = int(classes[position])
        kind = None if value == 0 else (value - 1) // 2
        start, end = int(row.word_starts[position]), int(row.word_ends[position])
        if kind is not None and (value % 2 == 1 or kind != open_kind):
            found.append(Span(start, end, task.labels[kind]))
        elif kind is not None:
            found[-1] = Span(found[-1].start, end, found[-1].label)
        open_kind = kind
    return found
