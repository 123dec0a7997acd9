"""The whole path through the command line, with real processes, Prefect and MLflow."""

import signal
import subprocess
from pathlib import Path

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.statement import open_record, statement_kind
from fedclinic.rounds import SiteReport
from flows.rounds import REPORT_KIND
from flows.run_store import RunStore
from site_agent.ledger_file import LedgerFile
from site_agent.site_home import SiteHome
from tests.end_to_end.conftest import HOSPITALS, LABELS, ROUNDS, Setting
from tests.processes import listen_to_interrupts

BUDGET_KINDS = ("budget-reserved", "budget-use-begun", "budget-committed")
Finished = subprocess.CompletedProcess[str]


def client_of(setting: Setting) -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{setting.workspace / 'mlflow.db'}")


def runs_of(setting: Setting, wanted: str) -> list[mlflow.entities.Run]:
    client = client_of(setting)
    experiment = client.get_experiment_by_name("tiny")
    return client.search_runs([experiment.experiment_id], wanted, order_by=["start_time ASC"])


def parent_of(setting: Setting) -> mlflow.entities.Run:
    return runs_of(setting, "tags.`fedclinic.run` LIKE 'tiny-main-%'")[0]


def committed_rounds(setting: Setting, site: str) -> dict[str, list[int]]:
    """Rounds that a site's ledger charged, by run."""
    ledger = LedgerFile.open(setting.site_home(site) / "ledger.sqlite", site=site, clock=later)
    events = [event for _, event in ledger.history()]
    ledger.close()
    reserved = {event.hold: event for event in events if event.event == "reserved"}
    charged: dict[str, list[int]] = {}
    for event in events:
        if event.event == "committed":
            hold = reserved[event.hold]
            charged.setdefault(hold.run, []).append(hold.round_number)
    return charged


def later() -> float:
    return 4e9


def test_a_federation_runs_to_its_end_and_shows_quality_and_budgets(finished: Finished) -> None:
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert f"round {ROUNDS}" in finished.stdout
    assert "accuracy" in finished.stdout
    assert "Privacy budget at each site" in finished.stdout
    assert "Traceback" not in finished.stderr


def test_mlflow_holds_the_plan_the_guarantee_and_a_curve_over_rounds(
    setting: Setting, finished: Finished
) -> None:
    assert finished.returncode == 0
    parent = parent_of(setting)
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["dp.unit"] == "patient"
    assert parent.data.tags["dp.accountant"] == "PLD"
    assert parent.data.params["privacy.clipping_norm"] == "1.0"
    history = client_of(setting).get_metric_history(parent.info.run_id, "dp.epsilon")
    spent = [point.value for point in sorted(history, key=lambda point: point.step)]
    assert len(spent) == ROUNDS
    assert spent == sorted(spent)
    assert 0 < spent[-1] <= 4.0


def test_mlflow_nests_a_run_for_every_round_and_site(setting: Setting, finished: Finished) -> None:
    assert finished.returncode == 0
    parent = parent_of(setting).info.run_id
    nested = runs_of(setting, f"tags.`mlflow.parentRunId` = '{parent}'")
    names = {run.info.run_name for run in nested}
    assert names == {f"round {n}" for n in range(1, ROUNDS + 1)} | {f"site {s}" for s in HOSPITALS}
    site = next(run for run in nested if run.info.run_name == "site north")
    assert site.data.tags[f"round.{ROUNDS}.update"].startswith("sha256:")
    assert site.data.metrics["budget.cap_epsilon"] > site.data.metrics["budget.spent_epsilon"] > 0


def test_the_registered_model_predicts_a_note(
    setting: Setting, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert finished.returncode == 0
    monkeypatch.setenv("FEDCLINIC_BASE_MODEL", str(setting.model))
    client = client_of(setting)
    version = client.search_model_versions("name = 'tiny'")[-1]
    local = mlflow.artifacts.download_artifacts(
        artifact_uri=version.source, tracking_uri=f"sqlite:///{setting.workspace / 'mlflow.db'}"
    )
    model = mlflow.pyfunc.load_model(local)
    assert model.metadata.signature is not None
    assert model.input_example is not None
    answers = model.predict([{"text": "Seen for asthma; wheezing improved on albuterol."}])
    assert set(answers) <= set(LABELS)


def test_every_round_was_charged_once_at_every_site(setting: Setting, finished: Finished) -> None:
    assert finished.returncode == 0
    for site in HOSPITALS:
        runs = [
            rounds for run, rounds in committed_rounds(setting, site).items() if "-main-" in run
        ]
        assert runs[0] == list(range(1, ROUNDS + 1))


def test_every_statement_is_kept_as_its_site_signed_it(
    setting: Setting, finished: Finished
) -> None:
    assert finished.returncode == 0
    run = setting.workspace / "runs" / parent_of(setting).data.tags["fedclinic.run"]
    for site in HOSPITALS:
        home = SiteHome(setting.site_home(site))
        key = SigningKey.from_pem(home.signing_key.read_bytes())
        for number in range(1, ROUNDS + 1):
            statements = RunStore(run).answer(number, site)
            stated = [statement_kind(statement) for statement in statements]
            kinds = [kind for kind in stated if kind != "policy-changed"]
            assert stated[-len(kinds) :] == kinds
            assert kinds == ["self-tested", *BUDGET_KINDS, "site-report"]
            report = open_record(statements[-1], {key.key_id: key.public}, REPORT_KIND, SiteReport)
            assert (report.site, report.round_number) == (site, number)
            assert report.self_test is not None


def test_no_text_of_any_note_reaches_the_coordinator(setting: Setting, finished: Finished) -> None:
    """Search everything that the coordinator keeps for stretches of the notes it never saw."""
    notes = (setting.root / "notes" / "all.jsonl").read_text().splitlines()
    stretches = {line.split('"text": "')[1][40:80].encode() for line in notes[:20]}
    kept = [
        path
        for path in setting.workspace.rglob("*")
        if path.is_file() and "sites" not in path.relative_to(setting.workspace).parts
    ]
    assert kept
    for path in kept:
        content = path.read_bytes()
        assert not [stretch for stretch in stretches if stretch in content], path


def test_an_interrupted_run_goes_on_and_no_round_is_charged_twice(
    setting: Setting, finished: Finished
) -> None:
    assert finished.returncode == 0
    process = subprocess.Popen(
        setting.command("train", str(setting.plan)),
        env=setting.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen_to_interrupts,  # noqa: PLW1509 - this process has no threads here
    )
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if "round 1" in line:
            process.send_signal(signal.SIGINT)
            break
    rest, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors[-2000:]
    assert "--resume" in said + rest
    assert "Traceback" not in errors
    run = newest_run(setting.workspace)
    assert len(run.rounds()) - 1 < ROUNDS
    resumed = setting.run("train", "--resume", run.name)
    assert resumed.returncode == 0, resumed.stderr[-2000:]
    assert [record.round_number for record in run.rounds()] == list(range(ROUNDS + 1))
    for site in HOSPITALS:
        assert committed_rounds(setting, site)[run.name] == list(range(1, ROUNDS + 1))


def test_a_finished_run_is_shown_again_and_nothing_is_charged(
    setting: Setting, finished: Finished
) -> None:
    assert finished.returncode == 0
    run = parent_of(setting).data.tags["fedclinic.run"]
    before = committed_rounds(setting, "north")
    again = setting.run("train", "--resume", run)
    assert again.returncode == 0, again.stderr[-2000:]
    assert "Privacy budget at each site" in again.stdout
    assert committed_rounds(setting, "north") == before


def newest_run(workspace: Path) -> RunStore:
    folders = sorted((workspace / "runs").iterdir(), key=lambda path: path.stat().st_mtime)
    return RunStore(folders[-1])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "nowhere.yaml"], "no plan at nowhere.yaml"),
        (["train", "--resume", "never-ran"], "no run 'never-ran'"),
        (["train"], "name a plan"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    setting: Setting, arguments: list[str], expected: str
) -> None:
    result = setting.run(*arguments)
    assert result.returncode == 2
    assert expected in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_label_outside_the_plan_stops_before_anything_is_charged(
    setting: Setting, tmp_path: Path
) -> None:
    plan = setting.plan.read_text().replace("- cardiology", "- dermatology")
    other = setting.root / "other.yaml"
    other.write_text(plan.replace("federation: tiny", "federation: other"))
    result = setting.run("train", str(other))
    assert result.returncode == 2
    assert "not in the plan" in result.stderr
    assert "site north" in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
