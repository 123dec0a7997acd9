"""What a hospital is promised: the coordinator's code cannot touch notes, nor send code to run."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("benchmarks/fedbench", "fedclinic", "site_agent", "flows")
LINT = "from importlinter.cli import lint_imports_command as lint; lint()"
UNPICKLERS = {"pickle", "cloudpickle", "dill", "shelve", "marshal", "joblib"}
EXECUTORS = {"eval", "exec", "compile", "__import__"}


@pytest.fixture(scope="module")
def verdicts() -> dict[str, str]:
    """Every contract of the imports and whether it is kept."""
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return dict(re.findall(r"^(.+) (KEPT|BROKEN)", done.stdout, flags=re.MULTILINE))


def test_the_coordinator_cannot_name_a_note(verdicts):
    assert verdicts["nothing that the coordinator reaches can name a note"] == "KEPT"


def test_the_coordinator_and_the_sites_share_only_the_core(verdicts):
    assert verdicts["the coordinator and the sites never import each other"] == "KEPT"
    assert verdicts["the core stands on nothing of ours"] == "KEPT"


def test_the_coordinator_needs_no_library_that_could_read_a_note(verdicts):
    assert verdicts["the coordinator has no torch and no Presidio"] == "KEPT"


def test_the_core_that_sites_run_reaches_no_network(verdicts):
    assert verdicts["the core reaches no network, orchestrator or tracker"] == "KEPT"


def sources() -> list[Path]:
    return sorted(path for name in PACKAGES for path in (REPOSITORY / name).rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def called(tree: ast.AST) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def test_nothing_of_ours_unpickles_or_runs_text_as_code():
    assert len(sources()) > 50
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = called(tree)
        assert not imported(tree) & UNPICKLERS, path.name
        assert not calls & (EXECUTORS | {"torch.load", "yaml.load", "os.system"}), path.name


def test_no_model_is_loaded_with_code_of_its_own():
    for path in sources():
        text = path.read_text(encoding="utf-8")
        assert "trust_remote_code=True" not in text
        if "from_pretrained(" in text:
            assert path.name == "model_folder.py"
            assert '_LOCAL: dict[str, Any] = {"local_files_only": True' in text
            assert '"trust_remote_code": False}' in text
            assert text.count("**_LOCAL") >= text.count("from_pretrained(")
