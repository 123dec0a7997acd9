"""Who follows a run while it goes on: a console, or nobody."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from fedclinic.local_protocol import Counted, Progress
from fedclinic.rounds import SitePrepared
from flows.run_store import RoundRecord, RunHeader
from flows.sites import Watcher


class Observer(Watcher, Protocol):
    """Follows a run: progress of each site, and every finished round."""

    def prepared(self, header: RunHeader, sites: dict[str, SitePrepared]) -> None: ...

    def round_finished(self, header: RunHeader, record: RoundRecord) -> None: ...


class _Nobody:
    def progress(self, site: str, progress: Progress) -> None: ...

    def counted(self, site: str, counted: Counted) -> None: ...

    def prepared(self, header: RunHeader, sites: dict[str, SitePrepared]) -> None: ...

    def round_finished(self, header: RunHeader, record: RoundRecord) -> None: ...


_observer: ContextVar[Observer] = ContextVar("observer", default=_Nobody())  # noqa: B039


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Let `observer` follow the runs that are started in this block."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def current_observer() -> Observer:
    return _observer.get()
