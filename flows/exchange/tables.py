"""The exchange's tables, and the one door to SQLAlchemy's engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from fedclinic.errors import RunError

metadata = MetaData()


class AwayError(RunError):
    """The exchange's database does not answer now; it may in a moment."""


sites = Table(
    "sites",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("public_key", String(64), nullable=False),
    Column("joined_at", Float, nullable=False),
    Column("revoked_at", Float),
    Column("last_seen", Float),
    Column("version", String(40)),
    Column("session", String(32)),
    Column("session_seen", Float),
)
invitations = Table(
    "invitations",
    metadata,
    Column("secret_hash", String(64), primary_key=True),
    Column("site", String(63), nullable=False),
    Column("expires", Float, nullable=False),
    Column("used_at", Float),
)
nonces = Table(
    "nonces",
    metadata,
    Column("site", String(63), primary_key=True),
    Column("nonce", String(32), primary_key=True),
    Column("at", Float, nullable=False, index=True),
)
tasks = Table(
    "tasks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("number", BigInteger, nullable=False, index=True),
    Column("site", String(63), ForeignKey("sites.name"), nullable=False),
    Column("run", String(63), nullable=False),
    Column("round_number", Integer, nullable=False),
    Column("envelope", Text, nullable=False),
    Column("blobs", Text, nullable=False),
    Column("deadline", Float, nullable=False),
    Column("state", String(10), nullable=False),
    Column("session", String(32)),
    Column("lease", String(32)),
    Column("lease_until", Float),
    Column("leases", Integer, nullable=False, default=0),
    Column("stage", String(20)),
    Column("done", BigInteger, nullable=False, default=0),
    Column("total", BigInteger, nullable=False, default=0),
    Column("answer", Text),
    Column("error", String(20)),
    Column("finished_at", Float),
    Index("tasks_by_site_and_state", "site", "state"),
)
uploads = Table(
    "uploads",
    metadata,
    Column("site", String(63), primary_key=True),
    Column("digest", String(71), primary_key=True),
    Column("task", String(32), nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("at", Float, nullable=False),
)


def open_database(address: str) -> Engine:
    """Connect, and make the tables where there are none.

    Raises:
        RunError: if the database cannot be reached or its address is wrong.
    """
    try:
        url = make_url(address)
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, pool_pre_ping=True, pool_size=20, max_overflow=20)
        if url.get_backend_name() == "sqlite":
            event.listen(engine, "connect", _set_sqlite)
            event.listen(engine, "begin", _begin_immediate)
        metadata.create_all(engine)
    except (ArgumentError, ModuleNotFoundError) as error:
        raise RunError(f"the exchange's database address is wrong: {error}") from None
    except SQLAlchemyError as error:
        raise RunError(f"the exchange's database cannot be reached: {in_words(error)}") from None
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """All of it or nothing.

    Raises:
        AwayError: if the database does not answer.
        RunError: if it cannot be used for another reason.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        raise AwayError(f"the exchange's database does not answer: {in_words(error)}") from error
    except DBAPIError as error:
        raise RunError(f"the exchange's database cannot be used: {in_words(error)}") from error


def in_words(error: SQLAlchemyError) -> str:
    """The first line of what the database said, without the statement and its values."""
    original = getattr(error, "orig", None) or error
    lines = str(original).strip().splitlines()
    return lines[0] if lines else type(original).__name__


def _set_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's own BEGIN below, not the driver's
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
