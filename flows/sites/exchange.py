"""The `exchange` transport: put tasks on the exchange's table, wait for what the agents bring.

The coordinator shares database and blobs with the exchange's service and never talks to it, so
either may be restarted while the other works. A database that is away is waited for.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from fedclinic.answers import Answer
from fedclinic.errors import RunError
from fedclinic.evidence.keys import VerifyKey
from fedclinic.evidence.statement import (
    Envelope,
    digests_in,
    parse_statement,
    statement_content,
)
from fedclinic.exchange_protocol import BlobRef
from fedclinic.local_protocol import Progress
from fedclinic.records import Digest
from fedclinic.transports import ExchangeTransport
from fedclinic.updates.blobs import BlobFolder
from flows.exchange.blob_store import PIECE_BYTES, TASKS_AREA, uploads_area
from flows.exchange.exchange import Exchange
from flows.exchange.tables import AwayError
from flows.exchange.task_rows import TaskView
from flows.sites import EVALUATION_SITE, LateError, Sites, Watcher

AWAY_SECONDS = 1.0
PARTING_SECONDS = 30.0
"""For so long a database that is away when a run stops is waited for."""
LOOK_SECONDS = 0.25
LOOK_SECONDS_A_SITE = 0.01
"""Each site that is waited for looks less often, so that many do not crowd the database."""

Result = TypeVar("Result")


class ExchangeSites:
    """The sites of a plan with `transport: {kind: exchange}`.

    The evaluation notes are at `evaluation`; None: at an agent of the exchange too.
    """

    def __init__(
        self,
        transport: ExchangeTransport,
        exchange: Exchange,
        blobs: BlobFolder,
        evaluation: Sites | None,
        watch: Watcher,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = transport
        self._exchange = exchange
        self._blobs = blobs
        self._evaluation = evaluation
        self._watch = watch
        self._sleep = sleep
        self._open: set[str] = set()
        self._published: set[Digest] = set()
        self._publishing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give up what is still open, so that no site works for a run that has stopped."""
        until = self._exchange.clock() + PARTING_SECONDS
        with suppress(AwayError):  # what stays open keeps its blobs, and ends at its deadline
            for task in tuple(self._open):
                self._patiently(partial(self._exchange.queue.give_up, task), until)
            for digest in self._published:
                self._exchange.store.remove(TASKS_AREA, digest)

    def submit(self, site: str, task: Envelope) -> Answer:
        if site == EVALUATION_SITE and self._evaluation is not None:
            return self._evaluation.submit(site, task)
        deadline = _deadline(task)
        self._patiently(lambda: self.key(site), deadline)
        blobs = [self._publish(digest) for digest in digests_in(task) if self._has(digest)]
        number = self._patiently(
            lambda: self._exchange.queue.submit(site, task, blobs, deadline), deadline
        )
        self._open.add(number)
        ended = self._wait(site, number, deadline)
        self._open.discard(number)
        if ended.error is not None or ended.answer is None:
            raise RunError(f"site {site} could not carry out its task: {ended.error}")
        for digest in ended.blobs:
            self._patiently(partial(self._take, site, digest), deadline)
        return ended.answer

    def key(self, site: str) -> VerifyKey:
        if site == EVALUATION_SITE and self._evaluation is not None:
            return self._evaluation.key(site)
        known = self._exchange.registry.find(site)
        if known is None:
            raise RunError(f"site {site} has not joined: fedclinic site invite {site}")
        if known.revoked:
            raise RunError(f"the key of site {site} is revoked")
        return known.key

    def _wait(self, site: str, task: str, deadline: float) -> TaskView:
        """Wait for a task's end, its deadline, or the absence of its site."""
        began = self._exchange.clock()
        while True:
            ended = self._patiently(lambda: self._look(site, task, deadline, began), deadline)
            if ended is not None:
                return ended
            self._sleep(LOOK_SECONDS + LOOK_SECONDS_A_SITE * len(self._open))

    def _look(self, site: str, task: str, deadline: float, began: float) -> TaskView | None:
        """Give the task if it has ended; None as long as it is worth waiting."""
        view = self._exchange.queue.find(task)
        if view.state == "done":
            return view
        if view.state == "late":
            self._open.discard(task)
            raise LateError(f"site {site} gave no answer before the deadline")
        self._show(site, view)
        now = self._exchange.clock()
        reason = ""
        if now > deadline:
            reason = "gave no answer before the deadline"
        elif self._is_absent(site, now, began):
            reason = f"is absent: silent for {self._transport.absent_seconds:g} s or more"
        if reason and self._exchange.queue.give_up(task):
            self._open.discard(task)
            raise LateError(f"site {site} {reason}")
        self.key(site)
        return None

    def _patiently(self, call: Callable[[], Result], until: float) -> Result:
        """Call, and call again while the database is away, until a time."""
        while True:
            try:
                return call()
            except AwayError:
                if self._exchange.clock() > until:
                    raise
            self._sleep(AWAY_SECONDS)

    def _is_absent(self, site: str, now: float, began: float) -> bool:
        known = self._exchange.registry.find(site)
        seen = known.last_seen if known is not None and known.last_seen is not None else 0.0
        return now - max(seen, began) > self._transport.absent_seconds

    def _show(self, site: str, view: TaskView) -> None:
        if view.stage is not None:
            progress = {"stage": view.stage, "done": view.done, "total": view.total}
            self._watch.progress(site, Progress.model_validate(progress))

    def _has(self, digest: Digest) -> bool:
        return self._blobs.path(digest).is_file()

    def _publish(self, digest: Digest) -> BlobRef:
        """Put a blob that a task names where its site may fetch it."""
        path = self._blobs.find(digest)
        with self._publishing:
            if not self._exchange.store.exists(TASKS_AREA, digest):
                with path.open("rb") as file:
                    pieces = iter(lambda: file.read(PIECE_BYTES), b"")
                    self._exchange.store.put(TASKS_AREA, digest, pieces)
            self._published.add(digest)
        return BlobRef(digest=digest, bytes=path.stat().st_size)

    def _take(self, site: str, digest: Digest) -> None:
        """Take a blob of an answer into the coordinator's folder, if it is what it is called."""
        if not self._has(digest):
            area = uploads_area(site)
            if not self._exchange.store.exists(area, digest):
                raise RunError(f"site {site}'s blob {digest} is no longer at the exchange")
            found, _ = self._blobs.put(self._exchange.store.read(area, digest))
            if found != digest:
                raise RunError(f"site {site}'s blob {digest} was changed at the exchange")
        self._exchange.uploads.release(site, digest)


def _deadline(task: Envelope) -> float:
    """The time until which a task's answer counts, as the task itself says."""
    predicate: dict[str, Any] = parse_statement(statement_content(task))["predicate"]
    deadline = predicate.get("deadline")
    if not isinstance(deadline, int | float):
        raise RunError("a task without a deadline cannot be put on the exchange")
    return float(deadline)
