"""What a hospital promises its patients: the words of a note stay where the note is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from fedclinic.evidence.keys import VerifyKey
from fedclinic.evidence.statement import open_record, sign
from fedclinic.local_protocol import Answered, Problem, Reply
from fedclinic.plan import BaseModelRef, Layers
from fedclinic.rounds import PREPARE_KIND, PREPARED_KIND, TASK_KIND, SitePrepared
from tests.factories import (
    OTHER_DIGEST,
    make_learning_task,
    make_plan,
    make_prepare_task,
    make_round_task,
    make_signing_key,
    make_unprotected,
    make_work,
    note_row,
    site_values,
    write_jsonl,
)
from tests.pipe import Pipe, site_process
from tests.tiny_site import COORDINATOR, public_text

SECRETS = (
    "Quackenbush",
    "Zebulon",
    "8675309",
    "wombat",  # no identifier: a word of the note that de-identification leaves in it
    "patient-zq",
    "note-zq",
)
"""Planted in every note of the site below; none may be found in anything that it writes."""


def secret_row(number: int, **changes: Any) -> dict[str, Any]:
    text = (
        f"Mr. Zebulon Quackenbush (MRN 8675309-{number}) was seen for cough and a wombat bite. "
        f"Zebulon denies fever. Visit {number}."
    )
    values = {"id": f"note-zq-{number}", "patient_id": f"patient-zq-{number}", "text": text}
    return note_row(number) | values | changes


@dataclass
class Hospital:
    """A site's files, its process, and everything that was said or written."""

    root: Path
    model_folder: Path
    pipe: Pipe

    @property
    def notes(self) -> Path:
        return self.root / "private" / "notes.jsonl"

    def prepare(self, **changes: Any) -> Reply:
        return self.pipe.ask(sign(make_prepare_task(**changes), PREPARE_KIND, COORDINATOR))

    def train(self, number: int = 1, key: Any = COORDINATOR, **changes: Any) -> Reply:
        task = make_round_task(round_number=number, **changes)
        return self.pipe.ask(sign(task, TASK_KIND, key))


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path) -> Any:
    root = tmp_path_factory.mktemp("hospital")
    (root / "private").mkdir()
    values = site_values(Path("private/notes.jsonl"), min_patients=5)
    values["permissions"] |= {
        "coordinators": [public_text(COORDINATOR)],
        "models": {"tiny": str(tiny_model_folder)},
    }
    (root / "site.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    home, blobs, errors = root / "home", root / "blobs", root / "stderr.log"
    with site_process(root / "site.yaml", home, blobs, errors) as pipe:
        yield Hospital(root, tiny_model_folder, pipe)


def problem_of(reply: Reply) -> str:
    """Why a task was declined, in the words that stay on this machine."""
    assert isinstance(reply, Answered)
    return reply.answer.problem


def prepared_by(reply: Reply) -> SitePrepared:
    assert isinstance(reply, Answered)
    key = VerifyKey(bytes.fromhex(reply.key))
    return open_record(reply.answer.last, {key.key_id: key}, PREPARED_KIND, SitePrepared)


def rows(*changed: dict[str, Any]) -> list[dict[str, Any]]:
    return [secret_row(number) for number in range(9)] + list(changed)


def not_utf8(path: Path) -> None:
    write_jsonl(path, rows())
    path.write_bytes(path.read_bytes().replace(b"wombat bite", b"wombat bit\xe9"))


def cut_off(path: Path) -> None:
    write_jsonl(path, rows())
    path.write_bytes(path.read_bytes()[:-40])


WRONG_NOTES: dict[str, Callable[[Path], Any]] = {
    "an identifier twice": lambda path: write_jsonl(path, rows(secret_row(3))),
    "a label that is a name": lambda path: write_jsonl(path, rows(secret_row(9, label="Zebulon"))),
    "no label": lambda path: write_jsonl(path, rows(secret_row(9, label=None))),
    "no patient": lambda path: write_jsonl(path, rows(secret_row(9, patient_id=None))),
    "a note in a list": lambda path: write_jsonl(path, rows(secret_row(9, text=["wombat"]))),
    "too few patients": lambda path: write_jsonl(path, rows()[:4]),
    "nothing": lambda path: write_jsonl(path, []),
    "not UTF-8": not_utf8,
    "cut off": cut_off,
    "missing": lambda path: path.unlink(),
}


def damage_outbox(home: Path) -> None:
    """A report that is none: the message of the error that this raises would quote it."""
    (home / "outbox" / "run-a-2.json").write_text('{"report": "Zebulon Quackenbush wombat"}')


def test_note_text_never_leaves_the_site(hospital):
    """Every way to succeed and to fail, then a search of every byte said or written."""
    for name, spoil in WRONG_NOTES.items():
        spoil(hospital.notes)
        assert problem_of(hospital.prepare()), name
    write_jsonl(hospital.notes, rows(secret_row(9)))
    assert problem_of(hospital.prepare(layers=Layers(top=9)))
    assert problem_of(hospital.prepare(base_model=BaseModelRef(name="other")))
    labels = make_learning_task(labels=("surgery",))
    assert problem_of(hospital.prepare(task=labels))
    assert prepared_by(hospital.prepare()).deidentification.notes == 10
    write_jsonl(hospital.notes, rows(secret_row(9, text="Пациент Quackenbush поступил: wombat")))
    assert prepared_by(hospital.prepare()).deidentification.notes is None  # one in quarantine

    assert isinstance(hospital.train(key=make_signing_key(9)), Problem)
    unprotected = make_work(make_plan(privacy=make_unprotected().model_dump()))
    for refused in ({"site": "south"}, {"work": unprotected}, {"state": OTHER_DIGEST}):
        assert problem_of(hospital.train(**refused))
    assert problem_of(hospital.train()) == ""
    damage_outbox(hospital.root / "home")
    reply = hospital.train(number=2)
    assert isinstance(reply, Problem)
    assert reply.code == "unexpected"
    assert isinstance(hospital.pipe.send(b"Zebulon is no request"), Problem)

    said = b"".join(hospital.pipe.lines)
    (hospital.root / "home" / "outbox" / "run-a-2.json").unlink()
    written = {
        path: path.read_bytes()
        for path in hospital.root.rglob("*")
        if path.is_file() and path.parent.name != "private"
    }
    assert (hospital.root / "home" / "agent.log") in written
    assert len(list((hospital.root / "blobs").iterdir())) == 2, "an update and coordinates"
    assert said.count(b"\n") > 20
    for secret in SECRETS:
        for form in (secret, secret.lower(), secret.upper()):
            assert form.encode() not in said, f"{secret} was said"
            found = [path.name for path, content in written.items() if form.encode() in content]
            assert found == [], f"{secret} was written"


def test_what_a_site_writes_is_for_its_own_user_alone(hospital):
    home = hospital.root / "home"
    write_jsonl(hospital.notes, rows())
    hospital.prepare()
    modes = {p.name: p.stat().st_mode & 0o077 for p in home.rglob("*") if p.is_file()}
    assert {"ledger.sqlite", "notes.sqlite", "site.pem", "store.key", "hidden.npy"} <= set(modes)
    assert {name for name, others in modes.items() if others} == set()


def test_a_log_that_cannot_be_written_is_no_reason_to_say_more(hospital):
    log = hospital.root / "home" / "agent.log"
    log.unlink(missing_ok=True)
    log.mkdir()
    reply = hospital.pipe.send(b"Zebulon is no request")
    log.rmdir()
    assert isinstance(reply, Problem)
    assert reply.message == f"ValidationError; see {log}"
    assert b"Zebulon" not in (hospital.root / "stderr.log").read_bytes()


def test_an_unexpected_error_is_told_by_its_type_and_place_alone(hospital):
    outbox = hospital.root / "home" / "outbox"
    outbox.mkdir(exist_ok=True)
    (outbox / "run-b-1.json").write_text('{"report": "Zebulon Quackenbush wombat"}')
    reply = hospital.train(run="run-b")
    (outbox / "run-b-1.json").unlink()
    assert isinstance(reply, Problem)
    log = hospital.root / "home" / "agent.log"
    assert reply.message == f"ValidationError; see {log}"
    last = log.read_text().splitlines()
    assert "ValidationError" in last
    assert any("outbox.py" in line and "in find" in line for line in last)
