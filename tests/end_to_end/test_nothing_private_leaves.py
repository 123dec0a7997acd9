"""After a real run over planted secrets: every byte outside the hospitals' own folders is searched.

Planted are names, numbers, addresses and words of notes, patient and note identifiers, and the
numbers that a site computes and must keep: how many patients and notes it has, its losses.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedclinic.digest import digest_bytes
from fedclinic.evidence.statement import parse_statement, statement_content
from flows.run_store import RunStore
from tests.end_to_end.conftest import HOSPITALS, Setting
from tests.end_to_end.test_training import Finished, newest_run

SECRETS = (
    "Quackenbush",
    "Zebulon",
    "867-5309",
    "8675309",
    "zq@wombat.example",
    "Gallimaufry Lane",
    "wombat",  # no identifier: a word of the notes that de-identification leaves in them
    "patient-zq",
    "note-zq",
)
PLANTED_PATIENTS, NOTES_EACH = 11, 2
PRIVATE_WORDS = ("loss", "clipped", "non_finite", "patients", "gradient")
"""Fields that would hold what a site computes from its patients."""
OF_THE_PLAN = ("expected_patients",)
"""The one number of patients that is a constant of the plan."""


@pytest.fixture(scope="module")
def planted(
    setting: Setting, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Setting, Finished, Path]:
    """The session's federation, again in a folder of its own, with secrets among the notes."""
    root = tmp_path_factory.mktemp("planted")
    for path in setting.root.glob("*.yaml"):
        (root / path.name).write_text(path.read_text())
    (root / "notes").mkdir()
    for path in (setting.root / "notes").glob("*.jsonl"):
        (root / "notes" / path.name).write_text(path.read_text())
    for hospital in HOSPITALS:
        with (root / "notes" / f"{hospital}.jsonl").open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in secret_rows(hospital))
    private = Setting(root, setting.model)
    return private, private.run("train", str(private.plan)), root


def secret_rows(hospital: str) -> Iterator[dict[str, object]]:
    """Patients whose every part is a secret."""
    for number in range(PLANTED_PATIENTS * NOTES_EACH):
        patient = number % PLANTED_PATIENTS
        yield {
            "id": f"note-zq-{hospital}-{number}",
            "patient_id": f"patient-zq-{hospital}-{patient}",
            "label": "cardiology",
            "text": (
                f"Mr. Zebulon Quackenbush (MRN 8675309-{patient}), 12 Gallimaufry Lane, phone "
                f"555-867-5309, zq@wombat.example, was seen for chest pain and a wombat bite."
            ),
        }


def outside(root: Path, workspace: Path) -> dict[str, bytes]:
    """Everything that was written by anybody but the hospitals themselves, by path."""
    hospitals = workspace / "sites"
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in workspace.rglob("*")
        if path.is_file() and hospitals not in path.parents
    }


def test_no_planted_secret_is_in_anything_that_left_a_hospital(planted) -> None:
    setting, finished, root = planted
    assert finished.returncode == 0, finished.stderr
    kept = outside(root, setting.workspace)
    kept |= {"stdout": finished.stdout.encode(), "stderr": finished.stderr.encode()}
    names = " ".join(kept)
    for part in ("mlflow.db", "prefect", "report.html", "answers", "blobs"):
        assert part in names, f"{part} was not searched"
    for name, content in kept.items():
        for secret in SECRETS:
            for form in (secret, secret.lower(), secret.upper()):
                assert form.encode() not in content, f"{secret} is in {name}"
                assert form.encode("utf-16-le") not in content, f"{secret} is in {name}"


def test_no_planted_secret_is_in_a_hospitals_own_log_and_its_stores_are_sealed(planted) -> None:
    setting, _, _ = planted
    for hospital in HOSPITALS:
        home = setting.site_home(hospital)
        for path in home.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                found = [secret for secret in SECRETS if secret.encode() in content]
                assert found == [], f"{path.name} of {hospital}"


def test_no_statement_of_a_site_holds_what_it_computed_from_its_patients(planted) -> None:
    setting, _, _ = planted
    store = newest_run(setting.workspace)
    statements = list(every_statement(store))
    assert len(statements) > 20
    for statement in statements:
        told = {key: part for key, part in statement["predicate"].items() if key != "checks"}
        for name in fields(told):  # a self-test's checks name its synthetic patients
            private = [word for word in PRIVATE_WORDS if word in name]
            assert not private or name in OF_THE_PLAN, f"{name} in {statement['predicateType']}"


def test_exact_counts_of_a_site_are_in_no_statement(planted) -> None:
    """A site has 12 synthetic and 11 planted patients; neither number of notes is round."""
    setting, _, root = planted
    store = newest_run(setting.workspace)
    for hospital in HOSPITALS:
        notes = len((root / "notes" / f"{hospital}.jsonl").read_text().splitlines())
        assert notes % 10
        for statement in every_statement(store, hospital):
            summary = statement["predicate"].get("deidentification")
            if summary:
                assert summary["notes"] != notes
                assert summary["notes"] % 10 == 0


def test_mlflow_shows_no_metric_that_was_computed_from_patients(planted) -> None:
    setting, _, _ = planted
    with sqlite3.connect(f"file:{setting.workspace / 'mlflow.db'}?mode=ro", uri=True) as store:
        metrics = {row[0] for row in store.execute("SELECT DISTINCT key FROM metrics")}
        params = {row[0] for row in store.execute("SELECT DISTINCT key FROM params")}
    assert {"accuracy", "dp.epsilon"} <= metrics
    for name in metrics | params:
        private = [word for word in PRIVATE_WORDS if word in name]
        assert not private or name.rpartition(".")[2] in OF_THE_PLAN, name


def test_blobs_that_left_are_updates_models_and_coordinates_and_nothing_else(planted) -> None:
    setting, _, _ = planted
    store = newest_run(setting.workspace)
    named = {digest for record in store.rounds() for digest in [record.checkpoint]}
    for record in store.rounds():
        for outcome in record.outcomes:
            assert outcome.report is not None
            assert outcome.report.update is not None
            assert outcome.report.audit is not None
            named |= {outcome.report.update.blob, outcome.report.audit.coordinates}
    blobs = [path for path in (setting.workspace / "blobs").iterdir() if path.is_file()]
    unnamed = [path for path in blobs if digest_bytes(path.read_bytes()) not in named]
    for path in unnamed:
        content = path.read_bytes()
        assert content[8:9] == b"{", "what sites started from is tensors with a header"
    assert len(unnamed) <= len(store.rounds())


def every_statement(store: RunStore, site: str | None = None) -> Iterator[dict]:
    """What sites signed in a run: in rounds, and around them."""
    for hospital in HOSPITALS if site is None else (site,):
        envelopes = list(store.said(hospital))
        for record in store.rounds():
            envelopes += store.answer(record.round_number, hospital)
        for envelope in envelopes:
            yield parse_statement(statement_content(envelope))


def fields(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from fields(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner)
