"""Upload and download one large update through the exchange, and watch its memory.

    python -m benchmarks.exchange_transfer --megabytes 2000 [--tls]

Prints the rate each way over that of the same file copied by Python's own HTTP server and client on
this machine, under the same certificate with `--tls`, in turns and each the best of `--times`, with
the processor's seconds that a copy took at the site and at the server; and the peak memory of the
exchange's process.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from benchmarks import plain_http
from fedclinic.digest import digest_chunks
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.statement import sign
from fedclinic.exchange_protocol import PROTOCOL, BlobRef, Lease, Leased
from fedclinic.rounds import TASK_KIND
from fedclinic.updates.blobs import BlobFolder
from flows.exchange.blob_store import TASKS_AREA
from flows.exchange.certificates import own_identity
from flows.exchange.exchange import Exchange, open_exchange
from flows.exchange.settings import exchange_settings
from flows.settings import Workspace
from site_agent.exchange_client import ExchangeAddress, ExchangeClient
from tests.factories import make_round_task
from tests.processes import answers, free_port, peak_megabytes, processor_seconds

PIECE = 1 << 20
HOUR = 3600.0


@dataclass(frozen=True)
class Place:
    """An exchange with one site, and a file that goes through it."""

    root: Path
    exchange: Exchange
    key: SigningKey
    source: Path
    identity: tuple[str, str, Path] | None
    """Certificate, key and authority of both servers; None: no TLS."""

    @property
    def authority(self) -> Path | None:
        return None if self.identity is None else self.identity[2]

    def server_files(self) -> list[str]:
        return [] if self.identity is None else list(self.identity[:2])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = make_place(Path(folder), options.megabytes, tls=options.tls)
        costs, peak = measure(place, options.times)
    for way in ("up", "down"):
        rates = {who: options.megabytes / costs[f"{who} {way}"].wall for who in ("ours", "plain")}
        for who, rate in rates.items():
            cost = costs[f"{who} {way}"]
            print(
                f"{who} {way}: {rate:.0f} MB/s, {rate / rates['plain']:.0%} of a plain copy; "
                f"processor {cost.site:.2f} s at the site, {cost.server:.2f} s at the server"
            )
    print(f"exchange's peak memory: {peak:.0f} MB")


def make_place(root: Path, megabytes: int, *, tls: bool) -> Place:
    exchange = open_exchange(exchange_settings(Workspace(root / "workspace")))
    key = SigningKey.generate()
    secret, _ = exchange.registry.invite("north", hours=1)
    exchange.registry.join("north", secret, key.public.raw.hex())
    source = root / "update"
    with source.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(10**6))
    identity = None
    if tls:
        made = own_identity(root / "tls", ("localhost", "127.0.0.1"))
        identity = (str(made.certificate), str(made.key), root / "tls" / "authority.pem")
    return Place(root, exchange, key, source, identity)


@dataclass(frozen=True)
class Cost:
    """What a copy took, in seconds."""

    wall: float = HOUR
    site: float = HOUR
    """Of the processor, in this process."""
    server: float = HOUR

    def least(self, other: "Cost") -> "Cost":
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Cost(*(min(pair) for pair in pairs))


def cost_of(copy: Callable[[], object], server: int) -> Cost:
    began = time.monotonic(), time.process_time(), processor_seconds(server)
    copy()
    ended = time.monotonic(), time.process_time(), processor_seconds(server)
    return Cost(*(after - before for before, after in zip(began, ended, strict=True)))


@contextmanager
def running(command: list[str], port: int) -> Iterator[int]:
    """Run a server; yields its process id."""
    server = subprocess.Popen([sys.executable, "-m", *command])
    try:
        while not answers(port):
            time.sleep(0.1)
        yield server.pid
    finally:
        server.kill()
        server.wait()


def measure(place: Place, times: int) -> tuple[dict[str, Cost], float]:
    """The least that each copy took, and the peak memory of the exchange in MB."""
    ours, theirs = free_port(), free_port()
    served = [str(place.exchange.settings.root.parent), "--port", str(ours)]
    if place.identity is None:
        served += ["--plain"]
    else:
        served += ["--certificate", place.identity[0], "--key", place.identity[1]]
    plain = ["benchmarks.plain_http", str(theirs), str(place.root), *place.server_files()]
    with (
        running(["flows.exchange", "--workspace", *served], ours) as process,
        running(plain, theirs) as plain_process,
    ):
        servers = {
            process: exchange_copies(place, ours),
            plain_process: plain_copies(place, theirs),
        }
        costs: dict[str, Cost] = defaultdict(Cost)
        for _ in range(times):
            for server, copies in servers.items():
                for name, copy in copies.items():
                    costs[name] = costs[name].least(cost_of(copy, server))
        return costs, peak_megabytes(process)


def plain_copies(place: Place, port: int) -> dict[str, Callable[[], object]]:
    source, copy = place.source, place.root / "copy"
    return {
        "plain up": lambda: plain_http.upload(port, place.authority, source),
        "plain down": lambda: plain_http.download(port, place.authority, source.name, copy),
    }


def exchange_copies(place: Place, port: int) -> dict[str, Callable[[], object]]:
    """What is copied through the exchange is removed by the next copy of its kind."""
    client, leased = make_client(place, port)
    blob, folder = leased.blobs[0], BlobFolder(place.root / "transit")

    def up() -> None:
        place.exchange.uploads.release("north", blob.digest)
        until = leased.deadline
        client.upload(leased.task, leased.lease, place.source, blob.digest, until=until)

    def down() -> None:
        folder.path(blob.digest).unlink(missing_ok=True)
        client.fetch(leased.task, blob, folder, until=leased.deadline)

    return {"ours up": up, "ours down": down}


def make_client(place: Place, port: int) -> tuple[ExchangeClient, Leased]:
    """A site's client, with a task that names the file."""
    with place.source.open("rb") as file:
        digest = digest_chunks(iter(lambda: file.read(PIECE), b""))
    with place.source.open("rb") as file:
        place.exchange.store.put(TASKS_AREA, digest, iter(lambda: file.read(PIECE), b""))
    authority = None if place.authority is None else place.authority.read_text()
    address = ExchangeAddress(
        url=f"{'http' if authority is None else 'https'}://localhost:{port}",
        site="north",
        coordinator=place.key.public.raw.hex(),
        authority=authority,
    )
    client = ExchangeClient.open(address, place.key)
    until = time.time() + HOUR
    task = sign(make_round_task(deadline=until), TASK_KIND, place.key)
    ref = BlobRef(digest=digest, bytes=place.source.stat().st_size)
    place.exchange.queue.submit("north", task, [ref], until)
    asked = Lease(session="a" * 32, protocol=PROTOCOL, version="0", wait_seconds=0)
    leased = client.lease(asked)
    assert leased is not None
    return client, leased


if __name__ == "__main__":
    main()
