"""Bring the site's store up to date: read, de-identify what is new, quarantine what is unsure."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fedclinic.errors import DataError
from fedclinic.plan import Task
from site_agent.note_store import NoteStore
from site_agent.readers import read_notes
from site_agent.settings import SiteConfig
from site_agent.store_measures import StoreCounts
from site_agent.treatment import Job, Outcome, Refused, Treatment

Progress = Callable[[int, int], None]

COMMIT_EVERY = 500


def update_store(
    config: SiteConfig,
    task: Task | None,
    store: NoteStore,
    treatment: Treatment,
    progress: Progress,
) -> StoreCounts:
    """De-identify every new or changed note; after Ctrl-C the next call goes on where it stopped.

    All notes are read and checked before the first is treated, so that a bad file leaves the
    store as it was. Without a task, notes are read without labels and stored labels stay.

    Raises:
        DataError: if the notes cannot be read, or the site has fewer patients than it asks for.
    """
    update = _Update(config, task, store, treatment, progress)
    store.begin()
    try:
        store.begin_pass()
        for job, outcome in treatment.run(update.jobs()):
            update.write(job, outcome)
        store.end_pass()
        store.commit()
    except KeyboardInterrupt:
        store.commit()
        raise
    finally:
        store.roll_back()
    progress(update.total, update.total)
    return store.measures.counts()


class _Update:
    """One pass over the site's notes; commits as it goes."""

    def __init__(
        self,
        config: SiteConfig,
        task: Task | None,
        store: NoteStore,
        treatment: Treatment,
        progress: Progress,
    ) -> None:
        self.config, self.task, self.store, self.progress = config, task, store, progress
        self.roster, self.digest = treatment.roster, treatment.digest
        self.total = check_notes(config, task).notes
        self._done = 0

    def jobs(self) -> Iterator[Job]:
        """Notes to treat; those that are current are kept in passing."""
        cohort = str(time.gmtime().tm_year)
        for position, note in enumerate(read_notes(self.config.notes, self.task)):
            self.store.see_patient(note.patient, cohort)
            known = self.roster.mark(note.patient)
            if self.store.is_current(note, self.digest, known):
                self.store.keep(note, position, labelled=self.task is not None)
                self._count()
            else:
                yield Job(position, note, self.store.is_released(note, known))

    def write(self, job: Job, outcome: Outcome) -> None:
        known = self.roster.mark(job.note.patient)
        at, digest = job.position, self.digest
        if isinstance(outcome, Refused):
            self.store.quarantine(job.note, outcome, position=at, treatment=digest, known=known)
        else:
            self.store.put(job.note, outcome, position=at, treatment=digest, known=known)
        self._count()

    def _count(self) -> None:
        self._done += 1
        if self._done % COMMIT_EVERY == 0:
            self.store.commit()
            self.store.begin()
            self.progress(self._done, self.total)


@dataclass(frozen=True)
class NotesRead:
    """What a site's files hold; private, and for the site's own eyes."""

    notes: int
    patients: int
    unmarked: tuple[str, ...]
    """Labels of a token task that no note marks, where the plan says that the site annotates all.
    A rare label may be one, or one that nobody looked for: only people know which."""


def check_notes(config: SiteConfig, task: Task | None) -> NotesRead:
    """Read every note once.

    A label that no note marks is no mistake: refusing it would tell, without noise, whether any
    patient of the site has it.

    Raises:
        DataError: if the notes cannot be read, or the site has fewer patients than it asks for.
    """
    patients: set[str] = set()
    marked: set[str] = set()
    total = 0
    for note in read_notes(config.notes, task):
        patients.add(note.patient)
        marked.update(entity.label for entity in note.entities)
        total += 1
    if len(patients) < config.min_patients:
        raise DataError(
            f"site {config.site} has {len(patients)} patients and min_patients is "
            f"{config.min_patients}: it cannot take part"
        )
    return NotesRead(total, len(patients), _unmarked(task, marked))


def _unmarked(task: Task | None, marked: set[str]) -> tuple[str, ...]:
    if task is None or task.kind != "token_classification" or task.own_labels:
        return ()
    return tuple(label for label in task.labels if label not in marked)
