"""Read the task in an envelope, whichever kind it is, if a coordinator that the site trusts
signed it."""

from fedclinic import rounds
from fedclinic.errors import SignatureError
from fedclinic.evidence.cosigning import COSIGN_KIND, CosignTask
from fedclinic.evidence.statement import Envelope, open_record, statement_kind
from fedclinic.rounds import EvaluationTask, PrepareTask, RevealTask, RoundTask
from site_agent.keys import coordinator_keys
from site_agent.settings import SiteConfig

AnyTask = RoundTask | PrepareTask | EvaluationTask | RevealTask | CosignTask

TASKS: dict[str, type[AnyTask]] = {
    rounds.TASK_KIND: RoundTask,
    rounds.PREPARE_KIND: PrepareTask,
    rounds.EVALUATION_KIND: EvaluationTask,
    rounds.REVEAL_KIND: RevealTask,
    COSIGN_KIND: CosignTask,
}


def read_task(envelope: Envelope, config: SiteConfig) -> AnyTask:
    """Open a task without doing anything that it asks.

    Raises:
        SignatureError: if no trusted coordinator signed it, or its kind is unknown.
    """
    kind = statement_kind(envelope)
    record = TASKS.get(kind)
    if record is None:
        raise SignatureError(f"this agent knows no task of kind '{kind}'")
    trusted = coordinator_keys(config.permissions.coordinators)
    return open_record(envelope, trusted, kind, record)
