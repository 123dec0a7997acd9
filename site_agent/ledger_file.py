"""A site's budget ledger as a SQLite file that survives kill -9; it decides nothing itself.

The file holds only the chained entries; its state is their fold, brought up to date inside the
same exclusive transaction that writes (WAL, synchronous=FULL, local disk). A damaged, foreign or
shortened file is refused. A whole older copy is a valid file: only the head that the coordinator
last witnessed tells it apart, so pass it to `verify`.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

from fedclinic.errors import LedgerError
from fedclinic.privacy import ledger
from fedclinic.privacy.ledger import CohortBudget, Request
from fedclinic.privacy.ledger_events import (
    FIRST_HASH,
    Event,
    Opened,
    decode_event,
    encode_event,
    entry_hash,
)
from fedclinic.privacy.ledger_state import LedgerState
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.rounds import BudgetLeft, LedgerHead

APPLICATION_ID = 0x66656463
_BUSY_SECONDS = 60.0

_SCHEMA = f"""
PRAGMA journal_mode=WAL;
PRAGMA application_id={APPLICATION_ID};
CREATE TABLE entry(sequence INTEGER PRIMARY KEY, body TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TRIGGER entry_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER entry_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""


class LedgerFile:
    """One open connection to a site's ledger; several processes may each hold one."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path, clock: Callable[[], float]
    ) -> None:
        self._db, self._path, self._clock = connection, path, clock
        self._state = LedgerState()

    @classmethod
    def open(cls, path: Path, *, site: str, clock: Callable[[], float]) -> Self:
        """Open the ledger of `site`, creating it if there is none, and check every entry.

        Raises:
            LedgerError: if the file is damaged, another site's, or not a ledger.
        """
        with _explained(path):
            if not path.exists():
                _create(path, site, clock())
            if path.stat().st_size == 0:
                raise LedgerError(f"{path} is empty: restore the ledger, never start a new one")
            connection = _connect(path)
            try:
                opened = cls(connection, path, clock)
                opened._check_format()
                opened._catch_up()
                if opened._state.site != site:
                    raise LedgerError(
                        f"{path} is the ledger of {opened._state.site}, not of {site}"
                    )
            except BaseException:
                connection.close()
                raise
            return opened

    def close(self) -> None:
        self._db.close()

    def add_cohort(
        self, cohort: str, *, epsilon: float, delta: float, yearly_epsilon: float | None = None
    ) -> None:
        """Give a cohort its budget; again with the same numbers, it changes nothing."""
        self._write(
            lambda state, now: ledger.add_cohort(
                state,
                cohort=cohort,
                epsilon=epsilon,
                delta=delta,
                yearly_epsilon=yearly_epsilon,
                at=now,
            )
        )

    def reserve(  # noqa: PLR0913 - each is a column of the history
        self,
        *,
        run: str,
        round_number: int,
        cohorts: Sequence[str],
        mechanism: Mechanism,
        plan_digest: str,
        attempt: int = 1,
        approved_by: str | None = None,
    ) -> str:
        """Set a round's demand aside in all cohorts or none; durable when this returns the hold.

        Asked again with the same run, round and attempt, it returns the same hold.

        Raises:
            BudgetError: if a cohort's budget would be passed.
            LedgerError: if this attempt was charged already or asks for something else.
        """
        request = Request(
            run, round_number, attempt, tuple(cohorts), mechanism, plan_digest, approved_by
        )
        self._write(lambda state, now: ledger.reserve(state, request, at=now))
        hold = self._state.latest(run, round_number, attempt)
        if hold is None:
            raise LedgerError(f"{self._path} lost an entry that was just written")
        return hold.id

    def begin_use(self, hold: str) -> None:
        """Mark durably that notes are about to be read: no refund from here on."""
        self._write(lambda state, now: ledger.begin_use(state, hold, at=now))

    def in_use(self, hold: str) -> bool:
        """Whether the hold's notes may have been read and its round is not finished."""
        return self._read().hold(hold).state == "using"

    def commit(self, hold: str, *, spent: Mechanism | None = None) -> None:
        """Charge a used hold: in full, or `spent` if fewer steps were made."""
        self._write(lambda state, now: ledger.commit(state, hold, spent=spent, reason=None, at=now))

    def refund(self, hold: str, reason: str) -> None:
        """Give back a hold whose notes were never read."""
        self._write(lambda state, now: ledger.refund(state, hold, reason=reason, at=now))

    def recover(self, run: str) -> None:
        """Settle a run that stopped: untouched holds are refunded, used ones charged in full."""
        self._write(lambda state, now: ledger.recover(state, run, at=now))

    def head(self) -> LedgerHead:
        return self._read().head

    def budgets(self) -> list[CohortBudget]:
        """Every cohort's budget, by name; what is held counts as spent."""
        return ledger.budgets(self._read(), at=self._clock())

    def tightest_budget(self) -> BudgetLeft | None:
        """The cohort with the least epsilon left, for life or this year; None without cohorts."""
        return ledger.tightest(self.budgets())

    def spent_mechanisms(self, run: str) -> list[Mechanism]:
        """The mechanisms of a run that read notes, in order."""
        return ledger.spent_mechanisms(self._read(), run)

    def find(self, run: str, round_number: int, attempt: int) -> str | None:
        """The hold of an attempt that was not refunded; None if there is none."""
        hold = self._read().latest(run, round_number, attempt)
        return None if hold is None or hold.state == "refunded" else hold.id

    def entries_of(self, hold: str) -> list[tuple[LedgerHead, Event]]:
        """A hold's entries, each with the head that it made, oldest first."""
        self._read()
        found = []
        for sequence, body, written_hash in self._entries(1):
            event = decode_event(body)
            if getattr(event, "hold", None) == hold:
                found.append((LedgerHead(sequence=sequence, hash=written_hash), event))
        return found

    def history(self) -> list[tuple[int, Event]]:
        """All entries with their numbers, oldest first."""
        self._read()
        return [(sequence, decode_event(body)) for sequence, body, _ in self._entries(1)]

    def verify(self, witness: LedgerHead | None = None) -> int:
        """Check every entry again from the first, and that the witnessed head is among them.

        Returns:
            The number of entries.

        Raises:
            LedgerError: if an entry was altered, or the ledger is older than its witness.
        """
        with _explained(self._path):
            state = LedgerState()
            seen = witness is None or (witness.sequence, witness.hash) == (0, FIRST_HASH)
            for sequence, body, written_hash in self._entries(1):
                state.append(sequence, body, written_hash)
                if witness is not None and sequence == witness.sequence:
                    seen = written_hash == witness.hash
        if not seen and witness is not None:
            raise LedgerError(
                f"the ledger ends at entry {state.head.sequence} or took another course than "
                f"entry {witness.sequence}, which was witnessed: it is an older copy"
            )
        return state.head.sequence

    def _write(self, decide: Callable[[LedgerState, float], list[Event]]) -> None:
        """Decide on the newest state and write what was decided, all of it or nothing."""
        with _explained(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._catch_up()
                now = self._clock()
                ledger.check_clock(self._state, now)
                self._insert(decide(self._state, now))
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            self._catch_up()

    def _insert(self, events: Sequence[Event]) -> None:
        _insert(self._db, self._state.head, events)

    def _read(self) -> LedgerState:
        with _explained(self._path):
            self._catch_up()
        return self._state

    def _catch_up(self) -> None:
        """Take in what this or another process wrote since, and notice a file that went back."""
        head = self._state.head
        entries = self._entries(max(head.sequence, 1))
        if head.sequence:
            last = next(entries, None)
            if last is None or last[2] != head.hash:
                raise LedgerError(f"{self._path} went back behind entry {head.sequence}")
        for entry in entries:
            self._state.append(*entry)
        if not self._state.head.sequence:
            raise LedgerError(f"{self._path} has no first entry")

    def _entries(self, first: int) -> Iterator[tuple[int, str, str]]:
        yield from self._db.execute(
            "SELECT sequence, body, hash FROM entry WHERE sequence >= ? ORDER BY sequence", (first,)
        )

    def _check_format(self) -> None:
        (found,) = self._db.execute("PRAGMA application_id").fetchone()
        if found != APPLICATION_ID:
            raise LedgerError(f"{self._path} is not a privacy ledger")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def _create(path: Path, site: str, now: float) -> None:
    """Write the first entry to a file beside, then link it into place: never a half-made ledger."""
    fresh = path.with_name(f"{path.name}.new-{time.monotonic_ns():x}")
    try:
        with closing(_connect(fresh)) as connection:
            connection.executescript(_SCHEMA)
            connection.execute("BEGIN IMMEDIATE")
            _insert(
                connection, LedgerHead(sequence=0, hash=FIRST_HASH), [Opened(at=now, site=site)]
            )
            connection.execute("COMMIT")
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            return
    finally:
        for leftover in (fresh, Path(f"{fresh}-wal"), Path(f"{fresh}-shm")):
            leftover.unlink(missing_ok=True)


def _insert(connection: sqlite3.Connection, head: LedgerHead, events: Sequence[Event]) -> None:
    sequence, previous = head.sequence, head.hash
    for event in events:
        sequence, body = sequence + 1, encode_event(event)
        previous = entry_hash(sequence, previous, body)
        connection.execute("INSERT INTO entry VALUES (?, ?, ?)", (sequence, body, previous))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the disk say into one line; nothing that was durable is lost by it."""
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(f"the ledger {path} cannot be used: {error}") from error
    except OSError as error:
        raise LedgerError(f"the ledger {path} cannot be used: {error.strerror}") from error
