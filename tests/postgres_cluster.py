"""A PostgreSQL of the test's own, in a folder, which may be killed and started again."""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.processes import free_port, kill_tree

STARTUP_SECONDS = 60.0
SERVER_USER = "postgres"
"""PostgreSQL refuses to be root."""


def postgres_programs() -> Path | None:
    """The folder of `initdb` and `postgres`; None where it is not installed."""
    found = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(found).parent if found else installed[-1].parent if installed else None


@dataclass
class PostgresCluster:
    """One server on a port of this machine, that asks for no password."""

    root: Path
    port: int = field(default_factory=free_port)
    sockets: Path | None = None
    """Folder of its own through which it is reached too; None: only through the port."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server, which is made first if it is new."""
        if not self.root.exists():
            self._make()
        options = ["-D", str(self.root), "-p", str(self.port), "-h", "127.0.0.1"]
        options += ["-k", "" if self.sockets is None else str(self.sockets)]
        self.process = self._run("postgres", *options)
        until = time.monotonic() + STARTUP_SECONDS
        while not self._answers():
            if time.monotonic() > until:
                raise TimeoutError(f"PostgreSQL did not start; see {self.root}.log")
            time.sleep(0.05)

    def kill(self) -> None:
        """End the server and all its processes as a power cut does."""
        if self.process is not None:
            kill_tree(self.process.pid)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()
            self.process = None

    def address(self, database: str, driver: str = "psycopg") -> str:
        """The address of a database, which is made if it is new, as SQLAlchemy writes it."""
        with psycopg.connect(self._plain("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT datname FROM pg_database").fetchall()
            if (database,) not in known:
                connection.execute(f'CREATE DATABASE "{database}"')
        return self._plain(database).replace("postgresql:", f"postgresql+{driver}:")

    def by_socket(self, database: str, sockets: Path, driver: str = "psycopg") -> str:
        """The address of a database for a party that sees the folder of sockets at `sockets`."""
        self.address(database)
        return f"postgresql+{driver}://{SERVER_USER}@/{database}?host={sockets}&port={self.port}"

    def _plain(self, database: str) -> str:
        return f"postgresql://{SERVER_USER}@127.0.0.1:{self.port}/{database}"

    def _make(self) -> None:
        self.root.mkdir(parents=True, mode=0o700)
        if self.sockets is not None:
            self.sockets.mkdir()
        for folder in filter(None, (self.root, self.sockets)):
            if os.getuid() == 0:
                shutil.chown(folder, SERVER_USER, SERVER_USER)
        options = ["-D", str(self.root), "-U", SERVER_USER, "-A", "trust", "-E", "UTF8"]
        if self._run("initdb", *options, "--no-sync").wait() != 0:
            raise RuntimeError(f"initdb failed; see {self.root}.log")

    def _run(self, program: str, *options: str) -> subprocess.Popen[bytes]:
        programs = postgres_programs()
        if programs is None:
            raise FileNotFoundError("PostgreSQL is not installed")
        with Path(f"{self.root}.log").open("ab") as log:
            return subprocess.Popen(
                [str(programs / program), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=SERVER_USER if os.getuid() == 0 else None,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._plain("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
