"""A network of its own for a process, joined to this machine by one wire that may be disturbed.

The wire is a pair of TUN devices; a thread of the test carries packets from one to the other, or
late, or never. It needs root, the program `ip` and no module of the kernel's for faults.
"""

import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Self

TUN = Path("/dev/net/tun")
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PACKET_BYTES = 65536
LOOK_SECONDS = 0.05


def may_make_networks() -> bool:
    return os.getuid() == 0 and shutil.which("ip") is not None and TUN.exists()


@dataclass(frozen=True)
class Disturbance:
    """What happens to each packet, whichever way it goes; shares are probabilities."""

    delay: float = 0.0
    jitter: float = 0.0
    """Seconds of delay that are drawn for each packet, so that packets overtake each other."""
    loss: float = 0.0
    duplicated: float = 0.0
    corrupted: float = 0.0


CALM = Disturbance()
CUT = Disturbance(loss=1.0)
"""Every packet vanishes, without a word to anybody."""


@dataclass
class NetworkNamespace:
    """Processes started with `prefix` reach this machine as `gateway`, and nothing else."""

    number: int
    """Of the subnet; no two at a time have the same."""
    disturbance: Disturbance = CALM
    _random: random.Random = field(default_factory=lambda: random.Random(0))
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        return f"hospital-{self.number}"

    @property
    def gateway(self) -> str:
        return f"10.213.{self.number}.1"

    @property
    def prefix(self) -> list[str]:
        return ["ip", "netns", "exec", self.name]

    def __enter__(self) -> Self:
        here, there = f"out{self.number}", f"in{self.number}"
        _run("ip", "netns", "add", self.name)
        self._ends = (_open_tun(here), _open_tun(there))
        _run("ip", "link", "set", there, "netns", self.name)
        for prefix, device, last in (([], here, 1), (self.prefix, there, 2)):
            address = f"10.213.{self.number}.{last}/30"
            _run(*prefix, "ip", "address", "add", address, "dev", device)
            _run(*prefix, "ip", "link", "set", device, "up")
        _run(*self.prefix, "ip", "link", "set", "lo", "up")
        self._carrier = threading.Thread(target=self._carry, daemon=True)
        self._carrier.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._carrier.join()
        for end in self._ends:
            os.close(end)
        _run("ip", "netns", "delete", self.name)

    def _carry(self) -> None:
        """Carry packets until the network is closed, each when it is due."""
        due: list[tuple[float, int, int, bytes]] = []
        order = count()
        while not self._over.is_set():
            now = time.monotonic()
            while due and due[0][0] <= now:
                _, _, end, packet = heapq.heappop(due)
                os.write(end, packet)
            wait = min(LOOK_SECONDS, due[0][0] - now) if due else LOOK_SECONDS
            for end in select.select(self._ends, [], [], max(wait, 0))[0]:
                packet = os.read(end, PACKET_BYTES)
                other = self._ends[1 - self._ends.index(end)]
                for late, carried in self._treat(packet):
                    heapq.heappush(due, (now + late, next(order), other, carried))

    def _treat(self, packet: bytes) -> list[tuple[float, bytes]]:
        """Give what arrives of a packet, and how much later."""
        now = self.disturbance
        if self._random.random() < now.loss:
            return []
        if self._random.random() < now.corrupted:
            packet = packet[:-1] + bytes([packet[-1] ^ 0xFF])
        copies = 2 if self._random.random() < now.duplicated else 1
        return [(now.delay + now.jitter * self._random.random(), packet) for _ in range(copies)]


def _open_tun(name: str) -> int:
    end = os.open(TUN, os.O_RDWR)
    fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return end


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
