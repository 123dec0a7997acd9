"""The whole path over the exchange, with real processes, TLS and signals."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedclinic.evidence.keys import SigningKey
from flows.run_store import RunStore
from site_agent.site_home import SiteHome
from site_agent.synthesize import write_cohort
from tests.end_to_end.conftest import HOSPITALS, ROUNDS
from tests.end_to_end.hospitals import Hospitals, open_hospitals

Finished = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def hospitals(
    tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path
) -> Iterator[Hospitals]:
    root = tmp_path_factory.mktemp("hospitals")
    write_cohort(
        root / "notes", hospitals=HOSPITALS, patients=12, test_patients=8, alpha=1.0, seed=3
    )
    hospitals = Hospitals(root, tiny_model_folder, root / "notes")
    try:
        yield open_hospitals(hospitals)
    finally:
        hospitals.stop()


def newest_run(hospitals: Hospitals) -> RunStore:
    runs = (hospitals.workspace / "runs").iterdir()
    return RunStore(max(runs, key=lambda path: path.stat().st_ctime))


def test_hospitals_train_a_model_although_processes_are_killed(hospitals: Hospitals) -> None:
    """kill -9 of the work process, the agent, the exchange and the coordinator, in one run."""
    plan = hospitals.write_plan(quorum=2, deadline_minutes=4)
    hospitals.start("coordinator", hospitals.coordinator("train", str(plan), "--no-compare"))
    hospitals.wait_for(lambda: stage_seen(hospitals, "north"))
    hospitals.kill_work("north")
    hospitals.wait_for(lambda: bool((hospitals.workspace / "runs").is_dir()))
    hospitals.wait_for(lambda: len(newest_run(hospitals).rounds()) >= 1)
    hospitals.kill("south")
    hospitals.start_agent("south")
    hospitals.wait_for(lambda: len(newest_run(hospitals).rounds()) >= 2)
    hospitals.kill("exchange")
    hospitals.start_exchange()
    hospitals.kill("coordinator")
    run = newest_run(hospitals)
    resumed = hospitals.ask(hospitals.coordinator("train", "--resume", run.name))
    assert resumed.returncode == 0, resumed.stderr[-2000:]
    records = run.rounds()
    assert [record.round_number for record in records] == list(range(ROUNDS + 1))
    for record in records[1:]:
        assert {outcome.verdict for outcome in record.outcomes} == {"admitted"}
    for site in HOSPITALS:
        assert hospitals.charged(site) == list(range(1, ROUNDS + 1))


def public_key(home: SiteHome) -> str:
    """What a hospital would hand to an auditor."""
    return SigningKey.from_pem(home.signing_key.read_bytes()).public.raw.hex()


def checked(hospitals: Hospitals, keys: dict[str, str], witnesses: int) -> Finished:
    """Verify the newest run's bundle with the keys that the hospitals gave."""
    bundle, trust = hospitals.root / "bundle.json", hospitals.root / "trust.json"
    run = newest_run(hospitals).name
    hospitals.ask(hospitals.coordinator("audit", "bundle", run, "--out", str(bundle)))
    coordinator = hospitals.workspace / "keys" / "coordinator.pem"
    given = [f"--site={site}={key}" for site, key in keys.items()]
    made = hospitals.ask(
        hospitals.coordinator(
            "audit", "trust", "--bundle", str(bundle), *given,
            "--coordinator", SigningKey.from_pem(coordinator.read_bytes()).public.raw.hex(),
            "--witnesses", str(witnesses), "--out", str(trust),
        )
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    files = ["--bundle", str(bundle), "--trust", str(trust)]
    return hospitals.ask([sys.executable, "-m", "flows", "audit", "verify", *files])


@pytest.fixture(scope="module")
def first_keys(hospitals: Hospitals) -> dict[str, str]:
    """The keys with which the hospitals joined."""
    return {site: public_key(SiteHome(hospitals.home(site))) for site in HOSPITALS}


def test_every_hospital_cosigned_the_log_though_processes_were_killed(
    hospitals: Hospitals, first_keys: dict[str, str]
) -> None:
    result = checked(hospitals, first_keys, witnesses=len(HOSPITALS))
    assert (result.returncode, result.stdout.count("\n")) == (0, 1), result.stdout
    assert result.stdout.endswith("VERIFIED\n")


def test_a_hospital_changes_its_key_while_its_agent_is_stopped(
    hospitals: Hospitals, first_keys: dict[str, str]
) -> None:
    refused = hospitals.ask(hospitals.site("north", "rotate"))
    assert refused.returncode == 2
    assert "another agent works in" in refused.stderr
    hospitals.kill("north")
    rotated = hospitals.ask(hospitals.site("north", "rotate"))
    assert rotated.returncode == 0, rotated.stderr
    heard = calls_of(hospitals, "north")
    hospitals.start_agent("north")
    hospitals.wait_for(lambda: calls_of(hospitals, "north") > heard)
    assert public_key(SiteHome(hospitals.home("north"))) != first_keys["north"]


def calls_of(hospitals: Hospitals, site: str) -> int:
    return sum(call["site"] == site for call in hospitals.calls())


def stage_seen(hospitals: Hospitals, site: str) -> bool:
    routes = [call["route"] for call in hospitals.calls() if call["site"] == site]
    return "/v1/tasks/{task}/heartbeat" in routes


def test_a_site_that_goes_away_holds_nobody_up(hospitals: Hospitals) -> None:
    hospitals.kill("south")
    transport = {"kind": "exchange", "absent_seconds": 4}
    plan = hospitals.write_plan(quorum=1, rounds=1, transport=transport)
    done = hospitals.ask(hospitals.coordinator("train", str(plan), "--no-compare"))
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes = {outcome.site: outcome for outcome in newest_run(hospitals).rounds()[-1].outcomes}
    assert outcomes["north"].verdict == "admitted"
    assert outcomes["south"].verdict == "late"
    assert "site south is absent" in outcomes["south"].reason


def test_a_log_in_which_a_key_was_changed_verifies_with_the_key_that_was_given_before(
    hospitals: Hospitals, first_keys: dict[str, str]
) -> None:
    result = checked(hospitals, first_keys, witnesses=1)
    assert result.returncode == 0, result.stdout
    bundle = json.loads((hospitals.root / "bundle.json").read_text())
    kinds = [json.loads(base64.b64decode(e["payload"]))["predicateType"] for e in bundle["entries"]]
    assert kinds.count("urn:fedclinic:v1:key-rotated") == 1
    exchanged = first_keys | {"north": first_keys["south"]}
    assert "key.foreign" in checked(hospitals, exchanged, witnesses=1).stdout


def test_a_second_agent_of_a_home_is_told_that_there_is_one(hospitals: Hospitals) -> None:
    second = hospitals.ask(hospitals.site("north", "run"))
    assert second.returncode == 2
    assert second.stderr.strip().endswith(f"another agent works in {hospitals.home('north')}")


def test_a_revoked_site_is_told_so_and_its_agent_ends(hospitals: Hospitals) -> None:
    hospitals.ask(hospitals.coordinator("site", "revoke", "north"))
    assert hospitals.running["north"].wait(60) == 2
    assert "revoked this site's key" in (hospitals.root / "north.log").read_text()
    shown = hospitals.ask(hospitals.coordinator("site", "list")).stdout
    assert "revoked" in shown
