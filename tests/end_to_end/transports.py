"""The same hospitals, with known noise, over each transport; rounds without a flow around them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from fedclinic.local_protocol import Counted, Progress
from fedclinic.methods import ServerState, encode_state, make_method
from fedclinic.transports import PrefectTransport
from fedclinic.updates.blobs import BlobFolder
from flows.asking import ask_to_prepare
from flows.coordinator_key import load_coordinator_key, public_text
from flows.exchange.exchange import open_exchange
from flows.exchange.settings import exchange_settings
from flows.plan_file import load_plan
from flows.rounds import Federation, admit, fold_in, make_task, publish_state
from flows.settings import Workspace
from flows.sites import Sites
from flows.sites.exchange import ExchangeSites
from flows.sites.local import LocalSites
from flows.sites.work_pools import WorkPoolSites
from site_agent.synthesize import write_cohort
from tests.agent_with_known_noise import PROGRAM
from tests.end_to_end.conftest import HOSPITALS, site_document
from tests.end_to_end.hospitals import Hospitals, keep_surrogates, open_hospitals
from tests.factories import FAR_FUTURE
from tests.prefect_stage import PrefectStage, transport_of, write_yaml


class Nobody:
    """Watches nothing."""

    def progress(self, site: str, progress: Progress) -> None: ...

    def counted(self, site: str, counted: Counted) -> None: ...


def make_hospitals(root: Path, model: Path) -> Hospitals:
    write_cohort(
        root / "notes", hospitals=HOSPITALS, patients=12, test_patients=8, alpha=1.0, seed=3
    )
    return Hospitals(root, model, root / "notes", known_noise=True)


@contextmanager
def over_pipes(hospitals: Hospitals) -> Iterator[tuple[Sites, Workspace]]:
    workspace = Workspace(hospitals.root / "local")
    write_site(hospitals, hospitals.root / "site.yaml")
    plan = load_plan(hospitals.write_plan(transport={"kind": "local", "site_config": "site.yaml"}))
    for site in HOSPITALS:
        keep_surrogates(workspace.sites / plan.federation / site)
    key = public_text(load_coordinator_key(workspace))
    with LocalSites(plan, workspace, "", key, Nobody(), PROGRAM) as sites:
        yield sites, workspace


@contextmanager
def over_the_exchange(hospitals: Hospitals) -> Iterator[tuple[Sites, Workspace]]:
    open_hospitals(hospitals)
    workspace = Workspace(hospitals.workspace)
    plan = load_plan(hospitals.write_plan())
    exchange = open_exchange(exchange_settings(workspace))
    key = public_text(load_coordinator_key(workspace))
    blobs = BlobFolder(workspace.blobs)
    with (
        LocalSites(plan, workspace, "", key, Nobody()) as local,
        ExchangeSites(plan.transport, exchange, blobs, local, Nobody()) as sites,
    ):
        yield sites, workspace


@contextmanager
def over_prefect(hospitals: Hospitals) -> Iterator[tuple[Sites, Workspace]]:
    stage = PrefectStage(hospitals.root / "prefect")
    worker = {"api": stage.api, "blobs": stage.blobs}
    config = write_site(hospitals, stage.root / "site.yaml", worker=worker)
    for site in HOSPITALS:
        keep_surrogates(stage.home(site).root)
    plan = load_plan(hospitals.write_plan(transport=transport_of(stage, HOSPITALS)))
    assert isinstance(plan.transport, PrefectTransport)
    settings = {PREFECT_API_URL: stage.api, PREFECT_API_AUTH_STRING: stage.password}
    try:
        stage.start_server()
        with (
            temporary_settings(settings),
            LocalSites(plan, stage.workspace, "", stage.coordinator(), Nobody()) as local,
            WorkPoolSites(plan, plan.transport, stage.workspace, local) as sites,
        ):
            for site in HOSPITALS:
                stage.start_worker(site, config, "tests.worker_with_known_noise")
            yield sites, stage.workspace
    finally:
        stage.stop()


def write_site(hospitals: Hospitals, path: Path, **more: object) -> Path:
    """One site.yaml for both sites."""
    notes = str(hospitals.notes / "{site}.jsonl")
    document = site_document("{site}", notes, hospitals.model, evaluation=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_yaml(path, document | more)


@dataclass
class Training:
    """A run of the plan that a transport was opened with, round by round."""

    sites: Sites
    federation: Federation
    state: ServerState
    verdicts: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, hospitals: Hospitals, sites: Sites, workspace: Workspace) -> "Training":
        plan = load_plan(hospitals.root / "federation.yaml")
        key = load_coordinator_key(workspace)
        ready = {
            site: ask_to_prepare(sites, site, plan, "run-a", key, deadline=FAR_FUTURE)[0]
            for site in HOSPITALS
        }
        federation = Federation(
            run="run-a",
            plan=plan,
            method=make_method(plan.method, plan.site_names()),
            schema=ready[HOSPITALS[0]].shapes,
            key=key,
            site_keys={site: sites.key(site) for site in HOSPITALS},
            blobs=BlobFolder(workspace.blobs),
        )
        return cls(sites, federation, federation.method.init(federation.schema))

    def one_round(self, number: int) -> None:
        outcomes = []
        for site in HOSPITALS:
            blob, _ = publish_state(self.federation, self.state, site)
            task = make_task(self.federation, site, number, blob, FAR_FUTURE)
            outcomes.append(admit(self.federation, task, self.sites.submit(site, task)))
        self.verdicts += [outcome.verdict + outcome.reason for outcome in outcomes]
        self.state, _ = fold_in(self.federation, self.state, tuple(outcomes))

    def model(self) -> bytes:
        return encode_state(self.state)


def train(
    hospitals: Hospitals, sites: Sites, workspace: Workspace, rounds: int
) -> tuple[bytes, list[str]]:
    """Run some rounds; returns the final state and every verdict."""
    training = Training.begin(hospitals, sites, workspace)
    for number in range(1, rounds + 1):
        training.one_round(number)
    return training.model(), training.verdicts
