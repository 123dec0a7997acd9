"""`fedclinic-site deid`: notes go in, de-identified ones are stored, and nothing of them shows."""

import csv
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
import yaml

from fedclinic.errors import DeidentificationError
from fedclinic.notes import Note
from site_agent import deid_flow
from site_agent.__main__ import main
from site_agent.deid_tasks import MEASURE, TREAT
from site_agent.detection_process import DetectionPool, SitePlace
from site_agent.keys import load_secret
from site_agent.note_store import NoteStore
from site_agent.site_home import SiteHome
from site_agent.treatment import Job, Refused
from tests.command_line import Answer, type_here
from tests.factories import note_row, site_values, write_jsonl

Type = Callable[..., Answer]
NAME, NUMBER = "Quackenbush", "48271936"
SPANISH = (
    "El paciente tiene tos y fiebre, y no ha tomado las medicinas que le dieron en la clínica de "
    "su barrio, por lo que vuelve hoy con su madre para que la vea el médico de la guardia."
)


def rows() -> list[dict[str, Any]]:
    text = "Mr. {name} (MRN {number}{n}) was seen on 03/04/2021 by Dr. {name} for cough."
    seen = [note_row(n, text=text.format(name=NAME, number=NUMBER, n=n)) for n in range(6)]
    return [*seen, note_row(6, text=SPANISH)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_jsonl(tmp_path / "notes.jsonl", rows())
    values = site_values(Path("notes.jsonl"), task_runner={"processes": 1})
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Type:
    def typed(*arguments: str) -> Answer:
        return type_here(main, ["deid", *arguments], monkeypatch, capsys)

    return typed


def change(folder: Path, **values: Any) -> None:
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values), encoding="utf-8")


def everything_under(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def opened_store(folder: Path) -> NoteStore:
    home = SiteHome(folder / "site-home")
    return NoteStore.open(home.notes, load_secret(home.store_key))


def stored_texts(folder: Path) -> str:
    store = opened_store(folder)
    texts = "\n".join(note.text for note in store.notes())
    store.close()
    return texts


def test_a_run_stores_what_it_replaced_and_writes_the_original_nowhere(run, folder):
    answer = run("run", "--canary-notes", "3")
    assert answer.code == 0, answer
    assert "6 notes of 7 patients may be used, 1 are in quarantine" in answer.out
    assert "another language" in answer.out
    texts = stored_texts(folder)
    assert texts.count("was seen on") == 6
    assert NAME not in texts
    written = everything_under(folder / "site-home")
    for secret in (NAME, NUMBER, "for cough", "medicinas"):
        assert secret.encode() not in written
        assert secret not in answer.out + answer.errors


def test_a_second_run_goes_on_and_leaves_the_store_as_it_was(run, folder):
    run("run", "--canary-notes", "0")
    before = (folder / "site-home" / "notes.sqlite").read_bytes()
    assert run("run", "--canary-notes", "0").code == 0
    with sqlite3.connect(":memory:") as first, sqlite3.connect(":memory:") as second:
        first.deserialize(before)
        second.deserialize((folder / "site-home" / "notes.sqlite").read_bytes())
        query = "SELECT id, source, content FROM note ORDER BY id"
        assert first.execute(query).fetchall() == second.execute(query).fetchall()


def test_a_quarantined_note_is_listed_released_and_then_used(run, folder):
    run("run", "--canary-notes", "0")
    listed = run("review", "list").out
    assert "another language" in listed
    home = SiteHome(folder / "site-home")
    store = NoteStore.open(home.notes, load_secret(home.store_key))
    name = store.refused.listed()[0].name
    store.close()
    assert run("review", "release", name, "--by", "Reader", "--why", "read it").code == 0
    assert "0 are in quarantine" in run("run", "--canary-notes", "0").out
    assert run("review", "list").out == "no note is in quarantine\n"


def test_an_empty_note_goes_to_quarantine_and_the_others_are_used(run, folder):
    write_jsonl(folder / "notes.jsonl", [note_row(0), note_row(1, text=" \n"), note_row(2)])
    answer = run("run", "--canary-notes", "0")
    assert "2 notes of 3 patients may be used, 1 are in quarantine" in answer.out
    assert "the note holds no text" in run("review", "list").out


def test_what_the_roster_knows_is_replaced_and_what_nobody_knows_is_not(run, folder):
    write_jsonl(folder / "roster.jsonl", [{"patient_id": "patient-0", "badge": "blue-heron-q"}])
    texts = ("later blue-heron-q slept well in the ward", "later blue-heron-q slept well at home")
    write_jsonl(folder / "notes.jsonl", [note_row(n, text=text) for n, text in enumerate(texts)])
    roster = {"path": "roster.jsonl", "format": "jsonl", "columns": {"badge": "OTHER_ID"}}
    change(folder, roster=roster)
    run("run", "--canary-notes", "0")
    assert stored_texts(folder).count("blue-heron-q") == 1


def test_an_audit_writes_a_report_and_sheets_without_an_identifier(run, folder):
    run("run", "--canary-notes", "0")
    answer = run("audit", "--canary-notes", "4", "--sheet-notes", "3")
    assert "less than 95.0%" in answer.complaint()
    with pytest.raises(DeidentificationError, match=r"audit of .+ failed: .*less than 95\.0%"):
        opened_store(folder).measures.check_audit_passed()
    (made,) = (folder / "site-home" / "deid").iterdir()
    assert {path.name for path in made.iterdir()} == {
        "audit.html", "audit.json", "review.csv", "review.html",
    }  # fmt: skip
    assert "De-identification audit of north" in (made / "audit.html").read_text()
    assert NAME.encode() not in everything_under(made)
    assert NUMBER.encode() not in everything_under(made)
    with (made / "review.csv").open() as sheet:
        assert len(list(csv.DictReader(sheet))) == 6


def test_a_run_is_written_to_the_sites_own_mlflow_in_rounded_counts(run, folder):
    mlflow = pytest.importorskip("mlflow")
    change(folder, tracking={"uri": f"sqlite:///{folder}/mlflow.db"})
    write_jsonl(folder / "notes.jsonl", [*rows(), *(note_row(n) for n in range(10, 20))])
    assert run("run", "--canary-notes", "0").code == 0
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("de-identification")
    (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.data.metrics["deid.notes"] == 20
    assert "deid.quarantined" not in logged.data.metrics
    assert logged.data.tags["deid.policy"].startswith("sha256:")


def test_gold_is_scored_with_a_table_that_holds_no_text(run, folder):
    gold = {
        "id": "g1",
        "text": f"Mr. {NAME} was seen.",
        "spans": [{"start": 4, "end": 15, "label": "NAME"}],
    }
    write_jsonl(folder / "gold.jsonl", [gold])
    answer = run("score", "--gold", "gold.jsonl", "--profile", "fast")
    assert answer.code == 0, answer
    assert "100.00%" in answer.out
    table = (folder / "detected-vs-gold.csv").read_text()
    assert "g1,4,15,NAME,NAME,found," in table
    assert NAME not in table
    run("score", "--gold", "gold.jsonl", "--profile", "fast", "--with-text")
    assert NAME in (folder / "detected-vs-gold.csv").read_text()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("gold.jsonl", "{}", "gold.jsonl: line 1 of the gold file is no document"),
        ("gold.xml", "<x/>", "has no TEXT or no TAGS"),
        ("gold.ann", "T1\tNAME 0 4\tJohn\n", "no gold at gold.txt"),
        ("gold.doc", "?", "name the gold's format with --format"),
    ],
)
def test_gold_that_cannot_be_read_is_one_line(run, folder, name, content, reason):
    (folder / name).write_text(content)
    assert reason in run("score", "--gold", name).complaint()


@pytest.mark.parametrize("out", [".", "nowhere/table.csv"])
def test_a_table_that_could_not_be_written_is_refused_before_anything_is_scored(run, out):
    complaint = run("score", "--gold", "none", "--out", out).complaint()
    assert complaint == (
        f"fedclinic-site: --out {out} is no place for a file: name one in a folder"
    )


def test_gold_that_is_not_there_is_named_whatever_its_format(run):
    assert run("score", "--gold", "none").complaint() == "fedclinic-site: no gold at none"


def place_of(folder: Path, **changes: Any) -> SitePlace:
    policy = yaml.safe_load(
        (Path(__file__).parents[2] / "policies" / "deidentification.yaml").read_text()
    )
    (folder / "policy.yaml").write_text(yaml.safe_dump(policy | changes))
    choice = {"mode": "safe_harbor", "profile": "fast", "policy": "policy.yaml"}
    change(folder, deidentification=choice)
    return SitePlace(config=str(folder / "site.yaml"), home=str(folder / "site-home"))


def test_a_note_that_takes_too_long_is_refused_and_the_next_one_treated(folder):
    place = place_of(folder, max_seconds_per_note=1.5)
    slow = Job(0, Note("slow", "p", "Dr. Smith saw the patient. " * 70_000))
    quick = Job(1, Note("quick", "p", "Mr. Smith was seen."))
    with DetectionPool(place, 1.5) as pool:
        refused, treated = pool.treat([slow, quick])
    assert refused == Refused("detection took longer than 1.5 seconds")
    assert not isinstance(treated, Refused)


def test_a_detection_process_that_dies_refuses_one_note(folder):
    with DetectionPool(place_of(folder), 60) as pool:
        job = Job(0, Note("n", "p", "Mr. Smith was seen."))
        assert not isinstance(pool.treat([job])[0], Refused)
        process = pool.borrow()
        assert process.identity is not None
        os.kill(process.identity, 9)
        pool.give_back(process)
        assert pool.treat([job]) == [Refused("the detection process ended with SIGKILL")]
        assert not isinstance(pool.treat([job])[0], Refused)


def test_a_detector_that_cannot_be_opened_is_one_line(run, folder):
    place_of(folder, embedded_detector_alone=False)
    complaint = run("run", "--canary-notes", "0").complaint()
    assert "the policy asks for a site model beside the embedded detectors" in complaint


def test_a_plan_that_is_missing_is_one_line(run):
    assert "no plan at p.yaml" in run("run", "--plan", "p.yaml").complaint()


def test_review_sheets_that_people_filled_in_count_in_the_next_audit(run, folder):
    run("run", "--canary-notes", "0")
    run("audit", "--canary-notes", "0", "--sheet-notes", "3", "--reviewer", "a")
    (made,) = (folder / "site-home" / "deid").iterdir()
    with (made / "review.csv").open() as sheet:
        filled = [
            {name: value or "0" for name, value in row.items()} for row in csv.DictReader(sheet)
        ]
    with (folder / "filled.csv").open("w") as sheet:
        writer = csv.DictWriter(sheet, filled[0])
        writer.writeheader()
        writer.writerows(filled)
    answer = run("audit", "--canary-notes", "0", "--sheet-notes", "0", "--reviewed", "filled.csv")
    assert "recall of PERSON is at least" in answer.complaint()
    newest = sorted((folder / "site-home" / "deid").iterdir())[-1]
    report = json.loads((newest / "audit.json").read_text())
    assert report["reviews"]["PERSON"]["left_in_text"] == 0
    assert report["reviews"]["PERSON"]["found_by_detector"] > 0


@pytest.mark.parametrize("part", [TREAT, MEASURE, deid_flow.DEIDENTIFY, deid_flow.MEASURE_AGAIN])
def test_a_clusters_worker_finds_tasks_and_flows_by_their_names(part):
    assert cloudpickle.loads(cloudpickle.dumps(part)).fn is part.fn


@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_notes_are_deidentified_by_the_workers_of_a_cluster(folder, kind):
    pytest.importorskip(f"prefect_{kind}", reason=f"the extra {kind} is optional, and not in dev")
    change(folder, task_runner={"kind": kind, "processes": 1})
    done = subprocess.run(
        [sys.executable, "-m", "site_agent", "deid", "run", "--canary-notes", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "6 notes of 7 patients may be used, 1 are in quarantine" in done.stdout
