"""Two hospitals, an exchange, a coordinator, PostgreSQL, a Prefect server: all may be killed.

Everything lies in one folder, ports included, so a stage that was stopped is set up again from it.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from flows.run_store import RunStore
from flows.services import prefect_server
from flows.settings import Workspace
from tests.end_to_end.conftest import HOSPITALS
from tests.end_to_end.hospitals import Hospitals
from tests.postgres_cluster import PostgresCluster
from tests.processes import answers, free_port, kill_tree

PATIENCE_SECONDS = 240.0
LOOK_SECONDS = 0.01


@dataclass
class Stage:
    """What a run needs around it, and how each party is killed and started again."""

    folder: Path
    model: Path
    notes: Path
    refusals: list[str] = field(default_factory=list)
    """What the coordinator said when its run ended early."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        ports = self._ports()
        self.postgres = PostgresCluster(self.folder / "postgres", ports["postgres"])
        self.hospitals = Hospitals(
            self.folder / "hospitals", self.model, self.notes, known_noise=True
        )
        self.hospitals.port = ports["exchange"]
        self.prefect_port = ports["prefect"]

    @property
    def calls(self) -> Path:
        """The exchange's record of calls."""
        return self.hospitals.workspace / "exchange" / "calls.jsonl"

    @property
    def run(self) -> RunStore:
        """The one run of this stage."""
        return RunStore(next((self.hospitals.workspace / "runs").glob("*/run.json")).parent)

    def has_run(self) -> bool:
        return any((self.hospitals.workspace / "runs").glob("*/run.json"))

    def finished_rounds(self) -> int:
        """Rounds that have ended; -1 before the run has a checkpoint."""
        return len(list(self.run.root.glob("round-*.json"))) - 1 if self.has_run() else -1

    def open(self, rounds: int) -> None:
        """Start all parties; begin the run, or go on with it."""
        self.postgres.start()
        self.hospitals.settings = {
            "FEDCLINIC_EXCHANGE_DATABASE": self.postgres.address("exchange"),
            "PREFECT_API_DATABASE_CONNECTION_URL": self.postgres.address("prefect", "asyncpg"),
            "PREFECT_API_URL": f"http://127.0.0.1:{self.prefect_port}/api",
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        self._start_prefect()
        self.hospitals.start_exchange()
        for site in HOSPITALS:
            if not (self.hospitals.home(site) / "exchange.json").exists():
                self.hospitals.join(site)
            self.hospitals.start_agent(site)
        self.wait_until(lambda: answers(self.prefect_port))
        self._start_coordinator(rounds)

    def close(self) -> None:
        self.hospitals.stop()
        self.postgres.stop()

    def kill(self, party: str, sites: tuple[str, ...]) -> None:
        match party:
            case "PostgreSQL":
                self.postgres.kill()
            case "work process":
                for site in sites:
                    self.hospitals.kill_work(site)
            case "agent":
                for site in sites:
                    self.hospitals.kill(site)
            case name:
                process = self.hospitals.running.pop(PROCESSES[name])
                kill_tree(process.pid)
                process.wait()

    def start(self, party: str, sites: tuple[str, ...]) -> None:
        match party:
            case "PostgreSQL":
                self.postgres.start()
            case "Prefect server":
                self._start_prefect()
            case "exchange":
                self.hospitals.start_exchange()
            case "agent":
                for site in sites:
                    self.hospitals.start_agent(site)
            case "coordinator":
                self._resume()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait, and go on with the run as a person would whenever the coordinator has ended.

        Raises:
            TimeoutError: if it takes too long.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            coordinator = self.hospitals.running.get("coordinator")
            if coordinator is not None and coordinator.poll() is not None:
                log = (self.hospitals.root / "coordinator.log").read_text().strip()
                self.refusals.append(log.splitlines()[-1] if log else "it ended")
                self._resume()
            if time.monotonic() > until:
                raise TimeoutError(f"nothing came for {PATIENCE_SECONDS:.0f} s; see {self.folder}")
            time.sleep(LOOK_SECONDS)

    def _start_prefect(self) -> None:
        server = prefect_server(Workspace(self.hospitals.workspace), self.prefect_port)
        self.hospitals.start("prefect", list(server.command), server.environment)

    def _start_coordinator(self, rounds: int) -> None:
        if self.has_run():
            self._resume()
            return
        evaluation = {"site_config": "evaluation.yaml", "every_rounds": 10_000}
        plan = self.hospitals.write_plan(rounds=rounds, evaluation=evaluation, deadline_minutes=10)
        command = self.hospitals.coordinator("train", str(plan), "--no-compare")
        self.hospitals.start("coordinator", command)

    def _resume(self) -> None:
        if not self.has_run():
            raise RuntimeError(self.refusals[-1])
        command = self.hospitals.coordinator("train", "--resume", self.run.name)
        self.hospitals.start("coordinator", command)

    def _ports(self) -> dict[str, int]:
        path = self.folder / "ports.json"
        if not path.exists():
            fresh = {name: free_port() for name in ("postgres", "exchange", "prefect")}
            path.write_text(json.dumps(fresh))
        ports: dict[str, int] = json.loads(path.read_text())
        return ports


PROCESSES = {"exchange": "exchange", "coordinator": "coordinator", "Prefect server": "prefect"}
"""Under which name the stage's hospitals know a party."""
