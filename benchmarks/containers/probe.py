"""Run inside a hospital's container: what may this process do, and what can it reach?

    python3 -c PROBE ADDRESS...

Each address is HOST:PORT. Prints one line for each question; no package is imported, since this is
given to the image's own interpreter as text.
"""

import os
import socket
import sys
from pathlib import Path

SECONDS = 3.0


def reach(address: str) -> str:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), SECONDS).close()
    except OSError as error:
        return error.strerror or str(error)
    return "reached"


def write(path: str) -> str:
    try:
        Path(path).write_text("", encoding="utf-8")
    except OSError as error:
        return error.strerror or str(error)
    return "written"


def main() -> None:
    status = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines()
    )
    print(f"user {os.getuid()}, capabilities {status['CapEff'].strip('0') or 'none'}, "
          f"no new privileges {status['NoNewPrivs']}")  # fmt: skip
    for path in ("/probe", "/opt/fedclinic/probe", "/site/probe", "/models/tiny/probe"):
        print(f"write {path}: {write(path)}")
    for address in sys.argv[1:]:
        print(f"connect {address}: {reach(address)}")


if __name__ == "__main__":
    main()
