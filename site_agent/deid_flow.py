"""De-identify a site's notes as a Prefect flow: batches of notes, sealed, over many processes.

Prefect sees paths, counts of batches and nothing of a note: what its tasks are given and give back
is sealed with the site's own key, no result is kept, and nothing is logged to its server.
"""

import json
import os
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from random import Random
from typing import Any, TypeVar

from prefect import flow
from prefect.futures import PrefectFuture

from fedclinic.deid.agreement import Agreement
from fedclinic.deid.canaries import merge
from fedclinic.plan import Task
from fedclinic.records import Digest
from site_agent.deid_measures import Measured
from site_agent.deid_tasks import MEASURE, TREAT, close_pool, seal_of, sealed
from site_agent.detection_process import Answer, SitePlace
from site_agent.opening import OpenSite
from site_agent.prepare import Progress, update_store
from site_agent.readers import read_notes
from site_agent.roster import Roster
from site_agent.task_runners import task_runner
from site_agent.treatment import (
    Job,
    Outcome,
    TreatedMessage,
    note_message,
    outcome_of,
)

BATCH_NOTES = 32
BATCHES_AHEAD = 3
"""Batches for each process that wait or are treated; more only fill memory."""

T = TypeVar("T")


class Watcher:
    """Sees how far a run is; this one sees nothing."""

    def notes(self, done: int, total: int) -> None: ...

    def canaries(self, done: int, total: int) -> None: ...


_watcher: ContextVar[Watcher] = ContextVar("watcher", default=Watcher())  # noqa: B039


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Let `watcher` see the runs that are started inside."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


class Batches:
    """A `Treatment` that gives batches of notes to Prefect's task runner."""

    def __init__(self, site: OpenSite, processes: int) -> None:
        self.digest: Digest = site.treatment()
        self.roster: Roster = site.roster()
        self._place = site.place
        self._max_seconds = site.deidentification_policy.max_seconds_per_note
        self._seal = seal_of(site.place)
        self._ahead = BATCHES_AHEAD * processes

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        def submit(batch: Sequence[Job]) -> PrefectFuture[bytes]:
            return TREAT.submit(self._place, self._max_seconds, self._sealed_notes(batch))

        for batch, answer in _in_turn(_batched(jobs, BATCH_NOTES), submit, self._ahead):
            for job, each in zip(batch, json.loads(self._seal.open(answer)), strict=True):
                yield job, outcome_of(TreatedMessage.model_validate(each), job.note)

    def measure(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Answer]]:
        """Plant canaries in shadows of notes and count which are found."""
        seed = secrets.randbits(32)

        def submit(batch: Sequence[Job]) -> PrefectFuture[bytes]:
            notes = self._sealed_notes(batch)
            return MEASURE.submit(self._place, self._max_seconds, notes, seed)

        for batch, answer in _in_turn(_batched(jobs, BATCH_NOTES // 8), submit, self._ahead):
            for job, each in zip(batch, json.loads(self._seal.open(answer)), strict=True):
                yield job, Answer.model_validate(each)

    def _sealed_notes(self, batch: Sequence[Job]) -> bytes:
        return sealed(self._seal, [note_message(job) for job in batch])


def _deidentify(place: SitePlace, canary_notes: int) -> None:
    """Bring the store up to date, then measure; what the flow works on is in its context."""
    site, learning_task, processes = _current.get()
    batches = Batches(site, processes)
    watcher = _watcher.get()
    update_store(site.config, learning_task, site.store, batches, watcher.notes)
    if canary_notes:
        measure(site, batches, canary_notes, watcher.canaries)


def _measure(place: SitePlace, canary_notes: int) -> None:
    site, _, processes = _current.get()
    measure(site, Batches(site, processes), canary_notes, _watcher.get().canaries)


DEIDENTIFY = flow(name="de-identify notes", persist_result=False, log_prints=False)(_deidentify)
MEASURE_AGAIN = flow(name="measure de-identification", persist_result=False, log_prints=False)(
    _measure
)
"""Made from plain functions of this module: a cluster's workers look those up by their names."""
_current: ContextVar[tuple[OpenSite, Task | None, int]] = ContextVar("current")


def deidentify_notes(site: OpenSite, learning_task: Task | None, canary_notes: int) -> None:
    """Run the flow with the task runner that site.yaml names.

    Raises:
        FedclinicError: saying what is wrong and what to do.
    """
    _run(DEIDENTIFY, site, learning_task, canary_notes)


def measure_notes(site: OpenSite, canary_notes: int) -> None:
    """Plant canaries in shadows of some notes and keep the counts.

    Raises:
        FedclinicError: saying what is wrong and what to do.
    """
    _run(MEASURE_AGAIN, site, None, canary_notes)


def _run(which: Any, site: OpenSite, learning_task: Task | None, canary_notes: int) -> None:
    processes = site.config.task_runner.processes or os.cpu_count() or 1
    token = _current.set((site, learning_task, processes))
    try:
        runner = task_runner(site.config.task_runner, processes)
        which.with_options(task_runner=runner)(site.place, canary_notes)
    finally:
        _current.reset(token)
        close_pool(site.place)


def measure(site: OpenSite, batches: Batches, notes: int, progress: Progress) -> None:
    """Plant canaries in shadows of `notes` notes and keep the counts in the store."""
    jobs = _sample(site, notes)
    answers = []
    for _, answer in batches.measure(jobs):
        answers.append(answer)
        progress(len(answers), len(jobs))
    agreement = Agreement()
    for answer in answers:
        agreement = agreement.plus(answer.agreement)
    before = site.store.measures.measured()
    same = before is not None and before.treatment == batches.digest
    baseline = before.baseline_recall if before is not None and same else None
    site.store.measures.keep_measured(
        Measured(
            treatment=batches.digest,
            notes=len(answers),
            canaries=merge(each for answer in answers for each in answer.canaries),
            agreement=agreement,
            baseline_recall=baseline if baseline is not None else agreement.estimated_recall(),
        )
    )


def _sample(site: OpenSite, notes: int) -> list[Job]:
    """Notes drawn at random from the site's files."""
    rng = Random(secrets.randbits(64))
    drawn: list[Job] = []
    for position, note in enumerate(read_notes(site.config.notes, None)):
        if len(drawn) < notes:
            drawn.append(Job(position, note))
        elif (place := rng.randrange(position + 1)) < notes:
            drawn[place] = Job(position, note)
    return drawn


def _in_turn(
    batches: Iterable[Sequence[Job]],
    submit: Callable[[Sequence[Job]], PrefectFuture[bytes]],
    ahead: int,
) -> Iterator[tuple[Sequence[Job], bytes]]:
    """Submit batches, some ahead, and give their results in the order of the batches."""
    waiting: deque[tuple[Sequence[Job], PrefectFuture[bytes]]] = deque()
    for batch in batches:
        waiting.append((batch, submit(batch)))
        if len(waiting) >= ahead:
            first, future = waiting.popleft()
            yield first, future.result()
    for batch, future in waiting:
        yield batch, future.result()


def _batched(jobs: Iterable[Job], size: int) -> Iterator[Sequence[Job]]:
    iterator = iter(jobs)
    while batch := tuple(islice(iterator, size)):
        yield batch
