"""A Prefect server and site workers as real processes, for tests of the transport `prefect`."""

import os
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from flows.coordinator_key import load_coordinator_key, public_text
from flows.settings import Workspace
from site_agent.keys import load_signing_key
from site_agent.site_home import SiteHome
from tests.processes import free_port

PATIENCE = 120.0
"""Seconds that a busy machine may take to start or end something."""


@dataclass
class PrefectStage:
    """One server with a credential, the sites' homes, and the workers that the test started."""

    root: Path
    port: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: f"fedclinic:{secrets.token_hex(8)}")
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def blobs(self) -> str:
        return f"file://{self.root}/shared-blobs"

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.root / "workspace")

    @property
    def database(self) -> Path:
        return self.root / "server" / "prefect.db"

    def home(self, site: str) -> SiteHome:
        return SiteHome(self.root / "homes" / site)

    def key(self, site: str) -> str:
        return load_signing_key(self.home(site)).public.raw.hex()

    def environment(self) -> dict[str, str]:
        """What a person at the coordinator has set."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "MLFLOW_"))}
        return kept | {
            "PREFECT_API_AUTH_STRING": self.password,
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def start_server(self) -> None:
        command = [sys.executable, "-m", "prefect", "server", "start"]
        command += ["--host", "127.0.0.1", "--port", str(self.port)]
        environment = self.environment() | {
            "PREFECT_HOME": str(self.root / "server"),
            "PREFECT_SERVER_API_AUTH_STRING": self.password,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "DO_NOT_TRACK": "1",
        }
        self._start("server", command, environment)
        self.wait_until(self._answers, "the server answers")

    def start_worker(self, site: str, config: Path, module: str = "site_agent") -> None:
        """Start a site's worker in a folder that anybody could have written to."""
        command = [
            *(sys.executable, "-m", module, "worker"),
            *("--config", str(config), "--home", str(self.home(site).root)),
            *("--set", f"site={site}", "--set", f"coordinator={self.coordinator()}"),
        ]
        self._start(f"worker {site}", command, {})

    def coordinator(self) -> str:
        return public_text(load_coordinator_key(self.workspace))

    def kill(self, name: str) -> None:
        """End one process as a power cut does."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def log(self, name: str) -> str:
        return (self.root / f"{name}.log").read_text(errors="replace")

    def request(self, method: str, path: str, **content: Any) -> Any:
        """Ask the server as any holder of its one credential may; SQLite is sometimes busy."""
        user, _, word = self.password.partition(":")
        for _ in range(20):
            with httpx.Client(auth=(user, word), timeout=30) as client:
                answer = client.request(method, f"{self.api}{path}", **content)
            if answer.status_code != 503:
                break
            time.sleep(0.5)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def wait_until(self, condition: Any, what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            for name, process in self.processes.items():
                assert process.poll() is None, f"{name} ended: {self.log(name)[-2000:]}"
            assert time.monotonic() < deadline, f"waited in vain until {what}"
            time.sleep(0.3)

    def _start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        folder = self.root / "anywhere"
        folder.mkdir(parents=True, exist_ok=True)
        with (self.root / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=folder,
                env=self.environment() | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _answers(self) -> bool:
        try:
            return bool(self.request("GET", "/health"))
        except httpx.HTTPError:
            return False


def transport_of(stage: PrefectStage, sites: tuple[str, ...]) -> dict[str, Any]:
    """The plan's `transport` section."""
    return {
        "kind": "prefect",
        "api": stage.api,
        "blobs": stage.blobs,
        "site_keys": {site: stage.key(site) for site in sites},
    }


def write_yaml(path: Path, document: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(document))
    return path
