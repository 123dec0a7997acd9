"""A site's files on disk, the tasks that it is sent, and what it answers."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fedclinic.answers import Answer
from fedclinic.errors import FedclinicError
from fedclinic.evidence.statement import Envelope, open_record, sign, statement_kind
from fedclinic.local_protocol import Reply
from fedclinic.rounds import (
    DECLINED_KIND,
    EVALUATED_KIND,
    EVALUATION_KIND,
    PREPARE_KIND,
    PREPARED_KIND,
    EvaluationReport,
    SitePrepared,
    TaskDeclined,
)
from fedclinic.updates.blobs import BlobFolder
from site_agent.opening import open_site
from site_agent.site_home import SiteHome
from site_agent.task_handler import TaskHandler
from tests.factories import make_evaluation_task, make_prepare_task, site_values
from tests.tiny_site import COORDINATOR, public_text

POLICIES = ["policy-changed"] * 4


@dataclass
class Desk:
    """A site's files on disk, and what its process said."""

    root: Path
    model_folder: Path
    said: list[Reply] = field(default_factory=list)

    @property
    def home(self) -> SiteHome:
        return SiteHome(self.root / "home")

    @property
    def notes(self) -> Path:
        return self.root / "notes.jsonl"

    def write(self, **changes: Any) -> Path:
        values = site_values(Path("notes.jsonl"))
        values["permissions"] |= {
            "coordinators": [public_text(COORDINATOR)],
            "models": {"tiny": str(self.model_folder)},
            **changes.pop("permissions", {}),
        }
        path = self.root / "site.yaml"
        path.write_text(yaml.safe_dump(values | changes), encoding="utf-8")
        return path

    def handler(self) -> TaskHandler:
        site = open_site(self.root / "site.yaml", self.home, {})
        return TaskHandler(site, BlobFolder(self.root / "blobs"), self.said.append, time.time)


def prepare(**changes: Any) -> Envelope:
    return sign(make_prepare_task(**changes), PREPARE_KIND, COORDINATOR)


def evaluation(**changes: Any) -> Envelope:
    return sign(make_evaluation_task(**changes), EVALUATION_KIND, COORDINATOR)


def prepared_by(handler: TaskHandler, task: Envelope | None = None) -> SitePrepared:
    return opened(handler, task or prepare(), PREPARED_KIND, SitePrepared)


def measured_by(handler: TaskHandler, task: Envelope) -> EvaluationReport:
    return opened(handler, task, EVALUATED_KIND, EvaluationReport)


def opened(handler: TaskHandler, task: Envelope, kind: str, record: type[Any]) -> Any:
    """What a site answers to a task that it must not decline."""
    answer = handler.handle(task)
    assert answer.problem == ""
    key = handler.site.key.public
    return open_record(answer.last, {key.key_id: key}, kind, record)


def statement_of(handler: TaskHandler, answer: Answer, kind: str, record: type[Any]) -> Any:
    key = handler.site.key.public
    (found,) = [each for each in answer.statements if statement_kind(each) == kind]
    return open_record(found, {key.key_id: key}, kind, record)


def problem_of(desk: Desk, task: Envelope, kind: type[FedclinicError]) -> str:
    """The one line in which a task is declined, and the word for it that leaves the site."""
    handler = desk.handler()
    answer = handler.handle(task)
    key = handler.site.key.public
    declined = open_record(answer.last, {key.key_id: key}, DECLINED_KIND, TaskDeclined)
    assert declined.error == kind.code
    assert "\n" not in answer.problem
    return answer.problem
