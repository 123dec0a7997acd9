"""Upload and download one large update over loopback HTTP, and watch the exchange's memory.

    python -m benchmarks.exchange_transfer --megabytes 2000

Prints the rate each way over that of a plain copy of the same file through a socket, and the peak
memory of the exchange's process.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from fedclinic.digest import digest_chunks
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.statement import sign
from fedclinic.exchange_protocol import PROTOCOL, BlobRef, Lease
from fedclinic.rounds import TASK_KIND
from fedclinic.updates.blobs import BlobFolder
from flows.exchange.blob_store import TASKS_AREA
from flows.exchange.exchange import open_exchange
from flows.exchange.settings import exchange_settings
from flows.settings import Workspace
from site_agent.exchange_client import ExchangeAddress, ExchangeClient
from tests.end_to_end.hospitals import free_port
from tests.factories import make_round_task

PIECE = 1 << 20


def pieces(path: Path):
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def plain_copy(source: Path, target: Path) -> float:
    """Seconds to send a file through a loopback socket and write it."""
    server = socket.create_server(("127.0.0.1", 0))

    def receive() -> None:
        connection, _ = server.accept()
        with connection, target.open("wb") as file:
            while piece := connection.recv(PIECE):
                file.write(piece)

    thread = threading.Thread(target=receive)
    began = time.monotonic()
    thread.start()
    with socket.create_connection(server.getsockname()) as connection, source.open("rb") as file:
        connection.sendfile(file)
    thread.join()
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.megabytes)


def measure(root: Path, megabytes: int) -> None:
    workspace = Workspace(root / "workspace")
    exchange = open_exchange(exchange_settings(workspace))
    key = SigningKey.generate()
    secret, _ = exchange.registry.invite("north", hours=1)
    exchange.registry.join("north", secret, key.public.raw.hex())
    source = root / "update"
    with source.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(10**6))
    digest = digest_chunks(pieces(source))
    exchange.store.put(TASKS_AREA, digest, pieces(source))
    port = free_port()
    command = [sys.executable, "-m", "flows.exchange", "--workspace", str(workspace.root)]
    server = subprocess.Popen([*command, "--port", str(port), "--plain"])
    try:
        address = ExchangeAddress(
            url=f"http://127.0.0.1:{port}",
            site="north",
            coordinator=key.public.raw.hex(),
            authority=None,
        )
        client = ExchangeClient(address, key)
        until = time.time() + 3600
        task = sign(make_round_task(deadline=until), TASK_KIND, key)
        ref = BlobRef(digest=digest, bytes=source.stat().st_size)
        exchange.queue.submit("north", task, [ref], until)
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.1)
        asked = Lease(session="a" * 32, protocol=PROTOCOL, version="0", wait_seconds=0)
        leased = client.lease(asked)
        assert leased is not None
        plain = plain_copy(source, root / "copy")
        began = time.monotonic()
        client.upload(leased.task, leased.lease, source, digest, until=until)
        up = time.monotonic() - began
        began = time.monotonic()
        client.fetch(leased.task, ref, BlobFolder(root / "transit"), until=until)
        down = time.monotonic() - began
        status = Path(f"/proc/{server.pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        print(f"{megabytes} MB: plain copy {plain:.1f} s, up {up:.1f} s, down {down:.1f} s")
        print(f"rate of the plain copy: up {plain / up:.0%}, down {plain / down:.0%}")
        print(f"exchange's peak memory: {int(peak.split()[1]) / 1000:.0f} MB")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
