"""Ports and process trees of the machine that a test runs on."""

import os
import signal
import socket
from pathlib import Path

LISTENING = "0A"
"""State of a socket in /proc/net/tcp."""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def children_of(parent: int) -> list[int]:
    """Processes that a process started (Linux)."""
    found = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def kill_tree(parent: int) -> None:
    """End a process and all below it, the parent first, as a power cut does."""
    below = children_of(parent)
    try:
        os.kill(parent, signal.SIGKILL)
    except ProcessLookupError:
        return
    for child in below:
        kill_tree(child)


def listen_to_interrupts() -> None:
    """Undo what a shell does to commands in its background: there, SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def listens_on(parent: int) -> set[tuple[str, int]]:
    """IPv4 addresses and ports on which a process and all below it listen (Linux)."""
    pids = [parent]
    for pid in pids:
        pids += children_of(pid)
    sockets = {
        str(link.readlink())
        for pid in pids
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink()
    }
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *rest = line.split()
        if state == LISTENING and f"socket:[{rest[5]}]" in sockets:
            address, port = local.split(":")
            number = socket.ntohl(int(address, 16))
            found.add((socket.inet_ntoa(number.to_bytes(4)), int(port, 16)))
    return found


def peak_megabytes(process: int) -> float:
    """The most memory that a process has had so far (Linux)."""
    status = Path(f"/proc/{process}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1000


def processor_seconds(process: int) -> float:
    """The processor's time that a process has had so far (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
