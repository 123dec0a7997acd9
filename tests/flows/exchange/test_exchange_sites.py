"""The coordinator's side of the exchange: it waits as long as it makes sense, and checks all."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fedclinic.answers import Answer
from fedclinic.digest import digest_bytes
from fedclinic.errors import ErrorCode, RunError
from fedclinic.evidence.keys import VerifyKey
from fedclinic.evidence.statement import Envelope, sign
from fedclinic.exchange_protocol import Done, Heartbeat
from fedclinic.local_protocol import Counted, Progress
from fedclinic.rounds import REPORT_KIND, UpdateManifest
from fedclinic.transports import ExchangeTransport
from fedclinic.updates.blobs import BlobFolder
from flows.exchange.blob_store import TASKS_AREA, uploads_area
from flows.exchange.settings import Limits
from flows.sites.exchange import ExchangeSites
from site_agent.exchange_client import TroubleError
from tests.factories import make_report, make_round_task
from tests.flows.exchange.desk import (
    CONTENT,
    SITE_KEYS,
    Desk,
    asking,
    make_answer,
    make_task_envelope,
)

STATE = b"global model" * 100


@dataclass
class Recorded:
    """An evaluation site and a watcher that remember what they were given."""

    tasks: list[Envelope] = field(default_factory=list)
    seen: list[Progress] = field(default_factory=list)

    def submit(self, site: str, task: Envelope) -> Answer:
        self.tasks.append(task)
        return make_answer()

    def key(self, site: str) -> VerifyKey:
        return SITE_KEYS["south"].public

    def progress(self, site: str, progress: Progress) -> None:
        self.seen.append(progress)

    def counted(self, site: str, counted: Counted) -> None:
        raise AssertionError("no exact count crosses an exchange")


@dataclass
class Agent:
    """What a site's agent does while the coordinator waits: the next step at every look."""

    desk: Desk
    steps: list[Any] = field(default_factory=list)

    def look(self, seconds: float) -> None:
        self.desk.clock.now += seconds
        if self.steps:
            self.steps.pop(0)()


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def agent(desk: Desk) -> Agent:
    return Agent(desk)


@pytest.fixture
def sites(desk: Desk, agent: Agent, recorded: Recorded, tmp_path: Path) -> ExchangeSites:
    return open_sites(desk, agent, recorded, tmp_path)


def open_sites(desk: Desk, agent: Agent, evaluation: Recorded | None, root: Path) -> ExchangeSites:
    transport = ExchangeTransport(kind="exchange", absent_seconds=60)
    folder = BlobFolder(root / "coordinator-blobs")
    watch = evaluation or Recorded()
    return ExchangeSites(transport, desk.exchange, folder, evaluation, watch, agent.look)


def task_of(desk: Desk, **changes: Any) -> Envelope:
    return make_task_envelope(deadline=desk.clock.now + 600, **changes)


def completed(desk: Desk, content: bytes = CONTENT, named: bytes = CONTENT) -> None:
    """Be north's agent: take the task, upload an update, end the task with a report of it."""
    leased = desk.lease()
    digest = digest_bytes(named)
    manifest = UpdateManifest(blob=digest, bytes=len(named), parameters=1, norm=1.0)
    report = make_report(make_round_task(), status="completed", error=None, update=manifest)
    path = desk.root / "update"
    path.write_bytes(content)
    client = desk.client()
    client.upload(leased.task, leased.lease, path, digest, until=0)
    statement = sign(report, REPORT_KIND, SITE_KEYS["north"])
    done = Done(lease=leased.lease, statements=(statement,), blobs=(digest,))
    client.done(leased.task, done, until=0)


def test_a_database_that_is_away_for_a_while_costs_nothing_but_time(sites, desk, agent):
    agent.steps = [desk.lose_database, lambda: None, desk.find_database, lambda: completed(desk)]
    assert len(sites.submit("north", task_of(desk)).statements) == 1


def test_a_database_that_stays_away_is_told_after_the_deadline(sites, desk, agent):
    agent.steps = [desk.lose_database]
    with pytest.raises(RunError, match="does not answer: the database system is starting up"):
        sites.submit("north", task_of(desk))
    desk.find_database()


def test_a_run_that_stops_while_the_database_is_away_gives_its_tasks_up_afterwards(
    sites, desk, agent
):
    def stop() -> None:
        raise KeyboardInterrupt

    agent.steps = [desk.lose_database, stop, desk.find_database]
    with pytest.raises(KeyboardInterrupt), sites:
        sites.submit("north", task_of(desk))
    assert desk.exchange.queue.newest()["north"].state == "late"


def test_a_task_whose_database_stays_away_keeps_its_blobs(sites, desk, agent, tmp_path):
    def stop() -> None:
        raise KeyboardInterrupt

    state, _ = BlobFolder(tmp_path / "coordinator-blobs").put([STATE])
    agent.steps = [desk.lose_database, stop]
    with pytest.raises(KeyboardInterrupt), sites:
        sites.submit("north", task_of(desk, state=state))
    desk.find_database()
    assert desk.exchange.store.exists(TASKS_AREA, state)


def test_an_answer_and_the_update_it_names_reach_the_coordinator(sites, desk, agent, tmp_path):
    agent.steps = [lambda: completed(desk)]
    answer = sites.submit("north", task_of(desk))
    assert len(answer.statements) == 1
    assert answer.problem == ""
    blobs = BlobFolder(tmp_path / "coordinator-blobs")
    assert blobs.find(digest_bytes(CONTENT)).read_bytes() == CONTENT
    assert not desk.exchange.store.exists(uploads_area("north"), digest_bytes(CONTENT))


def test_the_state_that_a_task_names_is_within_the_sites_reach_and_nothing_else(
    sites, desk, agent, tmp_path
):
    blobs = BlobFolder(tmp_path / "coordinator-blobs")
    state, _ = blobs.put([STATE])
    secret, _ = blobs.put([b"another site's update"])
    fetched = BlobFolder(tmp_path / "transit")

    def work() -> None:
        leased = desk.lease()
        assert [blob.digest for blob in leased.blobs] == [state]
        desk.client().fetch(leased.task, leased.blobs[0], fetched, until=0)
        done = Done(lease=leased.lease, statements=make_answer().statements)
        desk.client().done(leased.task, done, until=0)

    agent.steps = [work]
    with sites:
        sites.submit("north", task_of(desk, state=state))
        assert fetched.find(state).read_bytes() == STATE
        assert not desk.exchange.store.exists(TASKS_AREA, secret)
    assert not desk.exchange.store.exists(TASKS_AREA, state)


def test_evaluation_stays_on_the_coordinators_machine(sites, desk, recorded):
    task = task_of(desk)
    sites.submit("evaluation", task)
    assert recorded.tasks == [task]
    assert sites.key("evaluation") == SITE_KEYS["south"].public


def test_an_agent_measures_where_the_coordinator_has_no_notes(desk, agent, tmp_path):
    desk.join("evaluation", SITE_KEYS["south"])
    sites = open_sites(desk, agent, None, tmp_path)
    client = desk.client("evaluation", SITE_KEYS["south"])

    def measure() -> None:
        leased = client.lease(asking())
        done = Done(lease=leased.lease, statements=make_answer().statements)
        client.done(leased.task, done, until=0)

    agent.steps = [measure]
    answer = sites.submit("evaluation", task_of(desk, site="evaluation"))
    assert answer.statements == make_answer().statements
    assert sites.key("evaluation") == SITE_KEYS["south"].public


def test_progress_is_shown(sites, desk, agent, recorded):
    def beat() -> None:
        leased = desk.lease()
        beat = Heartbeat(lease=leased.lease, stage="train", done=1, total=3)
        desk.client().heartbeat(leased.task, beat)
        agent.steps = [lambda: None, lambda: finish(leased)]

    def finish(leased: Any) -> None:
        done = Done(lease=leased.lease, statements=make_answer().statements)
        desk.client().done(leased.task, done, until=0)

    agent.steps = [beat]
    sites.submit("north", task_of(desk))
    assert Progress(stage="train", done=1, total=3) in recorded.seen


def test_a_site_that_is_silent_is_not_waited_for_until_the_deadline(sites, desk):
    began = desk.clock.now
    with pytest.raises(RunError, match="site north is absent: silent for 60 s or more"):
        sites.submit("north", task_of(desk))
    assert desk.clock.now - began < 70


def test_a_site_that_calls_but_does_not_finish_is_waited_for_until_the_deadline(
    desk, agent, recorded, tmp_path
):
    def call() -> None:
        desk.client().lease(asking())
        agent.steps = [call]

    began = desk.clock.now
    agent.steps = [call]
    sites = open_sites(desk, agent, recorded, tmp_path)
    with pytest.raises(RunError, match="gave no answer before the deadline"):
        sites.submit("north", task_of(desk))
    assert desk.clock.now - began > 599


def test_a_late_update_is_refused_and_is_not_used(sites, desk):
    with pytest.raises(RunError, match="absent"):
        sites.submit("north", task_of(desk))
    assert desk.client().lease(asking()) is None


def test_a_site_that_was_absent_takes_part_in_the_next_round(sites, desk, agent):
    with pytest.raises(RunError, match="absent"):
        sites.submit("north", task_of(desk))
    agent.steps = [lambda: completed(desk)]
    assert sites.submit("north", task_of(desk, round_number=2)).statements


def test_a_site_whose_key_is_revoked_is_not_waited_for(sites, desk, agent):
    agent.steps = [lambda: desk.exchange.registry.revoke("north")]
    with pytest.raises(RunError, match="the key of site north is revoked"):
        sites.submit("north", task_of(desk))


def test_a_site_that_never_joined_is_named_with_what_to_do(sites, desk):
    with pytest.raises(RunError, match="fedclinic site invite east"):
        sites.submit("east", task_of(desk, site="east"))


def test_a_site_that_cannot_carry_out_its_task_is_named_with_its_word(sites, desk, agent):
    def fail() -> None:
        leased = desk.lease()
        done = Done(lease=leased.lease, error=ErrorCode.TRAINING)
        desk.client().done(leased.task, done, until=0)

    agent.steps = [fail]
    with pytest.raises(RunError, match="site north could not carry out its task: training"):
        sites.submit("north", task_of(desk))


def test_an_update_that_was_changed_at_the_exchange_is_refused(sites, desk, agent):
    def tamper() -> None:
        completed(desk)
        area = uploads_area("north")
        desk.exchange.store.put(area, digest_bytes(CONTENT), [b"something else"])

    agent.steps = [tamper]
    with pytest.raises(RunError, match="was changed at the exchange"):
        sites.submit("north", task_of(desk))


def test_a_run_that_stops_gives_up_what_its_sites_are_doing(sites, desk, agent):
    leased = []

    def stop() -> None:
        leased.append(desk.lease())
        raise KeyboardInterrupt

    agent.steps = [stop]
    with pytest.raises(KeyboardInterrupt), sites:
        sites.submit("north", task_of(desk))
    with pytest.raises(TroubleError, match="late"):
        desk.client().heartbeat(leased[0].task, Heartbeat(lease=leased[0].lease))


def test_a_coordinator_that_was_killed_finds_the_answer_that_came_meanwhile(
    desk, agent, recorded, tmp_path
):
    task = task_of(desk)
    desk.exchange.queue.submit("north", task, [], desk.clock.now + 600)
    completed(desk)
    sites = open_sites(desk, agent, recorded, tmp_path)
    assert sites.submit("north", task).statements


def test_many_sites_are_waited_for_at_once(desk, recorded, tmp_path):
    """Sites that share one table do not get in each other's way."""
    desk = Desk(tmp_path / "many", limits=Limits(), clock=desk.clock)
    sites = open_sites(desk, Agent(desk), recorded, tmp_path)
    problems: list[str] = []

    def ask(site: str) -> None:
        try:
            sites.submit(site, task_of(desk, site=site))
        except RunError as error:
            problems.append(str(error))

    threads = [threading.Thread(target=ask, args=(site,)) for site in ("north", "south")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(problem.split(" is ")[0] for problem in problems) == ["site north", "site south"]
