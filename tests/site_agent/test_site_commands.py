"""What a site's administrator types: a mistake is one line, exit code 2, and nothing half-made."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from site_agent.__main__ import main
from tests.command_line import Answer, type_here, type_in_a_process
from tests.factories import make_plan, note_row, plan_values, site_values, write_jsonl
from tests.tiny_site import COORDINATOR, public_text

Type = Callable[..., Answer]
SECRET = "Quackenbush"


@pytest.fixture
def folder(tmp_path: Path, tiny_model_folder: Path) -> Path:
    """An administrator's folder: site.yaml, notes, and the federation's plan."""
    write_jsonl(tmp_path / "notes.jsonl", [note_row(n) for n in range(5)])
    values = site_values(Path("notes.jsonl"))
    values["permissions"] |= {
        "coordinators": [public_text(COORDINATOR)],
        "models": {"tiny": str(tiny_model_folder)},
    }
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    (tmp_path / "federation.yaml").write_text(yaml.safe_dump(plan_values()), encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Type:
    monkeypatch.chdir(folder)

    def typed(*arguments: str) -> Answer:
        return type_here(main, list(arguments), monkeypatch, capsys)

    return typed


def change(path: Path, **values: Any) -> None:
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values), encoding="utf-8")


def test_a_site_that_is_ready_is_told_so(run):
    answer = run("check", "--plan", "federation.yaml")
    assert answer.code == 0
    assert "5 notes of 5 patients, labels in the plan" in answer.out
    assert answer.out.endswith("ready\n")


def test_a_missing_configuration_is_one_line_in_a_process_of_its_own(tmp_path):
    answer = type_in_a_process("site_agent", ["check", "--plan", "p.yaml"], tmp_path)
    assert answer.complaint() == "fedclinic-site: no site configuration at site.yaml"
    assert list(tmp_path.iterdir()) == []


CHECK = ("check", "--plan", "federation.yaml")


def spoil_label(folder: Path) -> None:
    write_jsonl(folder / "notes.jsonl", [note_row(0, label=SECRET)])


def spoil_twice(folder: Path) -> None:
    write_jsonl(folder / "notes.jsonl", [note_row(0, text=SECRET)] * 2)


def spoil_utf8(folder: Path) -> None:
    (folder / "notes.jsonl").write_bytes(f"{SECRET} Grüße".encode("latin-1"))


def spoil_plan(**values: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder / "federation.yaml", **values)


def spoil_site(**values: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder / "site.yaml", **values)


def spoil_ledger(folder: Path) -> None:
    (folder / "site-home").mkdir()
    (folder / "site-home" / "ledger.sqlite").write_bytes(b"")


def spoil_model(folder: Path) -> None:
    permissions = yaml.safe_load((folder / "site.yaml").read_text())["permissions"]
    spoil_site(permissions=permissions | {"models": {"tiny": "empty"}})(folder)
    (folder / "empty").mkdir()


def spoil_key(folder: Path) -> None:
    permissions = yaml.safe_load((folder / "site.yaml").read_text())["permissions"]
    spoil_site(permissions=permissions | {"coordinators": ["xyz"]})(folder)


def mark_diseases_only(folder: Path) -> None:
    """Notes that mark diseases, under a plan that learns drugs too."""
    marks = [{"start": 0, "end": 4, "label": "Disease"}]
    write_jsonl(folder / "notes.jsonl", [note_row(n, entities=marks) for n in range(5)])
    spoil_site(
        notes={"path": "notes.jsonl", "format": "jsonl", "fields": {"entities": "entities"}}
    )(folder)
    labels = ["Disease", "Drug"]
    task = {"kind": "token_classification", "labels": labels, "max_tokens": 32}
    spoil_plan(task=task)(folder)


MISTAKES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no plan": (lambda f: (f / "federation.yaml").unlink(), "no plan at federation.yaml"),
    "a plan that is a folder": (
        lambda f: (f / "federation.yaml").unlink() or (f / "federation.yaml").mkdir(),
        "cannot read plan federation.yaml: Is a directory",
    ),
    "a plan with an unknown field": (spoil_plan(ronds=3), "unknown field 'ronds'; did you mean"),
    "a quorum above the sites": (spoil_plan(quorum=9), "quorum: 9 is larger than the 2 sites"),
    "more blocks than the model": (
        spoil_plan(layers={"top": 99}),
        "the plan trains 99 blocks, and the model has 3",
    ),
    "an unknown field": (spoil_site(devise="cpu"), "unknown field 'devise'; did you mean 'device'"),
    "a key that is none": (spoil_key, "permissions.coordinators: a key is not base64 of 32"),
    "no notes": (lambda f: (f / "notes.jsonl").unlink(), "check notes.path in site.yaml"),
    "an empty site": (lambda f: (f / "notes.jsonl").write_text(""), "no note belongs to this site"),
    "too few patients": (spoil_site(min_patients=6), "5 patients and min_patients is 6"),
    "a label that is not in the plan": (spoil_label, "'label' holds a label that is not in the"),
    "a note identifier twice": (spoil_twice, "notes.jsonl:2: note identifier occurs a second"),
    "a note that is not UTF-8": (spoil_utf8, "notes.jsonl:1: not UTF-8"),
    "a folder that is no model": (spoil_model, "empty is not a model folder"),
    "an emptied ledger": (spoil_ledger, "is empty: restore the ledger, never start a new one"),
    "a configuration that is not UTF-8": (
        lambda f: (f / "site.yaml").write_bytes(b"site: \xff"),
        "cannot read site configuration site.yaml: not UTF-8",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_that_says_where_and_what(run, folder, mistake):
    spoil, reason = MISTAKES[mistake]
    spoil(folder)
    complaint = run(*CHECK).complaint()
    assert complaint.startswith("fedclinic-site: ")
    assert reason in complaint
    assert SECRET not in complaint


def test_a_label_that_no_note_marks_is_told_to_the_site_and_is_no_mistake(run, folder):
    mark_diseases_only(folder)
    answer = run(*CHECK)
    assert answer.code == 0
    assert "no note marks 'Drug': rare is fine; where nobody looked for it, ask" in answer.out


def test_a_site_whose_labels_the_plan_lists_is_not_asked_about_the_others(run, folder):
    mark_diseases_only(folder)
    sites = [
        {"name": "north", "weight": 1, "labels": ["Disease"]},
        {"name": "south", "weight": 3},
    ]
    change(folder / "federation.yaml", sites=sites)
    out = run(*CHECK).out
    assert "5 notes of 5 patients, labels in the plan" in out
    assert "no note marks" not in out


@pytest.mark.parametrize("text", ["north", "", "="])
def test_a_substitution_that_is_none_is_refused(run, text):
    assert run(*CHECK, "--set", text).complaint() == (
        f"fedclinic-site: --set {text}: expected NAME=VALUE"
    )


def test_a_substitution_reaches_the_configuration(run, folder):
    change(folder / "site.yaml", site="{name}")
    assert "site south" in run(*CHECK, "--set", "name=south").out


@pytest.mark.parametrize(
    "arguments",
    [["no-such-command"], ["join"], ["check", "--plan"], ["check", "--what"], ["ledger", "burn"]],
)
def test_a_command_that_does_not_exist_is_explained_in_one_line(run, arguments):
    said = run(*arguments).complaint()
    assert re.fullmatch(r"(fedclinic-site[a-z ]*): .+\. See \1 --help", said)


@pytest.mark.parametrize("command", ["show", "verify", "export"])
def test_the_ledger_of_a_new_site_can_be_looked_at(run, command):
    answer = run("ledger", command)
    assert answer.code == 0
    assert answer.errors == ""


def test_an_exported_ledger_is_json_lines(run):
    rows = [json.loads(line) for line in run("ledger", "export").out.splitlines()]
    assert [(row["sequence"], row["event"], row["site"]) for row in rows] == [
        (1, "opened", "north")
    ]


def test_a_home_that_cannot_be_written_is_one_line(run, folder):
    (folder / "blocked").write_text("")
    complaint = run(*CHECK, "--home", "blocked/home").complaint()
    assert "blocked" in complaint


def test_a_plan_is_the_same_for_the_site_and_the_coordinator():
    assert make_plan().digest() == make_plan(**plan_values()).digest()


def test_synthetic_notes_are_what_a_site_can_read(run, folder):
    out = folder / "cohort"
    answer = run(
        "synthesize", "--out", str(out), "--patients", "4", "--test-patients", "2",
        "--hospitals", "north,south",
    )  # fmt: skip
    assert answer.code == 0
    names = {path.name for path in out.iterdir()}
    assert names == {"north.jsonl", "south.jsonl", "all.jsonl", "test.jsonl"}
    everything = (out / "all.jsonl").read_text(encoding="utf-8").splitlines()
    parts = [
        line
        for name in ("north", "south")
        for line in (out / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert sorted(everything) == sorted(parts)
    assert len({json.loads(line)["id"] for line in everything}) == len(everything)


@pytest.mark.parametrize("hospitals", ["", ",", "../north", "north,north", "A B", "all", "test"])
def test_hospitals_that_could_not_be_file_names_are_refused(run, folder, hospitals):
    out = folder / "cohort"
    answer = run("synthesize", "--out", str(out), "--hospitals", hospitals)
    assert answer.complaint().startswith("fedclinic-site: ")
    assert not out.exists()


def test_what_nobody_expected_is_told_without_its_message(folder, monkeypatch, capsys):
    def fail() -> None:
        raise RuntimeError(f"{SECRET} was seen for cough")

    monkeypatch.setattr("site_agent.__main__.cli", lambda **options: fail())
    answer = type_here(main, ["check"], monkeypatch, capsys)
    assert answer.code == 1
    assert answer.errors.startswith("fedclinic-site: unexpected RuntimeError at ")
    assert SECRET not in answer.errors + answer.out
