"""What a research engineer types: a mistake is one line, exit code 2, and nothing half-made."""

import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from fedclinic.digest import digest_bytes
from flows.__main__ import main
from flows.coordinator_key import load_coordinator_key, public_text
from flows.run_store import RunHeader, RunStore
from flows.settings import Workspace, open_workspace
from tests.command_line import Answer, type_here, type_in_a_process
from tests.factories import make_plan, make_unprotected, plan_values

Type = Callable[..., Answer]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Type:
    monkeypatch.chdir(tmp_path)

    def typed(*arguments: str) -> Answer:
        return type_here(main, list(arguments), monkeypatch, capsys)

    return typed


def write_plan(folder: Path, **changes: object) -> Path:
    values = plan_values(privacy=make_unprotected().model_dump()) | changes
    path = folder / "federation.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def test_a_valid_plan_is_told_in_words(run, tmp_path):
    write_plan(tmp_path)
    answer = run("config", "check", "federation.yaml")
    assert answer.code == 0
    assert "trial: the plan is valid" in answer.out
    assert "north, south (quorum 1)" in answer.out


def test_an_unknown_field_is_one_line_in_a_process_of_its_own(tmp_path):
    path = write_plan(tmp_path, ronds=3)
    line = 1 + path.read_text().splitlines().index("ronds: 3")
    answer = type_in_a_process("flows", ["config", "check", "federation.yaml"], tmp_path)
    assert answer.complaint().startswith(
        f"fedclinic: federation.yaml:{line}: unknown field 'ronds'; did you mean 'rounds'? allowed:"
    )
    assert [each.name for each in tmp_path.iterdir()] == ["federation.yaml"]


def test_a_plan_that_is_not_there_is_one_line(run):
    assert run("train", "none.yaml").complaint() == "fedclinic: no plan at none.yaml"


def test_notes_that_are_nowhere_start_no_run(run, tmp_path):
    write_plan(tmp_path)
    answer = run("train", "federation.yaml", "--data", "nowhere")
    assert answer.complaint() == (
        "fedclinic: no folder nowhere: --data names the folder that holds the sites' notes"
    )
    assert [each.name for each in tmp_path.iterdir()] == ["federation.yaml"]


def test_training_needs_a_plan_or_a_run(run):
    assert run("train").complaint() == "fedclinic: name a plan, or a run with --resume"


def test_a_quorum_above_the_sites_is_one_line(run, tmp_path):
    write_plan(tmp_path, quorum=9)
    assert "quorum: 9 is larger than the 2 sites" in run("train", "federation.yaml").complaint()


def test_a_run_that_does_not_exist_is_refused_with_those_that_do(run, tmp_path):
    store = RunStore(tmp_path / "space" / "runs" / "run-a")
    store.write_header(RunHeader(run="run-a", title="t", plan=make_plan(), data="."))
    complaint = run("train", "--resume", "run-b", "--workspace", "space").complaint()
    assert complaint.startswith("fedclinic: no run 'run-b' in ")
    assert complaint.endswith("; there are run-a")


@pytest.mark.parametrize("name", ["../../x", "space/runs/run-a", "Run-A", ""])
@pytest.mark.parametrize("command", [["train", "--resume"], ["audit", "replay"]])
def test_what_is_no_runs_name_is_answered_with_what_one_looks_like(run, command, name, tmp_path):
    complaint = run(*command, name, "--workspace", "space").complaint()
    assert complaint == (
        f"fedclinic: {name!r} is no run's name, which is like trial-main-20260102-030405-6a7b, "
        f"without a folder; list the runs with: ls {tmp_path}/space/runs"
    )


@pytest.mark.parametrize(
    "command", [["status"], ["site", "list"], ["site", "invite", "north"], ["site", "revoke", "x"]]
)
def test_a_folder_without_an_exchange_is_named_and_left_as_it_was(run, command, tmp_path):
    complaint = run(*command, "--workspace", "space").complaint()
    assert complaint == (
        f"fedclinic: no exchange was ever started in {tmp_path}/space: name the coordinator's "
        "folder with --workspace, or start one with fedclinic up"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_key_is_named_and_never_made_anew(run, tmp_path):
    run("key", "show", "--workspace", "space")
    path = tmp_path / "space" / "keys" / "coordinator.pem"
    path.write_text("", encoding="utf-8")
    assert run("key", "show", "--workspace", "space").complaint() == (
        f"fedclinic: {path}: key: not an unencrypted PEM private key: put it back from your backup"
    )
    assert path.read_bytes() == b""


def archive_in(folder: Path, *, listed: bool = True) -> Path:
    """An archive of one file of random bytes, which no compression makes smaller."""
    content = os.urandom(100_000)
    (folder / "blob").write_bytes(content)
    manifest = {"blobs/one": digest_bytes(content)} if listed else {}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with tarfile.open(folder / "archive.tar.gz", "w:gz") as tar:
        tar.add(folder / "manifest.json", "manifest.json")
        tar.add(folder / "blob", "blobs/one")
    return folder / "archive.tar.gz"


@pytest.mark.parametrize("kept", [0, 10, 50_000, 99_990])
def test_an_archive_that_is_cut_short_restores_nothing_and_is_copied_again(run, tmp_path, kept):
    archive = archive_in(tmp_path)
    whole = archive.read_bytes()
    archive.write_bytes(whole[:kept])
    complaint = run("audit", "restore", "archive.tar.gz", "--workspace", "space").complaint()
    assert complaint.startswith("fedclinic: archive.tar.gz is no whole archive (")
    assert list((tmp_path / "space").iterdir()) == []
    archive.write_bytes(whole)
    assert run("audit", "restore", "archive.tar.gz", "--workspace", "space").code == 0


def test_an_archive_with_a_file_that_nobody_listed_restores_nothing(run, tmp_path):
    archive_in(tmp_path, listed=False)
    complaint = run("audit", "restore", "archive.tar.gz", "--workspace", "space").complaint()
    assert complaint == "fedclinic: archive.tar.gz: blobs/one is not listed"
    assert list((tmp_path / "space").iterdir()) == []


def test_a_key_that_is_made_by_being_asked_for_is_told_to_be_new(run, tmp_path):
    first = run("key", "show", "--workspace", "space")
    again = run("key", "show", "--workspace", "space")
    assert first.errors == f"{tmp_path}/space had no coordinator's key: this one is new\n"
    assert (again.code, again.out, again.errors) == (0, first.out, "")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["burn"], "fedclinic: No such command 'burn'. See fedclinic --help"),
        (["train", "--what"], "fedclinic train: No such option"),
        (
            ["demo", "--patients", "3"],
            "fedclinic demo: Invalid value for '--patients': 3 is not in",
        ),
        (["audit", "account", "trial", "eve", "--mlflow", "x"], "Missing option '--role'."),
        (
            ["ui", "--mlflow-port", "99999"],
            "fedclinic ui: Invalid value for '--mlflow-port': 99999",
        ),
    ],
)
def test_a_command_that_does_not_exist_is_explained_in_one_line(run, arguments, reason):
    assert reason in run(*arguments).complaint()


def test_a_command_without_a_word_shows_what_there_is(run):
    answer = run()
    assert answer.code == 2
    assert "Commands:" in answer.errors


# --- the workspace


def test_the_workspace_is_the_argument_then_the_variable_then_a_folder_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FEDCLINIC_WORKSPACE", raising=False)
    assert open_workspace(None).root == tmp_path / "workspace"
    monkeypatch.setenv("FEDCLINIC_WORKSPACE", "elsewhere")
    assert open_workspace(None).root == tmp_path / "elsewhere"
    assert open_workspace("given").root == tmp_path / "given"


def test_the_coordinators_key_is_made_once_for_its_user_alone(tmp_path):
    workspace = Workspace(tmp_path / "space")
    key = load_coordinator_key(workspace)
    assert load_coordinator_key(workspace).public == key.public
    assert workspace.signing_key.stat().st_mode & 0o777 == 0o600
    assert len(public_text(key)) == 44
