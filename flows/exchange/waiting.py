"""Wake the agents that wait for work: one look at the table for all of them."""

import asyncio
from collections import defaultdict
from contextlib import suppress

from starlette.concurrency import run_in_threadpool

from fedclinic.errors import FedclinicError
from flows.exchange.task_queue import TaskQueue

LOOK_SECONDS = 0.2


class WaitingRoom:
    """Sites that have asked for work, and a loop that sees which of them there is work for."""

    def __init__(self, queue: TaskQueue) -> None:
        self._queue = queue
        self._calls: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def watch(self) -> None:
        """Look for work until cancelled; while the database is away, go on looking."""
        while True:
            with suppress(FedclinicError):
                for site in await run_in_threadpool(self._queue.sites_with_work):
                    self._calls[site].set()
            await asyncio.sleep(LOOK_SECONDS)

    async def wait(self, site: str, seconds: float) -> None:
        """Return when there may be work for a site, or when the time is over."""
        call = self._calls[site]
        call.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(call.wait(), seconds)
