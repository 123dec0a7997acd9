"""Bring the site's store up to date: read, de-identify what is new, quarantine what is unsure."""

import time
from collections.abc import Callable

from fedclinic.deid.deidentify import Deidentifier
from fedclinic.errors import DataError, DeidentificationError
from fedclinic.notes import Note
from fedclinic.plan import Task
from site_agent.note_store import NoteStore, StoreCounts
from site_agent.readers import read_notes
from site_agent.settings import SiteConfig

Progress = Callable[[int, int], None]

COMMIT_EVERY = 500


def update_store(
    config: SiteConfig,
    task: Task,
    store: NoteStore,
    deidentifier: Deidentifier,
    progress: Progress,
) -> StoreCounts:
    """De-identify every new or changed note; an interrupted call goes on where it stopped.

    All notes are read and checked before the first is treated, so that a bad file leaves the
    store as it was.

    Raises:
        DataError: if the notes cannot be read, or the site has fewer patients than it asks for.
    """
    notes = list(read_notes(config.notes, task))
    patients = {note.patient for note in notes}
    if len(patients) < config.min_patients:
        raise DataError(
            f"site {config.site} has {len(patients)} patients and min_patients is "
            f"{config.min_patients}: it cannot take part"
        )
    cohort = str(time.gmtime().tm_year)
    store.begin()
    try:
        store.forget_positions()
        for position, note in enumerate(notes):
            store.see_patient(note.patient, cohort)
            _treat(note, position, store, deidentifier)
            if (position + 1) % COMMIT_EVERY == 0:
                store.commit()
                store.begin()
                progress(position + 1, len(notes))
        store.drop_after(len(notes))
        store.commit()
    finally:
        store.roll_back()
    progress(len(notes), len(notes))
    return store.counts()


def _treat(note: Note, position: int, store: NoteStore, deidentifier: Deidentifier) -> None:
    policy = deidentifier.policy.digest()
    if store.is_current(note, policy):
        store.keep_position(note, position)
        return
    try:
        result = deidentifier.run(note)
    except DeidentificationError as error:
        store.quarantine(note, position=position, policy=policy, reason=str(error))
        return
    store.put(
        note,
        result.note,
        position=position,
        policy=policy,
        replaced={kind.name: count for kind, count in result.counts.replaced.items()},
    )
