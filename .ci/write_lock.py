"""Write constraints.txt and the requirements locks from what pip resolves for this project.

pip is asked with `--dry-run --report` and follows the user's own configuration; from its reports
only names, versions and hashes are kept, so that no file names an index or a machine.
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
LOCKS = {
    "requirements.lock": "dev,ray,spacy",
    "requirements-coordinator.lock": "coordinator",
    "requirements-site.lock": "site",
    "requirements-demo.lock": "demo",
}
"""Lock file to extra; the first holds all the others, and is constraints.txt with hashes."""

OTHER_INTERPRETERS = {
    "async-timeout": ("async-timeout>=4.0.3", 'python_full_version < "3.11.3"'),  # for redis
    "whenever": ("whenever>=0.7.3,<0.11", 'python_version >= "3.13"'),  # for prefect
}
"""Packages that pip does not ask for on the Python that runs this file, and where it does."""

CONSTRAINTS_HEADER = """\
# The versions with which fedclinic is developed and tested: everything that any extra installs.
# Written by `make lock`; used by `make demo`, `make test`, CI, the container images, and by hand:
#   pip install -c constraints.txt 'fedclinic[site]'
# torch is pinned without a build: pip takes the CPU or CUDA build that its configuration offers.
"""

LOCK_HEADER = """\
# What the extra `{extra}` installs, as constraints.txt pins it, with the SHA-256 of each file.
# Written by `make lock` (.ci/write_lock.py) from pip's own report, on CPython 3.11, Linux x86-64;
# for another platform use constraints.txt, or run `make lock` there. Used as:
#   pip install --require-hashes -r {file}
#   pip install --no-deps .
# torch has the hash of its CPU build: pip prefers PyPI's CUDA build as soon as that hash is listed
# too, and the NVIDIA libraries that it needs are not. For CUDA install torch first, with
# constraints.txt: pip then leaves it as it is.
"""


def normalise(name: str) -> str:
    """Spell a distribution's name as indexes do (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


Package = tuple[str, str, list[str]]
"""Name, version, hashes."""


def resolve(extra: str, *, constrained: bool) -> list[Package]:
    """Ask pip what an extra installs."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "-qq", "--dry-run"]
        command += ["--ignore-installed", "--only-binary", ":all:", "--report", str(report)]
        if constrained:
            command += ["--constraint", str(ROOT / "constraints.txt")]
        command += [requirement for requirement, _ in OTHER_INTERPRETERS.values()]
        subprocess.run([*command, f"{ROOT}[{extra}]"], check=True)
        chosen = json.loads(report.read_text(encoding="utf-8"))["install"]
    packages = []
    for item in chosen:
        name, version = item["metadata"]["name"], item["metadata"]["version"].partition("+")[0]
        if normalise(name) == PROJECT:
            continue
        hashes = [item["download_info"]["archive_info"]["hashes"]["sha256"]]
        packages.append((name, version, sorted(hashes)))
    return sorted(packages, key=lambda package: normalise(package[0]))


def pinned(package: Package) -> str:
    """One package as pip reads it from a constraints file."""
    name, version, _ = package
    marker = OTHER_INTERPRETERS.get(normalise(name), ("", ""))[1]
    return f"{name}=={version}" + (f" ; {marker}" if marker else "")


def locked(package: Package) -> str:
    """One package as pip reads it from a lock."""
    hashes = package[2]
    return pinned(package) + "".join(f" \\\n    --hash=sha256:{h}" for h in hashes) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="leave constraints.txt aside")
    constrained = not parser.parse_args().upgrade
    for file, extra in LOCKS.items():
        packages = resolve(extra, constrained=constrained)
        constrained = True
        header = LOCK_HEADER.format(file=file, extra=extra)
        (ROOT / file).write_text(header + "".join(map(locked, packages)), encoding="utf-8")
        if file == "requirements.lock":
            pins = "".join(f"{pinned(package)}\n" for package in packages)
            (ROOT / "constraints.txt").write_text(CONSTRAINTS_HEADER + pins, encoding="utf-8")
        print(f"{file}: {len(packages)} packages")


if __name__ == "__main__":
    main()
