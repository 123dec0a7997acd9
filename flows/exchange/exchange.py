"""An open exchange: its database, blobs and parts, as the service and the coordinator use them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from flows.exchange.blob_store import BlobStore
from flows.exchange.guard import Guard
from flows.exchange.registry import Registry
from flows.exchange.sessions import Sessions
from flows.exchange.settings import ExchangeSettings
from flows.exchange.tables import open_database
from flows.exchange.task_queue import TaskQueue
from flows.exchange.uploads import Uploads


@dataclass(frozen=True)
class Exchange:
    settings: ExchangeSettings
    registry: Registry
    sessions: Sessions
    queue: TaskQueue
    store: BlobStore
    uploads: Uploads
    guard: Guard
    clock: Callable[[], float]


def open_exchange(settings: ExchangeSettings, clock: Callable[[], float] = time.time) -> Exchange:
    """Open the database and the blob folder.

    Raises:
        RunError: if one of them cannot be used.
    """
    engine = open_database(settings.database)
    store = BlobStore.open(settings.blobs)
    registry = Registry(engine, clock)
    return Exchange(
        settings=settings,
        registry=registry,
        sessions=Sessions(engine, settings.limits, clock),
        queue=TaskQueue(engine, settings.limits, clock),
        store=store,
        uploads=Uploads(engine, store, settings.spool, settings.limits, clock),
        guard=Guard(engine, registry, settings.limits, clock),
        clock=clock,
    )
