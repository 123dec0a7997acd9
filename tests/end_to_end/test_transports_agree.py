"""What carries the messages changes nothing: the same model, bit for bit, over each transport."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from fedclinic.local_protocol import Counted, Progress
from fedclinic.methods import encode_state, make_method
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
from site_agent.synthesize import write_cohort
from tests.agent_with_known_noise import PROGRAM
from tests.end_to_end.conftest import HOSPITALS, site_document
from tests.end_to_end.hospitals import Hospitals, keep_surrogates, open_hospitals
from tests.factories import FAR_FUTURE

ROUNDS = 2


class Nobody:
    """Watches nothing."""

    def progress(self, site: str, progress: Progress) -> None: ...

    def counted(self, site: str, counted: Counted) -> None: ...


@pytest.fixture(scope="module")
def hospitals(
    tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path
) -> Iterator[Hospitals]:
    root = tmp_path_factory.mktemp("transports")
    write_cohort(
        root / "notes", hospitals=HOSPITALS, patients=12, test_patients=8, alpha=1.0, seed=3
    )
    hospitals = Hospitals(root, tiny_model_folder, root / "notes", known_noise=True)
    yield hospitals
    hospitals.stop()


@contextmanager
def over_pipes(hospitals: Hospitals) -> Iterator[tuple[Sites, Workspace]]:
    workspace = Workspace(hospitals.root / "local")
    document = site_document(
        "{site}", str(hospitals.notes / "{site}.jsonl"), hospitals.model, evaluation=False
    )
    (hospitals.root / "site.yaml").write_text(yaml.safe_dump(document))
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


def train(hospitals: Hospitals, sites: Sites, workspace: Workspace) -> tuple[bytes, list[str]]:
    """Run the rounds of the plan; returns the final state and every verdict."""
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
    state = federation.method.init(federation.schema)
    verdicts = []
    for number in range(1, ROUNDS + 1):
        outcomes = []
        for site in HOSPITALS:
            blob, _ = publish_state(federation, state, site)
            task = make_task(federation, site, number, blob, FAR_FUTURE)
            outcomes.append(admit(federation, task, sites.submit(site, task)))
        verdicts += [outcome.verdict + outcome.reason for outcome in outcomes]
        state, _ = fold_in(federation, state, tuple(outcomes))
    return encode_state(state), verdicts


def test_every_transport_gives_the_same_model_bit_for_bit(hospitals: Hospitals) -> None:
    with over_pipes(hospitals) as (sites, workspace):
        here, verdicts = train(hospitals, sites, workspace)
    assert verdicts == ["admitted"] * ROUNDS * len(HOSPITALS)
    with over_the_exchange(hospitals) as (sites, workspace):
        there, verdicts = train(hospitals, sites, workspace)
    assert verdicts == ["admitted"] * ROUNDS * len(HOSPITALS)
    assert here == there
