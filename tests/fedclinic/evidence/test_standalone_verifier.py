"""The one-file verifier: the same tables of edits, a real MLflow database, no import of ours."""

import ast
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

import fedclinic.evidence.standalone_verifier as standalone
from fedclinic.evidence.bundle import Bundle, Trust
from fedclinic.evidence.events import RunRecorded
from fedclinic.evidence.snapshot import RunSnapshot, StoreSnapshot
from fedclinic.evidence.statement import sign
from fedclinic.evidence.verify import verify
from tests.fedclinic.evidence.edits_of_bundles import BUNDLE_EDITS, HONEST
from tests.fedclinic.evidence.edits_of_statements import COORDINATOR_EDITS
from tests.fedclinic.evidence.edits_of_stores import STORE, STORE_EDITS
from tests.fedclinic.evidence.factory import KEYS, PLAN_DIGEST, RUN, Scene, make_trust, seal

SOURCE = Path(standalone.__file__)


def as_json(record: Bundle | Trust | StoreSnapshot) -> dict:
    return json.loads(record.model_dump_json())


def checks(bundle: Bundle, store: StoreSnapshot | None = None) -> list[tuple[str, str, str]]:
    found = standalone.verify(
        as_json(bundle), as_json(make_trust()), None if store is None else as_json(store)
    )
    return [(severity, check, where) for severity, check, where, _ in found]


def test_it_imports_only_the_standard_library_and_cryptography():
    imported = set()
    for node in ast.walk(ast.parse(SOURCE.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(str(node.module).split(".")[0])
    assert imported - sys.stdlib_module_names == {"cryptography"}


def test_honest_evidence_is_verified_in_silence():
    assert checks(HONEST, STORE) == []


@pytest.mark.parametrize("name", BUNDLE_EDITS)
def test_an_edit_of_the_bundle_is_found(name):
    edit, check, where = BUNDLE_EDITS[name]
    assert any(c == check and where in w for _, c, w in checks(edit())), checks(edit())


@pytest.mark.parametrize("name", COORDINATOR_EDITS)
def test_a_false_statement_is_found_though_it_is_sealed(name):
    edit, check, where = COORDINATOR_EDITS[name]
    assert any(c == check and where in w for _, c, w in checks(edit())), checks(edit())


@pytest.mark.parametrize("name", STORE_EDITS)
def test_an_edit_of_mlflow_is_found(name):
    edit, check, where = STORE_EDITS[name]
    found = checks(HONEST, edit())
    assert any(c == check and where in w for _, c, w in found), found


@pytest.fixture(scope="module")
def mlflow_store(tmp_path_factory) -> tuple[Path, str]:
    """A real store with one run: its folder and the run's identifier."""
    folder = tmp_path_factory.mktemp("mlflow")
    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.create_experiment("example", (folder / "artifacts").as_uri())
    run = client.create_run(experiment, run_name="example (run-1)").info.run_id
    client.log_batch(
        run,
        metrics=[Metric("dp.epsilon", value, 0, step) for step, value in ((1, 0.9), (2, 1.3))],
        params=[Param("privacy.noise_multiplier", "1.0")],
        tags=[RunTag("dp.unit", "patient"), RunTag("fedclinic.run", RUN)],
    )
    client.log_text(run, "report", "evidence/report.html")
    client.set_terminated(run)
    return folder, run


@pytest.fixture
def evidence(mlflow_store, tmp_path) -> tuple[Path, str]:
    """A copy of the store that may be damaged, beside a bundle and a trust that fit it."""
    folder, run = mlflow_store
    shown = standalone.read_sqlite(folder / "mlflow.db", "example")
    snapshots = {name: RunSnapshot.model_validate(row) for name, row in shown["runs"].items()}
    scene = Scene().without(RunRecorded)
    del scene.events[-1]  # the registered model is not in this store
    recorded = RunRecorded(
        at=1e9, run=RUN, snapshots={name: row.digest() for name, row in snapshots.items()}
    )
    scene.events.append(recorded)
    bundle = seal(scene.envelopes(), snapshots=snapshots)
    (tmp_path / "bundle.json").write_text(bundle.model_dump_json())
    (tmp_path / "trust.json").write_text(make_trust().model_dump_json())
    shutil.copy(folder / "mlflow.db", tmp_path / "mlflow.db")
    database = sqlite3.connect(tmp_path / "mlflow.db")
    shutil.copytree(folder / "artifacts", tmp_path / "artifacts")
    database.execute(
        "UPDATE runs SET artifact_uri = replace(artifact_uri, ?, ?)",
        (folder.as_uri(), tmp_path.as_uri()),
    )
    database.commit()
    return tmp_path, run


def run_alone(folder: Path, *more: str) -> subprocess.CompletedProcess:
    """Run a copy of the file where the project cannot be imported."""
    shutil.copy(SOURCE, folder / "verifier.py")
    command = [sys.executable, "-I", "verifier.py", "bundle.json", "trust.json", *more]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


WITH_STORE = ("--mlflow-db", "mlflow.db", "--experiment", "example")


def test_a_real_store_is_verified_by_the_file_alone(evidence):
    folder, _ = evidence
    result = run_alone(folder, *WITH_STORE)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("statements: VERIFIED\n")


SQL_EDITS = {
    "epsilon lowered": ("UPDATE metrics SET value = 0.1 WHERE step = 2", "'dp.epsilon', step 2"),
    "step removed": ("DELETE FROM metrics WHERE step = 1", "'dp.epsilon', step 1"),
    "parameter edited": ("UPDATE params SET value = '4.0'", "param 'privacy.noise_multiplier'"),
    "tag swapped": ("UPDATE tags SET value = 'note' WHERE key = 'dp.unit'", "tag 'dp.unit'"),
    "tag case": ("UPDATE tags SET key = 'dp.Unit' WHERE key = 'dp.unit'", "tag 'dp.Unit'"),
    "soft-deleted": ("UPDATE runs SET lifecycle_stage = 'deleted'", "example (run-1)"),
    "row deleted": ("DELETE FROM runs", "its row is gone"),
    "renamed": ("UPDATE runs SET name = 'other'", "name: signed 'example (run-1)'"),
    "status": ("UPDATE runs SET status = 'FAILED'", "status: signed 'FINISHED'"),
}


@pytest.mark.parametrize("name", SQL_EDITS)
def test_an_edit_of_a_real_database_is_found_and_named(evidence, name):
    folder, _ = evidence
    sql, row = SQL_EDITS[name]
    database = sqlite3.connect(folder / "mlflow.db")
    database.execute("PRAGMA foreign_keys = OFF")
    database.execute(sql)
    database.commit()
    result = run_alone(folder, *WITH_STORE)
    assert result.returncode == 1
    assert row in result.stdout


def test_one_flipped_byte_of_a_real_artifact_is_found(evidence):
    folder, _ = evidence
    path = next(path for path in (folder / "artifacts").rglob("report.html"))
    path.write_text("rEport")
    result = run_alone(folder, *WITH_STORE)
    assert result.returncode == 1
    assert "artifact 'evidence/report.html'" in result.stdout


def test_a_missing_store_cannot_be_verified_and_did_not_fail(evidence):
    folder, _ = evidence
    (folder / "mlflow.db").unlink()
    result = run_alone(folder, *WITH_STORE)
    assert result.returncode == 3
    assert "CANNOT VERIFY" in result.stdout
    assert run_alone(folder, "--mlflow-db", "bundle.json").returncode == 3


def without_a_key(folder: Path) -> None:
    path = folder / "trust.json"
    trust = json.loads(path.read_text())
    del trust["sites"]["birch"]
    path.write_text(json.dumps(trust))


def of_another_federation(folder: Path) -> None:
    path = folder / "trust.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"origin": "another/log"}))


def of_an_older_format(folder: Path) -> None:
    path = folder / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": "fedclinic-bundle/0"}))


def with_an_older_store(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        database.execute("DROP TABLE logged_models")


def with_a_store_that_is_none(folder: Path) -> None:
    (folder / "mlflow.db").write_text("no database")


def with_another_store(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
        database.execute("UPDATE experiments SET name = 'elsewhere' WHERE name = 'example'")


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (without_a_key, "site birch"),
        (of_another_federation, "bundle"),
        (of_an_older_format, "bundle"),
        (with_an_older_store, "input"),
        (with_a_store_that_is_none, "input"),
        (with_another_store, "input"),
    ],
)
def test_what_is_missing_or_foreign_cannot_be_verified_which_is_not_to_have_failed(
    evidence, spoil, named
):
    folder, _ = evidence
    spoil(folder)
    result = run_alone(folder, *WITH_STORE)
    assert (result.returncode, result.stderr) == (3, ""), result.stdout
    assert result.stdout.startswith(f"cannot verify: {named}: ")
    assert result.stdout.count("\n") == 2
    assert result.stdout.endswith("CANNOT VERIFY\n")


def test_a_record_of_another_version_cannot_be_verified_and_did_not_fail():
    odd = sign({"run": RUN, "plan_digest": PLAN_DIGEST}, "round-task", KEYS["coordinator"])
    found = checks(seal([*HONEST.entries, odd]))
    assert {severity for severity, *_ in found} == {"cannot verify"}


def test_both_verifiers_agree_on_every_edit():
    for edit, _, _ in (*BUNDLE_EDITS.values(), *COORDINATOR_EDITS.values()):
        bundle = edit()
        ours = {finding.check for finding in verify(bundle, make_trust())}
        assert {check for _, check, _ in checks(bundle)} == ours
