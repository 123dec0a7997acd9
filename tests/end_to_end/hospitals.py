"""A coordinator's exchange and hospitals around it, each a real process that may be killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from site_agent.ledger_file import LedgerFile
from tests.end_to_end.conftest import HOSPITALS, ROUNDS, plan_document, site_document
from tests.processes import answers, children_of, free_port

REPOSITORY = Path(__file__).resolve().parents[2]
LIMITS = {"lease_seconds": 2.0, "agent_seconds": 2.0}
PATIENCE_SECONDS = 180.0


@dataclass
class Hospitals:
    """Processes by name: `exchange`, and one agent a site."""

    root: Path
    model: Path
    notes: Path
    known_noise: bool = False
    port: int = field(default_factory=free_port)
    rounds: int = ROUNDS
    host: str = "127.0.0.1"
    options: list[str] = field(default_factory=lambda: ["--only-exchange"])
    """With which the exchange is started."""
    prefixes: dict[str, list[str]] = field(default_factory=dict)
    """What stands before the command of a process, such as `ip netns exec NAME`."""
    settings: dict[str, str] = field(default_factory=dict)
    """Environment of every process, such as the address of a database."""
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    def home(self, site: str) -> Path:
        return self.root / "homes" / site

    def config(self, site: str) -> Path:
        return self.root / f"{site}.yaml"

    def environment(self) -> dict[str, str]:
        unset = ("PREFECT_API_URL", "PREFECT_HOME", "MLFLOW_TRACKING_URI")
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        return kept | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"} | self.settings

    def coordinator(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "flows", *arguments, "--workspace", str(self.workspace)]

    def site(self, site: str, *arguments: str) -> list[str]:
        paths = ["--config", str(self.config(site)), "--home", str(self.home(site))]
        return [sys.executable, "-m", "site_agent", *arguments, *paths]

    def ask(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self.environment(),
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def start(self, name: str, command: list[str], more: Mapping[str, str] | None = None) -> None:
        self.root.mkdir(exist_ok=True)
        with (self.root / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [*self.prefixes.get(name, []), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment() | dict(more or {}),
                cwd=REPOSITORY,
                start_new_session=True,
            )

    def start_exchange(self) -> None:
        command = ["up", "--host", self.host, "--port", str(self.port), *self.options]
        self.start("exchange", self.coordinator(*command, "--limits", json.dumps(LIMITS)))
        self.wait_for(self.exchange_answers)

    def exchange_answers(self) -> bool:
        return answers(self.port)

    def join(self, site: str) -> subprocess.CompletedProcess[str]:
        """Invite a site and let it join with a configuration of the test's."""
        token = self.ask(self.coordinator("site", "invite", site)).stdout.strip()
        done = self.ask(self.site(site, "join", token))
        written = yaml.safe_load(self.config(site).read_text())
        trusted = written["permissions"]["coordinators"]
        values = site_document(
            site, str(self.notes / f"{site}.jsonl"), self.model, evaluation=False
        )
        values["permissions"]["coordinators"] = trusted  # type: ignore[index]
        self.config(site).write_text(yaml.safe_dump(values))
        if self.known_noise:
            keep_surrogates(self.home(site))
        return done

    def start_agent(self, site: str) -> None:
        if self.known_noise:
            paths = [str(self.config(site)), str(self.home(site))]
            self.start(site, [sys.executable, "-m", "tests.agent_with_known_noise", *paths])
        else:
            self.start(site, self.site(site, "run"))

    def write_plan(self, **changes: Any) -> Path:
        evaluation = site_document(
            "evaluation", str(self.notes / "test.jsonl"), self.model, evaluation=True
        )
        (self.root / "evaluation.yaml").write_text(yaml.safe_dump(evaluation))
        kind = {"rounds": self.rounds, "transport": {"kind": "exchange"}}
        plan = plan_document() | kind | changes
        path = self.root / "federation.yaml"
        path.write_text(yaml.safe_dump(plan))
        return path

    def kill(self, name: str) -> None:
        """End a process as a power cut does, with the servers that a coordinator's one started."""
        process = self.running.pop(name)
        for child in children_of(process.pid) if name in {"exchange", "coordinator"} else []:
            os.kill(child, signal.SIGKILL)
        process.kill()
        process.wait()

    def kill_work(self, site: str) -> None:
        """End the process that trains at a site, if there is one."""
        for child in children_of(self.running[site].pid):
            os.kill(child, signal.SIGKILL)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError(condition)
            time.sleep(0.005)

    def calls(self) -> list[dict[str, Any]]:
        path = self.workspace / "exchange" / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def charged(self, site: str) -> list[int]:
        """Rounds that a site's ledger charged, in order."""
        ledger = LedgerFile.open(self.home(site) / "ledger.sqlite", site=site, clock=lambda: 4e9)
        events = [event for _, event in ledger.history()]
        ledger.close()
        holds = {event.hold: event for event in events if event.event == "reserved"}
        return [holds[event.hold].round_number for event in events if event.event == "committed"]

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()


def keep_surrogates(home: Path) -> None:
    """Give a site's de-identification a known key, so that two runs train on the same texts."""
    key = home / "keys" / "surrogates.key"
    key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key.write_bytes(b"s" * 32)


def open_hospitals(hospitals: Hospitals) -> Hospitals:
    """Start the exchange and let every site join and start its agent."""
    hospitals.start_exchange()
    for site in HOSPITALS:
        hospitals.join(site)
        hospitals.start_agent(site)
    return hospitals
