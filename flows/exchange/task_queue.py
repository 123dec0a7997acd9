"""Tasks on their way to sites: queued, leased for a while, ended once.

A lease is lost when its agent is silent; the task goes back to the queue as long as its deadline
allows. Coordinator and service share the table, and each change is one conditional update, so
neither needs the other to be there.
"""

import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, or_, select, update
from sqlalchemy.engine import RowMapping

from fedclinic.digest import canonical_json
from fedclinic.evidence.statement import Envelope
from fedclinic.exchange_protocol import BlobRef, Done, Heartbeat, Leased, Trouble
from flows.exchange.problems import RefusedError
from flows.exchange.settings import Limits
from flows.exchange.tables import sites, tasks, transaction
from flows.exchange.task_rows import OPEN, TaskView, facts_of, find_row, task_id, view_of


@dataclass(frozen=True)
class TaskQueue:
    engine: Engine
    limits: Limits
    clock: Callable[[], float]

    # --- the coordinator's side

    def submit(
        self, site: str, envelope: Envelope, blobs: Sequence[BlobRef], deadline: float
    ) -> str:
        """Queue a task; the same one again gets a new deadline, or is as it ended."""
        facts = facts_of(envelope)
        task = task_id(site, facts)
        values = {
            "envelope": envelope.model_dump_json(),
            "blobs": json.dumps([blob.model_dump() for blob in blobs]),
            "deadline": deadline,
        }
        with transaction(self.engine) as connection:
            known = find_row(connection, task)
            if known is None:
                connection.execute(
                    insert(tasks).values(
                        id=task,
                        number=time.time_ns(),
                        site=site,
                        run=str(facts.get("run", "")),
                        round_number=int(facts.get("round_number", 0)),
                        state="queued",
                        leases=0,
                        done=0,
                        total=0,
                        **values,
                    )
                )
            elif known["state"] in OPEN:
                connection.execute(update(tasks).where(tasks.c.id == task).values(**values))
            elif known["state"] == "late" or known["error"] is not None:
                fresh = {"state": "queued", "lease": None, "error": None, "finished_at": None}
                connection.execute(
                    update(tasks).where(tasks.c.id == task).values(**values, **fresh)
                )
        return task

    def find(self, task: str) -> TaskView:
        with transaction(self.engine) as connection:
            row = find_row(connection, task)
        if row is None:
            raise KeyError(task)
        return view_of(row)

    def give_up(self, task: str) -> bool:
        """Stop waiting: an agent that works on it is told, and its result is refused.

        Returns:
            False if it had ended before.
        """
        with transaction(self.engine) as connection:
            changed = connection.execute(
                update(tasks)
                .where(tasks.c.id == task, tasks.c.state.in_(OPEN))
                .values(state="late", lease=None, finished_at=self.clock())
            )
        return changed.rowcount == 1

    def newest(self) -> dict[str, TaskView]:
        """The last task of every site."""
        with transaction(self.engine) as connection:
            rows = connection.execute(select(tasks).order_by(tasks.c.number)).mappings().all()
        return {row["site"]: view_of(row) for row in rows}

    # --- the sites' side

    def sites_with_work(self) -> set[str]:
        """Sites that a call of `lease` would give a task."""
        now = self.clock()
        lost = (tasks.c.state == "leased") & (tasks.c.lease_until < now)
        with transaction(self.engine) as connection:
            rows = connection.execute(
                select(tasks.c.site)
                .where(or_(tasks.c.state == "queued", lost), tasks.c.deadline > now)
                .distinct()
            )
            return {row.site for row in rows}

    def lease(self, site: str, session: str) -> Leased | None:
        """Give the agent the site's oldest task that nobody holds; None if there is none."""
        now = self.clock()
        with transaction(self.engine) as connection:
            _sweep(connection, site, session, now)
            row = (
                connection.execute(
                    select(tasks)
                    .where(tasks.c.site == site, tasks.c.state == "queued")
                    .order_by(tasks.c.number)
                    .limit(1)
                )
                .mappings()
                .first()
            )
            if row is None:
                return None
            lease = secrets.token_hex(16)
            taken = connection.execute(
                update(tasks)
                .where(tasks.c.id == row["id"], tasks.c.state == "queued")
                .values(
                    state="leased",
                    lease=lease,
                    lease_until=now + self.limits.lease_seconds,
                    session=session,
                    leases=row["leases"] + 1,
                )
            )
            if taken.rowcount != 1:
                return None
        return Leased(
            task=row["id"],
            lease=lease,
            lease_seconds=self.limits.lease_seconds,
            deadline=row["deadline"],
            envelope=Envelope.model_validate_json(row["envelope"]),
            blobs=tuple(BlobRef.model_validate(blob) for blob in json.loads(row["blobs"])),
        )

    def keep(self, site: str, task: str, beat: Heartbeat) -> None:
        """Renew a lease and take in the progress.

        Raises:
            RefusedError: if the lease is lost, or the task's time is over.
        """
        now = self.clock()
        with transaction(self.engine) as connection:
            row = self._held(connection, site, task, beat.lease)
            connection.execute(
                update(tasks)
                .where(tasks.c.id == task)
                .values(
                    lease_until=now + self.limits.lease_seconds,
                    stage=beat.stage,
                    done=beat.done,
                    total=beat.total,
                )
            )
            connection.execute(
                update(sites)
                .where(sites.c.name == site, sites.c.session == row["session"])
                .values(session_seen=now, last_seen=now)
            )

    def check_lease(self, site: str, task: str, lease: str) -> None:
        with transaction(self.engine) as connection:
            self._held(connection, site, task, lease)

    def blobs_of(self, site: str, task: str) -> tuple[BlobRef, ...]:
        """What an open task lets its site fetch.

        Raises:
            RefusedError: if the site has no such task.
        """
        with transaction(self.engine) as connection:
            row = find_row(connection, task)
        if row is None or row["site"] != site or row["state"] not in OPEN:
            raise RefusedError(Trouble.NOT_FOUND)
        return tuple(BlobRef.model_validate(blob) for blob in json.loads(row["blobs"]))

    def end(self, site: str, task: str, done: Done) -> None:
        """End a task with what its site states; again with the same, it changes nothing.

        Raises:
            RefusedError: if the lease is lost, or the task's time is over.
        """
        answer = canonical_json(
            {
                "statements": [envelope.model_dump(mode="json") for envelope in done.statements],
                "blobs": list(done.blobs),
            }
        ).decode()
        with transaction(self.engine) as connection:
            row = find_row(connection, task)
            same = row is not None and row["site"] == site and row["state"] == "done"
            if same and row is not None and (row["answer"], row["error"]) == (answer, done.error):
                return
            self._held(connection, site, task, done.lease)
            connection.execute(
                update(tasks)
                .where(tasks.c.id == task)
                .values(state="done", answer=answer, error=done.error, finished_at=self.clock())
            )

    def _held(self, connection: Connection, site: str, task: str, lease: str) -> RowMapping:
        row = find_row(connection, task)
        if row is None or row["site"] != site:
            raise RefusedError(Trouble.NOT_FOUND)
        if row["state"] == "late" or row["deadline"] < self.clock():
            raise RefusedError(Trouble.LATE)
        if row["state"] != "leased" or row["lease"] != lease:
            raise RefusedError(Trouble.NO_LEASE)
        return row


def _sweep(connection: Connection, site: str, session: str, now: float) -> None:
    """Return to the queue what a dead agent held, and end what is past its deadline."""
    open_ones = (tasks.c.site == site) & tasks.c.state.in_(OPEN)
    connection.execute(
        update(tasks)
        .where(open_ones, tasks.c.deadline < now)
        .values(state="late", lease=None, finished_at=now)
    )
    abandoned = or_(tasks.c.lease_until < now, tasks.c.session != session)
    connection.execute(
        update(tasks)
        .where(tasks.c.site == site, tasks.c.state == "leased", abandoned)
        .values(state="queued", lease=None)
    )
