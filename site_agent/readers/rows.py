"""Turn one row of a file, whatever its format, into a note that fits the task."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fedclinic.errors import DataError
from fedclinic.learning.tasks import labels_documents
from fedclinic.notes import Note, Span
from fedclinic.plan import Task
from site_agent.settings import NoteSource


@dataclass(frozen=True)
class Row:
    """One record of a notes file and where it stands, as `file:line`."""

    where: str
    values: Mapping[str, Any] = field(repr=False)


def note_of(row: Row, source: NoteSource, task: Task | None) -> Note | None:
    """Build the note of a row; None for a row without a label that the site chose to skip.

    Without a task, the note has no labels.

    Raises:
        DataError: naming the row and field, never their content.
    """
    if task is None:
        return _unlabelled(row, source)
    text, entities = _text_and_entities(row, source, task)
    labels = _document_labels(row, source, task)
    if task.kind == "document_classification" and not labels:
        if source.skip_unlabelled:
            return None
        raise DataError(f"{row.where}: the note has no label; set notes.skip_unlabelled to pass it")
    return Note(
        note_id=_identifier(row, source.fields.note_id),
        patient=_identifier(row, source.fields.patient),
        text=text,
        labels=labels,
        entities=entities,
        group=_group(row, source.fields.group),
    )


def _group(row: Row, name: str | None) -> str:
    """What a note is told apart by; a note without a value is in no group."""
    value = None if name is None else row.values.get(name)
    return "" if value is None else str(value)


def _unlabelled(row: Row, source: NoteSource) -> Note:
    fields = source.fields
    if fields.tokens and fields.tags:
        tokens = row.values.get(fields.tokens)
        if not isinstance(tokens, list) or not all(isinstance(each, str) for each in tokens):
            raise DataError(f"{row.where}: '{fields.tokens}' must be a list of texts")
        text = " ".join(tokens)
        _check_unicode(row, fields.tokens, text)
    elif fields.text is not None:
        text = _note_text(row, fields.text)
    else:
        raise DataError(f"{row.where}: notes.fields names neither a text nor tokens and tags")
    return Note(_identifier(row, fields.note_id), _identifier(row, fields.patient), text)


def _identifier(row: Row, name: str) -> str:
    """A text or a whole number; 7.0 or NaN would split a patient in two, or merge many in one."""
    value = row.values.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(row, name)


def _note_text(row: Row, name: str) -> str:
    """A note's text; an empty one is no mistake of the file, its note goes to quarantine."""
    value = row.values.get(name)
    return value if isinstance(value, str) and not value.strip() else _text(row, name)


def _text(row: Row, name: str) -> str:
    value = row.values.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise DataError(f"{row.where}: field '{name}' is missing or empty")
    if not isinstance(value, str):
        raise DataError(f"{row.where}: field '{name}' is a {type(value).__name__} and not a text")
    _check_unicode(row, name, value)
    return value


def _check_unicode(row: Row, name: str, value: str) -> None:
    """Refuse half a surrogate pair, which JSON can write and nothing can store."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise DataError(f"{row.where}: field '{name}' is not valid Unicode") from None


def _text_and_entities(row: Row, source: NoteSource, task: Task) -> tuple[str, tuple[Span, ...]]:
    fields = source.fields
    if fields.tokens and fields.tags:
        return _from_tokens(row, fields.tokens, fields.tags, task)
    if fields.text is None:
        raise DataError(f"{row.where}: notes.fields names neither a text nor tokens and tags")
    text = _note_text(row, fields.text)
    if task.kind != "token_classification":
        return text, ()
    if fields.entities is None:
        raise DataError(f"{row.where}: notes.fields names no entities, and the task labels tokens")
    return text, _entities(row, fields.entities, len(text), task)


def _from_tokens(
    row: Row, tokens_field: str, tags_field: str, task: Task
) -> tuple[str, tuple[Span, ...]]:
    tokens, tags = row.values.get(tokens_field), row.values.get(tags_field)
    if not isinstance(tokens, list) or not isinstance(tags, list) or len(tokens) != len(tags):
        raise DataError(f"{row.where}: '{tokens_field}' and '{tags_field}' must be equal lists")
    if not tokens or not all(isinstance(token, str) and token.strip() for token in tokens):
        raise DataError(f"{row.where}: '{tokens_field}' must hold texts, none of them empty")
    text = " ".join(tokens)
    _check_unicode(row, tokens_field, text)
    spans: list[Span] = []
    position = 0
    for token, tag in zip(tokens, tags, strict=True):
        end = position + len(token)
        prefix, _, label = str(tag).partition("-")
        if prefix == "I" and spans and spans[-1].label == label and spans[-1].end == position - 1:
            spans[-1] = Span(spans[-1].start, end, label)
        elif prefix in ("B", "I") and label:
            _label(row, tags_field, label, task)
            spans.append(Span(position, end, label))
        elif prefix != "O":
            raise DataError(f"{row.where}: '{tags_field}' holds a tag that is not BIO")
        position = end + 1
    return text, tuple(
        Span(each.start, each.end, _label(row, tags_field, each.label, task)) for each in spans
    )


def _entities(row: Row, name: str, length: int, task: Task) -> tuple[Span, ...]:
    value = row.values.get(name)
    if not isinstance(value, list):
        raise DataError(f"{row.where}: field '{name}' must be a list of start, end and label")
    spans = []
    for item in value:
        try:
            span = Span(int(item["start"]), int(item["end"]), str(item["label"]))
        except (KeyError, TypeError, ValueError):
            raise DataError(f"{row.where}: '{name}' needs start, end and label each") from None
        if not 0 <= span.start < span.end <= length:
            raise DataError(f"{row.where}: an entity lies outside the text")
        spans.append(Span(span.start, span.end, _label(row, name, span.label, task)))
    return tuple(sorted(spans, key=lambda span: (span.start, span.end)))


def _document_labels(row: Row, source: NoteSource, task: Task) -> tuple[str, ...]:
    if not labels_documents(task):
        return ()
    if source.fields.label is None:
        raise DataError(f"{row.where}: notes.fields names no label, and the task needs one")
    value = row.values.get(source.fields.label)
    if value is None or value in ("", []):
        if value is None and task.kind == "multilabel_classification":
            raise DataError(f"{row.where}: '{source.fields.label}' is missing; [] says no label")
        return ()
    labels = tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)
    if len(labels) > 1 and task.kind == "document_classification":
        raise DataError(
            f"{row.where}: '{source.fields.label}' holds {len(labels)} labels, and a document has "
            "one; name a field with one in notes.fields.label"
        )
    return tuple(_label(row, source.fields.label, label, task) for label in labels)


def _label(row: Row, field: str, label: str, task: Task) -> str:
    """The task's name of a label that the notes call so.

    The label itself is not told: where a column was mistaken for it, it is a piece of a note.
    """
    known = task.own_labels or {each: each for each in task.labels}
    if label in known:
        return known[label]
    near = difflib.get_close_matches(label[:100], known, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise DataError(
        f"{row.where}: '{field}' holds a label that is not in the plan; {hint}"
        f"it has {', '.join(known)}"
    )
