"""De-identify a site's notes as a Prefect flow: batches of notes, sealed, over many processes.

Prefect sees paths, counts of batches and nothing of a note: what its tasks are given and give back
is sealed with the site's own key, no result is kept, and nothing is logged to its server.
"""

import importlib
import json
import os
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from fedclinic.deid.agreement import Agreement
from fedclinic.deid.canaries import merge
from fedclinic.errors import ConfigError
from fedclinic.plan import Task
from fedclinic.records import Digest
from site_agent.deid_measures import Measured
from site_agent.detection_process import Answer, DetectionPool, SitePlace
from site_agent.keys import load_secret
from site_agent.opening import OpenSite
from site_agent.prepare import Progress, update_store
from site_agent.readers import read_notes
from site_agent.roster import Roster
from site_agent.sealing import Seal
from site_agent.settings import SiteHome, TaskRunnerChoice
from site_agent.treatment import (
    Job,
    NoteMessage,
    Outcome,
    TreatedMessage,
    job_of,
    note_message,
    outcome_of,
    treated_message,
)

BATCH_NOTES = 32
BATCHES_AHEAD = 3
"""Batches for each process that wait or are treated; more only fill memory."""

_pools: dict[str, DetectionPool] = {}
"""Detection processes of this process; a worker of Dask or Ray keeps its own."""

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


@task(name="treat notes", persist_result=False, cache_policy=NO_CACHE, log_prints=False)
def treat_batch(place: SitePlace, max_seconds: float, sealed: bytes) -> bytes:
    """De-identify a sealed batch; returns the sealed outcomes in the same order."""
    seal = _seal_of(place)
    jobs = [job_of(NoteMessage.model_validate(each)) for each in json.loads(seal.open(sealed))]
    outcomes = _pool(place, max_seconds).treat(jobs)
    return _sealed(seal, [treated_message(outcome) for outcome in outcomes])


@task(name="plant canaries", persist_result=False, cache_policy=NO_CACHE, log_prints=False)
def measure_batch(place: SitePlace, max_seconds: float, sealed: bytes, seed: int) -> bytes:
    """Plant canaries in shadows of a sealed batch; returns the sealed counts."""
    seal = _seal_of(place)
    jobs = [job_of(NoteMessage.model_validate(each)) for each in json.loads(seal.open(sealed))]
    return _sealed(seal, _pool(place, max_seconds).measure(jobs, seed))


class Batches:
    """A `Treatment` that gives batches of notes to Prefect's task runner."""

    def __init__(self, site: OpenSite, processes: int) -> None:
        self.digest: Digest = site.treatment()
        self.roster: Roster = site.roster()
        self._place = site.place
        self._max_seconds = site.deidentification_policy.max_seconds_per_note
        self._seal = _seal_of(site.place)
        self._ahead = BATCHES_AHEAD * processes

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        def submit(batch: Sequence[Job]) -> PrefectFuture[bytes]:
            return treat_batch.submit(self._place, self._max_seconds, self._sealed_notes(batch))

        for batch, sealed in _in_turn(_batched(jobs, BATCH_NOTES), submit, self._ahead):
            for job, each in zip(batch, json.loads(self._seal.open(sealed)), strict=True):
                yield job, outcome_of(TreatedMessage.model_validate(each), job.note)

    def measure(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Answer]]:
        """Plant canaries in shadows of notes and count which are found."""
        seed = secrets.randbits(32)

        def submit(batch: Sequence[Job]) -> PrefectFuture[bytes]:
            notes = self._sealed_notes(batch)
            return measure_batch.submit(self._place, self._max_seconds, notes, seed)

        for batch, sealed in _in_turn(_batched(jobs, BATCH_NOTES // 8), submit, self._ahead):
            for job, each in zip(batch, json.loads(self._seal.open(sealed)), strict=True):
                yield job, Answer.model_validate(each)

    def _sealed_notes(self, batch: Sequence[Job]) -> bytes:
        return _sealed(self._seal, [note_message(job) for job in batch])


@flow(name="de-identify notes", persist_result=False, log_prints=False)
def _deidentify(place: SitePlace, canary_notes: int) -> None:
    """Bring the store up to date, then measure; what the flow works on is in its context."""
    site, learning_task, processes = _current.get()
    batches = Batches(site, processes)
    watcher = _watcher.get()
    update_store(site.config, learning_task, site.store, batches, watcher.notes)
    if canary_notes:
        measure(site, batches, canary_notes, watcher.canaries)


@flow(name="measure de-identification", persist_result=False, log_prints=False)
def _measure(place: SitePlace, canary_notes: int) -> None:
    site, _, processes = _current.get()
    measure(site, Batches(site, processes), canary_notes, _watcher.get().canaries)


_current: ContextVar[tuple[OpenSite, Task | None, int]] = ContextVar("current")


def deidentify_notes(site: OpenSite, learning_task: Task | None, canary_notes: int) -> None:
    """Run the flow with the task runner that site.yaml names.

    Raises:
        FedclinicError: saying what is wrong and what to do.
    """
    _run(_deidentify, site, learning_task, canary_notes)


def measure_notes(site: OpenSite, canary_notes: int) -> None:
    """Plant canaries in shadows of some notes and keep the counts.

    Raises:
        FedclinicError: saying what is wrong and what to do.
    """
    _run(_measure, site, None, canary_notes)


def _run(which: Any, site: OpenSite, learning_task: Task | None, canary_notes: int) -> None:
    processes = site.config.task_runner.processes or os.cpu_count() or 1
    token = _current.set((site, learning_task, processes))
    try:
        runner = _task_runner(site.config.task_runner, processes)
        which.with_options(task_runner=runner)(site.place, canary_notes)
    finally:
        _current.reset(token)
        pool = _pools.pop(site.place.model_dump_json(), None)
        if pool is not None:
            pool.close()


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


def _task_runner(choice: TaskRunnerChoice, processes: int) -> TaskRunner[Any]:
    """Threads that wait for detection processes, or the cluster that site.yaml names.

    Raises:
        ConfigError: if the integration is not installed.
    """
    try:
        if choice.kind == "dask":
            return _dask(choice, processes)
        if choice.kind == "ray":
            return _ray(choice, processes)
    except ImportError:
        raise ConfigError(
            f"task_runner.kind is {choice.kind}: pip install 'prefect-{choice.kind}'"
        ) from None
    return ThreadPoolTaskRunner(max_workers=processes)


def _dask(choice: TaskRunnerChoice, processes: int) -> TaskRunner[Any]:
    runner: Any = importlib.import_module("prefect_dask").DaskTaskRunner
    local = {"n_workers": processes, "threads_per_worker": 1, "dashboard_address": None}
    made: TaskRunner[Any] = (
        runner(cluster_kwargs=local) if choice.address is None else runner(address=choice.address)
    )
    return made


def _ray(choice: TaskRunnerChoice, processes: int) -> TaskRunner[Any]:
    runner: Any = importlib.import_module("prefect_ray").RayTaskRunner
    local = {"num_cpus": processes, "include_dashboard": False}
    made: TaskRunner[Any] = (
        runner(init_kwargs=local) if choice.address is None else runner(address=choice.address)
    )
    return made


def _pool(place: SitePlace, max_seconds: float) -> DetectionPool:
    key = place.model_dump_json()
    if key not in _pools:
        _pools.setdefault(key, DetectionPool(place, max_seconds))
    return _pools[key]


def _seal_of(place: SitePlace) -> Seal:
    return Seal(load_secret(SiteHome(Path(place.home)).store_key))


def _sealed(seal: Seal, messages: Sequence[NoteMessage | TreatedMessage | Answer]) -> bytes:
    return seal.close(json.dumps([each.model_dump(mode="json") for each in messages]).encode())
