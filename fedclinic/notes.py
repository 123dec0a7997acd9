"""Values that hold clinical text: at a site only, and their text never shows in a repr."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Span:
    """A stretch of text: `text[start:end]` carries `label`."""

    start: int
    end: int
    label: str
    score: float = 1.0


@dataclass(frozen=True)
class Note:
    """One clinical note as the site's store gives it."""

    note_id: str
    patient: str = field(repr=False)
    text: str = field(repr=False)
    labels: tuple[str, ...] = ()
    """Document labels; empty where the task labels tokens."""
    entities: tuple[Span, ...] = ()
    """Entity labels in character offsets of `text`; empty where the task labels documents."""
    group: str = field(repr=False, default="")
    """What evaluation notes are told apart by, such as a hospital; empty: by nothing."""


@dataclass(frozen=True)
class DeidentifiedNote:
    """A note whose identifiers were replaced; offsets of `entities` follow the new text."""

    note_id: str
    patient: str = field(repr=False)
    text: str = field(repr=False)
    labels: tuple[str, ...] = ()
    entities: tuple[Span, ...] = ()
    group: str = field(repr=False, default="")


@dataclass(frozen=True)
class KnownIdentifiers:
    """What the site's roster knows of one patient: values that must not survive in any note."""

    patient: str = field(repr=False)
    values: tuple[tuple[str, str], ...] = field(repr=False, default=())
    """Pairs of (entity kind, value), such as ("PERSON", a name) or ("DATE_TIME", a birth date)."""
