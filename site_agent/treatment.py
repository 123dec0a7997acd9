"""De-identify many notes: what goes in, what comes out, and how either crosses a process.

Messages hold notes. They travel through pipes between a site's own processes, or sealed; they are
never logged.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Protocol

from pydantic import Field

from fedclinic.deid.deidentify import Deidentification, Deidentifier
from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.offsets import OffsetMap, Replacement
from fedclinic.deid.policy import DeidentificationCounts, DeidentificationPolicy
from fedclinic.deid.tagger import embedded_tagger
from fedclinic.digest import digest_chunks, digest_record
from fedclinic.errors import DeidentificationError
from fedclinic.notes import DeidentifiedNote, Note, Span
from fedclinic.records import Count, Digest, Record
from site_agent.roster import NOBODY, Roster

Places = tuple[tuple[Count, Count, Count, Count], ...]


@dataclass(frozen=True)
class Job:
    """One note that is new or changed."""

    position: int
    """Where it stands in the site's files, from 0."""
    note: Note
    released: bool = False
    """A person read the note in quarantine and took the doubts away that a person can judge."""


@dataclass(frozen=True)
class Refused:
    """Why a note belongs into quarantine; no text of it."""

    reason: str


Outcome = Deidentification | Refused


class Treatment(Protocol):
    """De-identifies notes, here or in other processes."""

    @property
    def digest(self) -> Digest:
        """Of all that decides what becomes of a note; another one treats every note again."""
        ...

    @property
    def roster(self) -> Roster: ...

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Treat every job; a note that cannot be treated is refused, never left out."""
        ...


@dataclass(frozen=True)
class InProcess:
    """Treats notes one after the other in this process, without a limit of time."""

    deidentifier: Deidentifier
    roster: Roster = field(default=NOBODY, repr=False)

    @property
    def digest(self) -> Digest:
        return treatment_digest(self.deidentifier.policy, None)

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job in jobs:
            yield job, treat(job, self.deidentifier, self.roster)


def treat(job: Job, deidentifier: Deidentifier, roster: Roster) -> Outcome:
    """De-identify one note with what the roster knows of its patient."""
    try:
        return deidentifier.run(job.note, roster.of(job.note.patient), released=job.released)
    except DeidentificationError as error:
        return Refused(str(error))


class _Parts(Record):
    policy: Digest
    dictionaries: Digest
    tagger: Digest
    rules: Digest
    site_model: Digest | None


def treatment_digest(policy: DeidentificationPolicy, site_model: Digest | None) -> Digest:
    """Digest of policy, dictionaries, models and the code of the rules."""
    return digest_record(
        _Parts(
            policy=policy.digest(),
            dictionaries=lexicon().digest,
            tagger=embedded_tagger().digest,
            rules=_rules_digest(),
            site_model=site_model,
        )
    )


def _rules_digest() -> Digest:
    def sources(folder: Traversable) -> Iterator[bytes]:
        for each in sorted(folder.iterdir(), key=lambda file: file.name):
            if each.is_dir():
                yield from sources(each)
            elif each.name.endswith(".py"):
                yield each.read_bytes()

    return digest_chunks(sources(resources.files("fedclinic.deid")))


class SpanMessage(Record):
    """A span, in a message."""

    start: Count
    end: Count
    label: str
    score: float = 1.0


class NoteMessage(Record):
    """A note on its way to a detection process."""

    note_id: str = Field(repr=False)
    patient: str = Field(repr=False)
    text: str = Field(repr=False)
    entities: tuple[SpanMessage, ...] = ()
    released: bool = False


class TreatedMessage(Record):
    """A de-identified note on its way back, or the reason why there is none."""

    refused: str | None = None
    text: str = Field(default="", repr=False)
    spans: tuple[SpanMessage, ...] = ()
    places: Places = ()
    counts: DeidentificationCounts | None = None


def note_message(job: Job) -> NoteMessage:
    note = job.note
    return NoteMessage(
        note_id=note.note_id,
        patient=note.patient,
        text=note.text,
        entities=tuple(SpanMessage(**asdict(each)) for each in note.entities),
        released=job.released,
    )


def job_of(message: NoteMessage) -> Job:
    entities = tuple(Span(**each.model_dump()) for each in message.entities)
    note = Note(message.note_id, message.patient, message.text, (), entities)
    return Job(0, note, message.released)


def treated_message(outcome: Outcome) -> TreatedMessage:
    if isinstance(outcome, Refused):
        return TreatedMessage(refused=outcome.reason)
    return TreatedMessage(
        text=outcome.note.text,
        spans=tuple(SpanMessage(**asdict(each)) for each in outcome.spans),
        places=places_of(outcome.offsets),
        counts=outcome.counts,
    )


def outcome_of(message: TreatedMessage, note: Note) -> Outcome:
    """Join what came back with the labels that never left this process."""
    if message.refused is not None or message.counts is None:
        return Refused(message.refused or "the detector gave no answer")
    offsets = offsets_of(message.places)
    entities = tuple(offsets.move(entity) for entity in note.entities)
    return Deidentification(
        note=DeidentifiedNote(
            note.note_id, note.patient, message.text, note.labels, entities, note.group
        ),
        counts=message.counts,
        offsets=offsets,
        spans=tuple(Span(**each.model_dump()) for each in message.spans),
    )


def places_of(offsets: OffsetMap) -> Places:
    return tuple(
        (each.start, each.end, each.new_start, each.new_end) for each in offsets.replacements
    )


def offsets_of(places: Iterable[Iterable[int]]) -> OffsetMap:
    return OffsetMap(tuple(Replacement(*each) for each in places))
