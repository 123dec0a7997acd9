"""Seconds that a round costs over the exchange when its sites have nothing to do, and memory.

    python -m benchmarks.exchange_overhead --sites 3
    python -m benchmarks.exchange_overhead --sites 100 --kilobytes 1000

The exchange and the agents are processes of their own and speak TLS; an agent's answer is ready
when it is asked, and names an update of so many kilobytes. What is left is the transport: leases,
uploads, signatures, database, and the coordinator that takes what comes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fedclinic.answers import Answer
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.statement import Envelope, open_record, sign
from fedclinic.local_protocol import Answered, Reply
from fedclinic.rounds import REPORT_KIND, TASK_KIND, RoundTask, UpdateManifest
from fedclinic.transports import ExchangeTransport
from fedclinic.updates.blobs import BlobFolder
from flows.exchange.certificates import own_identity
from flows.exchange.exchange import Exchange, open_exchange
from flows.exchange.settings import exchange_settings
from flows.settings import Workspace
from flows.sites.exchange import ExchangeSites
from site_agent.exchange_client import ExchangeAddress, ExchangeClient
from site_agent.keys import load_signing_key
from site_agent.poll import Agent
from site_agent.site_home import SiteHome
from tests.end_to_end.transports import Nobody
from tests.factories import make_report, make_round_task, make_signing_key
from tests.processes import answers, free_port, peak_megabytes

COORDINATOR = make_signing_key(1)
TASKS_AT_ONCE = 64
"""As many as the training flow waits for at once."""


@dataclass
class ReadyWork:
    """In place of a work process: what it answers is there at once."""

    home: SiteHome
    key: SigningKey
    kilobytes: int
    alive: bool = True
    task: Envelope | None = None

    def ask(self, task: Envelope) -> None:
        self.task = task

    def reply(self) -> Reply:
        assert self.task is not None
        trusted = {COORDINATOR.key_id: COORDINATOR.public}
        task = open_record(self.task, trusted, TASK_KIND, RoundTask)
        blob, size = BlobFolder(self.home.in_transit).put([os.urandom(1000)] * self.kilobytes)
        update = UpdateManifest(blob=blob, bytes=size, parameters=1, norm=1.0)
        report = make_report(task, status="completed", error=None, update=update)
        answer = Answer(statements=(sign(report, REPORT_KIND, self.key),))
        return Answered(key=self.key.public.raw.hex(), answer=answer)

    def kill(self) -> None:
        self.alive = False


def quiet(_: str) -> None:
    """What the agents would say to their administrators."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sites", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kilobytes", type=int, default=100)
    parser.add_argument("--agents-of", type=Path, help="Be the agents of such a folder.")
    options = parser.parse_args()
    if options.agents_of is not None:
        be_agents(options.agents_of, options.kilobytes)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.sites, options.rounds, options.kilobytes)


def be_agents(root: Path, kilobytes: int) -> None:
    """Run every site's agent in a thread, until this process is ended."""
    address = ExchangeAddress.model_validate_json((root / "address.json").read_bytes())
    threads = []
    for folder in sorted((root / "homes").iterdir()):
        home = SiteHome(folder)
        key = load_signing_key(home)
        own = address.model_copy(update={"site": folder.name})
        work = ReadyWork(home, key, kilobytes)
        agent = Agent(ExchangeClient.open(own, key), home, lambda work=work: work, say=quiet)
        threads.append(threading.Thread(target=agent.run))
        threads[-1].start()
    for thread in threads:
        thread.join()


def measure(root: Path, sites: int, rounds: int, kilobytes: int) -> None:
    workspace = Workspace(root / "workspace")
    exchange = open_exchange(exchange_settings(workspace))
    names = [f"site-{number:03d}" for number in range(sites)]
    for name in names:
        key = load_signing_key(SiteHome(root / "homes" / name))
        secret, _ = exchange.registry.invite(name, hours=1)
        exchange.registry.join(name, secret, key.public.raw.hex())
    transport = ExchangeTransport(kind="exchange", absent_seconds=600)
    blobs = BlobFolder(workspace.blobs)
    with serving(root, workspace) as service, agents(root, kilobytes):
        with ExchangeSites(transport, exchange, blobs, Nobody(), Nobody()) as reached:  # type: ignore[arg-type]
            wait_for_agents(exchange, sites)
            for number in range(1, rounds + 1):
                print(f"round {number}: {one_round(reached, names, number):6.2f} s", flush=True)
        print(f"exchange's peak memory: {peak_megabytes(service):.0f} MB")


@contextmanager
def serving(root: Path, workspace: Workspace) -> Iterator[int]:
    """Serve the exchange over TLS; yields its process id."""
    made = own_identity(root / "tls", ("localhost",))
    port = free_port()
    address = ExchangeAddress(
        url=f"https://localhost:{port}",
        site="any",
        coordinator=COORDINATOR.public.raw.hex(),
        authority=made.authority,
    )
    (root / "address.json").write_text(address.model_dump_json())
    command = ["-m", "flows.exchange", "--workspace", str(workspace.root), "--port", str(port)]
    command += ["--certificate", str(made.certificate), "--key", str(made.key)]
    with running(command) as process:
        while not answers(port):
            time.sleep(0.1)
        yield process


@contextmanager
def agents(root: Path, kilobytes: int) -> Iterator[None]:
    module = "benchmarks.exchange_overhead"
    command = ["-m", module, "--agents-of", str(root), "--kilobytes", str(kilobytes)]
    with running(command):
        yield


@contextmanager
def running(command: list[str]) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, *command])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def wait_for_agents(exchange: Exchange, sites: int) -> None:
    while sum(site.last_seen is not None for site in exchange.registry.all()) < sites:
        time.sleep(0.2)


def one_round(sites: ExchangeSites, names: list[str], number: int) -> float:
    """Seconds until every site's answer and update are with the coordinator."""
    began = time.monotonic()
    with ThreadPoolExecutor(TASKS_AT_ONCE) as threads:
        list(threads.map(lambda name: sites.submit(name, task(name, number)), names))
    return time.monotonic() - began


def task(site: str, number: int) -> Envelope:
    deadline = time.time() + 600
    made = make_round_task(site=site, round_number=number, deadline=deadline)
    return sign(made, TASK_KIND, COORDINATOR)


if __name__ == "__main__":
    main()
