"""Say to the exchange that a task is being worked on, and end the work when it no longer counts."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from fedclinic.exchange_protocol import Heartbeat, Leased, Trouble
from fedclinic.local_protocol import Progress
from site_agent.exchange_client import ExchangeClient, TroubleError, UnreachableError

BEATS_A_LEASE = 4


class LeaseKeeper:
    """A thread that renews a lease; `lost` says why it ended, if it did."""

    def __init__(
        self, client: ExchangeClient, leased: Leased, end_work: Callable[[], None]
    ) -> None:
        self._client, self._leased, self._end_work = client, leased, end_work
        self._beat = Heartbeat(lease=leased.lease)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self.lost: Trouble | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def progress(self, progress: Progress) -> None:
        self._beat = Heartbeat(
            lease=self._leased.lease,
            stage=progress.stage,
            done=progress.done,
            total=progress.total,
        )

    def _keep(self) -> None:
        pause = self._leased.lease_seconds / BEATS_A_LEASE
        while not self._over.wait(pause):
            if self._client.clock() > self._leased.deadline:
                self._lose(Trouble.LATE)
                return
            try:
                self._client.heartbeat(self._leased.task, self._beat)
            except UnreachableError:
                continue
            except TroubleError as error:
                if error.problem.problem in (Trouble.RATE, Trouble.BUSY):
                    continue
                self._lose(error.problem.problem)
                return

    def _lose(self, trouble: Trouble) -> None:
        self.lost = trouble
        self._end_work()
