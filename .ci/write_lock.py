"""Write constraints.txt and requirements.lock from what pip resolves for this project.

pip is asked with `--dry-run --report` and follows the user's own configuration; from the report
only names, versions and hashes are kept, so neither file names an index or a machine.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "fedclinic"

OTHER_BUILDS = {
    # PyPI's file for Linux x86-64, CPython 3.11: the same version built for CUDA. pip could tell
    # its hash only by downloading it, so it stands here as PyPI publishes it.
    ("torch", "2.13.0"): ["60fcdcb2f3876e21146cb4524ef06397d727ca9ad5f020818547e25075fe3cb7"],
}

CONSTRAINTS_HEADER = """\
# The versions with which fedclinic is developed and tested: everything that any extra installs.
# Written by `make lock`; used by `make demo`, `make test`, CI, the container images, and by hand:
#   pip install -c constraints.txt 'fedclinic[site]'
# torch is pinned without a build: pip takes the CPU or CUDA build that its configuration offers.
"""

LOCK_HEADER = """\
# The same versions as constraints.txt, each with the SHA-256 of the file that pip may install.
# Written by `make lock` (.ci/write_lock.py) from pip's own report, on CPython 3.11, Linux x86-64;
# for another platform use constraints.txt, or run `make lock` there. Used as:
#   pip install --require-hashes -r requirements.lock
#   pip install --no-build-isolation --no-deps .
# torch has two hashes, its CPU build and PyPI's CUDA build. The CUDA build needs NVIDIA libraries
# that are not listed here: install it with constraints.txt, or on an image that brings them.
"""


def normalise(name: str) -> str:
    """Spell a distribution's name as indexes do (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def resolve(*, upgrade: bool) -> list[tuple[str, str, list[str]]]:
    """Ask pip for name, version and hashes of every package that the project's extras need."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "-qq", "--dry-run"]
        command += ["--ignore-installed", "--only-binary", ":all:", "--report", str(report)]
        if not upgrade:
            command += ["--constraint", str(ROOT / "constraints.txt")]
        subprocess.run([*command, f"{ROOT}[dev]"], check=True)
        chosen = json.loads(report.read_text(encoding="utf-8"))["install"]
    packages = []
    for item in chosen:
        name, version = item["metadata"]["name"], item["metadata"]["version"].partition("+")[0]
        if normalise(name) == PROJECT:
            continue
        hashes = [item["download_info"]["archive_info"]["hashes"]["sha256"]]
        hashes += OTHER_BUILDS.get((normalise(name), version), [])
        packages.append((name, version, hashes))
    return sorted(packages, key=lambda package: normalise(package[0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="leave constraints.txt aside")
    packages = resolve(upgrade=parser.parse_args().upgrade)
    pins = [f"{name}=={version}\n" for name, version, _ in packages]
    locked = [
        f"{name}=={version}"
        + "".join(f" \\\n    --hash=sha256:{digest}" for digest in sorted(hashes))
        + "\n"
        for name, version, hashes in packages
    ]
    (ROOT / "constraints.txt").write_text(CONSTRAINTS_HEADER + "".join(pins), encoding="utf-8")
    (ROOT / "requirements.lock").write_text(LOCK_HEADER + "".join(locked), encoding="utf-8")
    print(f"{len(packages)} packages in constraints.txt and requirements.lock")


if __name__ == "__main__":
    main()
