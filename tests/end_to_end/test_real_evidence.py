"""The evidence of a real run: what an auditor gets, and what verification and replay say of it."""

import base64
import importlib.util
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import fedclinic.evidence.standalone_verifier as standalone
from fedclinic.evidence.bundle import Bundle, Trust
from fedclinic.evidence.findings import Severity
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.snapshot import StoreSnapshot
from fedclinic.evidence.verify import verify as verify_bundle
from flows.auditing.reports import BROWSERS
from flows.run_store import RunStore
from site_agent.site_home import SiteHome
from tests.end_to_end.conftest import HOSPITALS, ROUNDS, Setting
from tests.end_to_end.edits_of_real_stores import SQL_EDITS

Finished = subprocess.CompletedProcess[str]


def public_key(path: Path) -> str:
    """What its owner would hand to an auditor."""
    return SigningKey.from_pem(path.read_bytes()).public.raw.hex()


def main_run(setting: Setting) -> RunStore:
    return RunStore(sorted((setting.workspace / "runs").glob("tiny-main-*"))[0])


@pytest.fixture(scope="module")
def handed_over(
    setting: Setting, finished: Finished, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with what an auditor has: the bundle, and a trust of the hospitals' own keys."""
    assert finished.returncode == 0, finished.stderr[-2000:]
    folder = tmp_path_factory.mktemp("auditor")
    bundle = setting.run("audit", "bundle", main_run(setting).name, "--out", str(folder / "b.json"))
    assert bundle.returncode == 0, bundle.stderr
    assert "cosigned by north, south" in bundle.stdout
    keys = [
        f"--site={site}={public_key(SiteHome(setting.site_home(site)).signing_key)}"
        for site in HOSPITALS
    ]
    coordinator = public_key(setting.workspace / "keys" / "coordinator.pem")
    trust = setting.run(
        "audit", "trust", "--bundle", str(folder / "b.json"), "--coordinator", coordinator,
        *keys, "--witnesses", "2", "--out", str(folder / "t.json"),
    )  # fmt: skip
    assert trust.returncode == 0, trust.stderr
    return folder


def verify(setting: Setting, folder: Path, *more: str) -> Finished:
    files = ("--bundle", str(folder / "b.json"), "--trust", str(folder / "t.json"))
    return setting.bare("audit", "verify", *files, *more)


def mlflow_of(setting: Setting) -> str:
    return f"sqlite:///{setting.workspace / 'mlflow.db'}"


def test_a_real_run_is_verified_in_silence_mlflow_included(
    setting: Setting, handed_over: Path
) -> None:
    result = verify(setting, handed_over, "--mlflow", mlflow_of(setting))
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert result.stdout.count("\n") == 1
    assert result.stdout.endswith("VERIFIED\n")


def test_the_log_of_a_real_run_tells_every_step(setting: Setting, handed_over: Path) -> None:
    bundle = json.loads((handed_over / "b.json").read_text())
    kinds = [kind_of(entry) for entry in bundle["entries"]]
    turns = ROUNDS * len(HOSPITALS)
    for kind in ("round-task", "budget-reserved", "budget-use-begun", "budget-committed",
                 "site-report", "update-judged"):  # fmt: skip
        assert kinds.count(kind) >= turns, kind
    for kind in ("plan-approved", "site-joined", "self-tested", "model-registered", "run-recorded"):
        assert kind in kinds
    assert kinds.count("round-aggregated") >= ROUNDS


def kind_of(entry: dict) -> str:
    return statement_of(entry)["predicateType"].rpartition(":")[2]


def statement_of(entry: dict) -> dict:
    return json.loads(base64.b64decode(entry["payload"]))


def test_what_a_run_worked_on_is_named_by_digests_that_its_sites_signed_and_can_repeat(
    setting: Setting, handed_over: Path
) -> None:
    bundle = json.loads((handed_over / "b.json").read_text())
    run = main_run(setting).name
    (page,) = [s for s in bundle["snapshots"] if s["tags"].get("fedclinic.run") == run]
    for site in HOSPITALS:
        repeated = at_site(setting, site, "notes-digest", run).strip().removeprefix("sha256:")
        assert repeated.startswith(page["inputs"][f"notes of {site}, by its key"])
    notes = {page["inputs"][f"notes of {site}, by its key"] for site in HOSPITALS}
    assert len({*notes, page["inputs"]["evaluation notes"]}) == len(HOSPITALS) + 1
    told = [statement_of(entry)["predicate"] for entry in bundle["entries"]]
    stores = [r["deidentification"]["store"] for r in told if r.get("status") == "completed"]
    assert len(set(stores)) == len(stores) >= ROUNDS * len(HOSPITALS)
    assert {r["document"] for r in told if r.get("actor") in HOSPITALS} == {
        "privacy", "auditing", "disclosure", "deidentification"
    }  # fmt: skip


def test_a_real_run_is_replayed_bit_for_bit(setting: Setting, handed_over: Path) -> None:
    result = setting.run("audit", "replay", main_run(setting).name)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert "VERIFIED" in result.stdout


@pytest.mark.parametrize("name", SQL_EDITS)
def test_an_edit_of_the_real_store_is_found_by_both_verifiers_and_its_row_named(
    setting: Setting, handed_over: Path, tmp_path: Path, name: str
) -> None:
    sql, check, row = SQL_EDITS[name]
    database = tmp_path / "mlflow.db"
    shutil.copy(setting.workspace / "mlflow.db", database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        assert connection.execute(sql.format(copied=copied_run(connection))).rowcount > 0
        connection.commit()
    shown = standalone.read_sqlite(database, "tiny")
    bundle = json.loads((handed_over / "b.json").read_text())
    trust = json.loads((handed_over / "t.json").read_text())
    alone = standalone.verify(bundle, trust, shown)
    assert any(found[1] == check and row in found[2] for found in alone), alone
    findings = verify_bundle(
        Bundle.model_validate(bundle),
        Trust.model_validate(trust),
        StoreSnapshot.model_validate(shown),
    )
    assert any(f.check == check and row in f.where for f in findings), findings
    assert {f.severity for f in findings} == {Severity.FAILED}


def copied_run(connection: sqlite3.Connection) -> str:
    """The columns of the table of runs, with another identifier in place of a row's own."""
    columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
    return ", ".join("'extra'" if name == "run_uuid" else name for name in columns)


def test_a_changed_renamed_or_added_file_of_a_run_is_found(
    setting: Setting, handed_over: Path
) -> None:
    report = next((setting.workspace / "mlflow-artifacts").rglob("report.html"))
    content, moved = report.read_bytes(), report.with_name("old.html")
    try:
        report.write_bytes(content.replace(b"e", b"3", 1))
        assert "artifact 'report.html'" in failed(setting, handed_over)
        report.rename(moved)
        assert "artifact 'old.html'" in failed(setting, handed_over)
    finally:
        moved.unlink(missing_ok=True)
        report.write_bytes(content)


def failed(setting: Setting, folder: Path) -> str:
    result = verify(setting, folder, "--mlflow", mlflow_of(setting))
    assert result.returncode == 1, result.stdout + result.stderr
    assert result.stdout.endswith("FAILED\n")
    return result.stdout


def test_a_store_restored_from_a_backup_is_verified_in_silence(
    setting: Setting, handed_over: Path, tmp_path: Path
) -> None:
    store, backup = setting.workspace / "mlflow.db", tmp_path / "backup.db"
    shutil.copy(store, backup)
    store.unlink()
    shutil.copy(backup, store)
    files = setting.workspace / "mlflow-artifacts"
    files.rename(tmp_path / "kept")
    shutil.copytree(tmp_path / "kept", files)
    result = verify(setting, handed_over, "--mlflow", mlflow_of(setting))
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("mlflow", "expected"),
    [
        ("http://127.0.0.1:9", "cannot be read"),
        ("sqlite:////nowhere/mlflow.db", "is not there"),
    ],
)
def test_a_store_that_cannot_be_reached_is_no_failure(
    setting: Setting, handed_over: Path, mlflow: str, expected: str
) -> None:
    result = verify(setting, handed_over, "--mlflow", mlflow)
    assert result.returncode == 3, result.stdout + result.stderr
    assert expected in result.stdout
    assert result.stdout.endswith("CANNOT VERIFY\n")


def test_a_store_of_an_older_version_is_no_failure(
    setting: Setting, handed_over: Path, tmp_path: Path
) -> None:
    old = tmp_path / "mlflow.db"
    shutil.copy(setting.workspace / "mlflow.db", old)
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'older'")
        connection.commit()
    result = verify(setting, handed_over, "--mlflow", f"sqlite:///{old}")
    assert result.returncode == 3, result.stdout + result.stderr
    assert result.stdout.endswith("CANNOT VERIFY\n")
    assert "Traceback" not in result.stderr


def test_keys_that_are_missing_or_of_another_federation_are_no_failure(
    setting: Setting, handed_over: Path, tmp_path: Path
) -> None:
    trust = json.loads((handed_over / "t.json").read_text())
    fewer = trust | {"sites": {"north": trust["sites"]["north"]}}
    other = trust | {"origin": "another/0123456789abcdef"}
    for changed, row in ((fewer, "site south"), (other, "bundle")):
        path = tmp_path / "t.json"
        path.write_text(json.dumps(changed))
        files = ("--bundle", str(handed_over / "b.json"), "--trust", str(path))
        result = setting.bare("audit", "verify", *files)
        assert result.returncode == 3
        assert f"cannot verify: {row}: " in result.stdout
    alone = setting.bare("audit", "verify", "--bundle", str(handed_over / "b.json"))
    assert alone.returncode == 3
    assert "no trust was given" in alone.stdout


def test_a_bundle_that_was_cut_is_found(
    setting: Setting, handed_over: Path, tmp_path: Path
) -> None:
    bundle = json.loads((handed_over / "b.json").read_text())
    shorter = bundle | {"entries": bundle["entries"][:-1]}
    (tmp_path / "b.json").write_text(json.dumps(shorter))
    files = ("--bundle", str(tmp_path / "b.json"), "--trust", str(handed_over / "t.json"))
    result = setting.bare("audit", "verify", *files)
    assert result.returncode == 1
    assert "cut off" in result.stdout


def test_the_one_file_verifier_verifies_a_real_run_where_only_cryptography_is_installed(
    setting: Setting, handed_over: Path, tmp_path: Path
) -> None:
    """Only the standard library, and a folder with `cryptography` and what it needs."""
    shutil.copy(standalone.__file__, tmp_path / "verifier.py")
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in ("cryptography", "cffi", "_cffi_backend", "pycparser"):
        origin = importlib.util.find_spec(name)
        if origin is not None and origin.origin is not None:
            path = Path(origin.origin)
            path = path.parent if path.name == "__init__.py" else path
            (packages / path.name).symlink_to(path)
    start = "import sys, runpy; sys.path.insert(0, sys.argv[1]); sys.argv = sys.argv[2:]; "
    start += "runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-I", "-S", "-c", start, str(packages), "verifier.py"]
    command += [str(handed_over / "b.json"), str(handed_over / "t.json")]
    command += ["--mlflow-db", str(setting.workspace / "mlflow.db"), "--experiment", "tiny"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert result.stdout.endswith("VERIFIED\n")


def test_a_rolled_back_ledger_and_a_changed_update_are_found_by_replay(
    setting: Setting, handed_over: Path, tmp_path: Path
) -> None:
    run = main_run(setting)
    exported = export_ledger(setting, "north")
    good, short = tmp_path / "good.jsonl", tmp_path / "short.jsonl"
    good.write_text(exported)
    short.write_text("".join(exported.splitlines(keepends=True)[:4]))
    assert setting.run("audit", "replay", run.name, f"--ledger=north={good}").returncode == 0
    result = setting.run("audit", "replay", run.name, f"--ledger=north={short}")
    assert result.returncode == 1
    assert "ledger of site north: entry" in result.stdout
    assert "rolled back" in result.stdout
    outcome = run.rounds()[-1].outcomes[0]
    assert outcome.report is not None
    assert outcome.report.update is not None
    blob = setting.workspace / "blobs" / outcome.report.update.blob.removeprefix("sha256:")
    content = blob.read_bytes()
    try:
        blob.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        result = setting.run("audit", "replay", run.name)
        assert result.returncode == 1
        assert "replay.update" in result.stdout
        blob.unlink()
        result = setting.run("audit", "replay", run.name)
        assert result.returncode == 3
    finally:
        blob.write_bytes(content)


def export_ledger(setting: Setting, site: str) -> str:
    return at_site(setting, site, "ledger", "export")


def at_site(setting: Setting, site: str, *arguments: str) -> str:
    """What a site's administrator is told."""
    coordinator = public_key(setting.workspace / "keys" / "coordinator.pem")
    command = [sys.executable, "-m", "site_agent", *arguments]
    command += ["--config", str(setting.root / "site.yaml"), "--home", str(setting.site_home(site))]
    key = base64.b64encode(bytes.fromhex(coordinator)).decode()
    command += ["--set", f"site={site}", "--set", f"coordinator={key}"]
    result = subprocess.run(
        command, env=setting.environment(), capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_pdf_is_printed_where_a_browser_is_installed(
    setting: Setting, handed_over: Path, tmp_path: Path
) -> None:
    if not any(shutil.which(name) for name in BROWSERS):
        pytest.skip("no browser of the Chromium family")
    out = tmp_path / "report.pdf"
    result = setting.run("audit", "report", main_run(setting).name, "--pdf", "--out", str(out))
    assert result.returncode == 0, result.stderr
    assert out.read_bytes().startswith(b"%PDF")


def test_documents_are_written_and_registered_as_outputs(
    setting: Setting, handed_over: Path, tmp_path: Path
) -> None:
    run = main_run(setting).name
    for what in ("model-card", "dpia", "sp800-226"):
        out = tmp_path / f"{what}.md"
        result = setting.run("audit", "export", run, "--what", what, "--out", str(out))
        assert result.returncode == 0, result.stderr
        assert "Gap" in out.read_text()
    page = tmp_path / "report.html"
    setting.run("audit", "report", run, "--out", str(page))
    assert "who asked for dpia" in page.read_text()
    over_time = setting.run("audit", "report", "tiny", "--out", str(tmp_path / "all.html"))
    assert over_time.returncode == 0, over_time.stderr
    assert run in (tmp_path / "all.html").read_text()
    still = verify(setting, handed_over, "--mlflow", mlflow_of(setting))
    assert still.returncode == 0, still.stdout


def test_evidence_that_was_archived_and_restored_verifies_and_replays(
    setting: Setting, handed_over: Path, tmp_path: Path
) -> None:
    out, moved = tmp_path / "evidence.tar.gz", tmp_path / "moved"
    archived = setting.run("audit", "archive", "tiny", "--out", str(out))
    assert archived.returncode == 0, archived.stderr
    run = main_run(setting).name
    setting.workspace.rename(moved)
    try:
        restored = setting.run("audit", "restore", str(out))
        assert restored.returncode == 0, restored.stderr
        assert restored.stdout.split("manifest ")[1] == archived.stdout.split("manifest ")[1]
        assert not (setting.workspace / "keys").exists()
        shutil.copytree(moved / "keys", setting.workspace / "keys")
        shutil.copytree(moved / "sites", setting.workspace / "sites")
        assert verify(setting, handed_over, "--mlflow", mlflow_of(setting)).returncode == 0
        assert setting.run("audit", "replay", run).returncode == 0
        purge_and_replay(setting, run)
        restored_elsewhere(setting, handed_over, out, moved)
    finally:
        shutil.rmtree(setting.workspace)
        moved.rename(setting.workspace)


def restored_elsewhere(setting: Setting, handed_over: Path, archive: Path, moved: Path) -> None:
    """In a folder of another name, without the one that was archived, nothing is missed."""
    other = archive.parent / "elsewhere"
    setting.workspace.rename(archive.parent / "gone")
    try:
        here = ("--workspace", str(other))
        restored = setting.bare("audit", "restore", str(archive), *here)
        assert restored.returncode == 0, restored.stderr
        result = verify(setting, handed_over, "--mlflow", f"sqlite:///{other / 'mlflow.db'}")
        assert (result.returncode, result.stdout.count("\n")) == (0, 1), result.stdout
        bundle, trust = (json.loads((handed_over / n).read_text()) for n in ("b.json", "t.json"))
        shown = standalone.read_sqlite(other / "mlflow.db", "tiny")
        assert standalone.verify(bundle, trust, shown) == []
        shutil.copytree(moved / "keys", other / "keys")
        shutil.copytree(moved / "sites", other / "sites")
        replayed = setting.bare(
            "audit", "replay", next((other / "runs").glob("tiny-main-*")).name, *here
        )
        assert replayed.returncode == 0, replayed.stdout
    finally:
        (archive.parent / "gone").rename(setting.workspace)


def purge_and_replay(setting: Setting, run: str) -> None:
    """Let everything go at once: it is stated, and replay says that it was purged."""
    policy = setting.root / "retention.yaml"
    policy.write_text("keep_update_days: 0\nkeep_state_days: 0\n")
    before = sum(1 for _ in (setting.workspace / "blobs").iterdir())
    tried = setting.run("audit", "purge", "tiny", "--policy", str(policy), "--dry-run")
    assert sum(1 for _ in (setting.workspace / "blobs").iterdir()) == before
    purged = setting.run("audit", "purge", "tiny", "--policy", str(policy))
    assert purged.returncode == 0, purged.stderr
    assert purged.stdout.split()[1] == tried.stdout.split()[1]
    assert sum(1 for _ in (setting.workspace / "blobs").iterdir()) < before
    again = setting.run("audit", "purge", "tiny", "--policy", str(policy))
    assert again.stdout.startswith("0 files")
    replayed = setting.run("audit", "replay", run)
    assert replayed.returncode == 3, replayed.stdout
    assert "was purged under policy sha256:" in replayed.stdout
    assert "policy." not in replayed.stdout
