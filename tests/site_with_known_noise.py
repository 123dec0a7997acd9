"""The site's work process with one difference: its noise is known, so two runs can be compared.

The key depends on the site and on how many rounds its ledger has begun, so a process that was
killed and started again draws the same.
"""

import argparse
import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from fedclinic.updates.blobs import BlobFolder
from site_agent.child import serve
from site_agent.confinement import confine
from site_agent.opening import open_site
from site_agent.site_home import SiteHome

BEGUN = 'SELECT count(*) FROM entry WHERE body LIKE \'%"event":"use_begun"%\''


def known_noise(home: Path) -> Callable[[], bytes]:
    def key() -> bytes:
        with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger:
            begun = ledger.execute(BEGUN).fetchone()[0]
        return hashlib.sha256(f"{home.name} {begun}".encode()).digest()

    return key


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--blobs", type=Path)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--confined", action="store_true")
    options = parser.parse_args()
    if options.confined:
        confine(None)
    values = dict(text.split("=", 1) for text in options.set)
    home = options.home.resolve()
    serve(
        lambda: open_site(options.config, SiteHome(home), values),
        BlobFolder(options.blobs),
        home,
        known_noise(home),
    )


if __name__ == "__main__":
    main()
