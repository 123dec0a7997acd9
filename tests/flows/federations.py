"""A coordinator in the middle of a run, and sites that report as the test says."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fedclinic.answers import Answer
from fedclinic.evidence.statement import Envelope, open_record, sign
from fedclinic.methods import make_method
from fedclinic.plan import FederationPlan, PatientPrivacy
from fedclinic.rounds import RoundTask, SiteReport, UpdateManifest
from fedclinic.updates.blobs import BlobFolder
from fedclinic.updates.codec import encode
from flows.rounds import REPORT_KIND, TASK_KIND, Federation, admit, make_task
from flows.run_store import SiteOutcome
from tests.factories import FAR_FUTURE, make_plan, make_report, make_signing_key

SCHEMA = {"block.weight": (100, 150), "head.bias": (300,)}
COORDINATOR = make_signing_key(1)
SITE_KEYS = {"north": make_signing_key(2), "south": make_signing_key(3)}


@dataclass
class FakeSites:
    """Both sites of a plan, honest until told otherwise."""

    federation: Federation

    def task(self, site: str, round_number: int = 1) -> Envelope:
        return make_task(self.federation, site, round_number, None, FAR_FUTURE)

    def honest_update(self, seed: int = 0, noise: float = 1.0) -> dict[str, np.ndarray]:
        """What the planned noise alone adds up to in one round, times `noise`."""
        plan = self.federation.plan
        deviation = 1.0
        if isinstance(plan.privacy, PatientPrivacy):
            mechanism = plan.privacy.mechanism()
            step = mechanism.noise_multiplier * plan.privacy.clipping_norm
            step /= plan.privacy.expected_patients
            deviation = plan.optimizer.learning_rate * step * math.sqrt(mechanism.steps)
        generator = np.random.default_rng(seed)
        return {
            name: (noise * deviation * generator.standard_normal(shape)).astype(np.float32)
            for name, shape in SCHEMA.items()
        }

    def report(
        self, asked: RoundTask, update: dict[str, np.ndarray] | bytes, **changes: Any
    ) -> SiteReport:
        """Store an update and report it; the report answers `asked` unless changed."""
        content = update if isinstance(update, bytes) else encode(update, "F32")
        blob, size = self.federation.blobs.put([content])
        manifest = UpdateManifest(blob=blob, bytes=size, parameters=1, norm=1.0)
        values = {"status": "completed", "error": None, "update": manifest}
        return make_report(asked, **values | changes)


def signed_by_site(report: SiteReport, site: str | None = None) -> Envelope:
    return sign(report, REPORT_KIND, SITE_KEYS[site or report.site])


def answered(report: Envelope, problem: str = "") -> Answer:
    return Answer(statements=(report,), problem=problem)


def make_federation(root: Path, plan: FederationPlan | None = None) -> Federation:
    chosen = plan or make_plan()
    return Federation(
        run="run-a",
        plan=chosen,
        method=make_method(chosen.method, chosen.site_names()),
        schema=SCHEMA,
        key=COORDINATOR,
        site_keys={site: key.public for site, key in SITE_KEYS.items()},
        blobs=BlobFolder(root / "blobs"),
    )


def opened(federation: Federation, envelope: object) -> RoundTask:
    key = federation.key.public
    return open_record(envelope, {key.key_id: key}, TASK_KIND, RoundTask)


def answer(sites: FakeSites, update: object = None, **changes: object) -> SiteOutcome:
    """Let north answer its task of round 1; the update is honest unless given."""
    task = sites.task("north")
    asked = opened(sites.federation, task)
    report = sites.report(asked, sites.honest_update() if update is None else update, **changes)
    return admit(sites.federation, task, answered(signed_by_site(report, "north")))
