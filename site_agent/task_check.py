"""What a site's own policy and history allow of a task, before anything is read or spent."""

from fedclinic.errors import PolicyError, SignatureError
from fedclinic.plan import PatientPrivacy
from fedclinic.privacy.policy import check_mechanism, check_promise
from fedclinic.rounds import RoundTask
from site_agent.site import Site


def check_task(site: Site, task: RoundTask) -> None:
    """Refuse, before anything is read or spent, what the site's own policy does not allow.

    Raises:
        SignatureError: if the task is for another site, too late, or older than the last one.
        PolicyError: if the plan asks for more than the site allows.
        DeidentificationError: if the last audit of the site's de-identified notes failed.
    """
    if task.site != site.config.site:
        raise SignatureError(f"the task is for site {task.site}, and this is {site.config.site}")
    if task.deadline < site.clock():
        raise SignatureError(f"the deadline of round {task.round_number} has passed")
    last = site.outbox.last_round(task.run)
    if task.round_number < last:
        raise SignatureError(
            f"round {task.round_number} after round {last}: its global model is an older one"
        )
    if task.round_number > task.work.rounds:
        raise PolicyError(f"round {task.round_number} of a plan of {task.work.rounds} rounds")
    site.store.measures.check_audit_passed()
    allowed = site.config.permissions
    if task.work.base_model.name not in allowed.models:
        raise PolicyError(f"site.yaml allows no model '{task.work.base_model.name}'")
    if task.work.layers.trained_blocks > allowed.max_trained_blocks:
        raise PolicyError(
            f"the plan trains {task.work.layers.trained_blocks} blocks, and site.yaml allows "
            f"{allowed.max_trained_blocks}"
        )
    if task.dropout is not None and task.work.training.dropout is None:
        raise PolicyError("the task asks for layer dropout, and its plan has none")
    if isinstance(task.work.privacy, PatientPrivacy):
        check_mechanism(task.work.privacy, site.privacy_policy)
    elif not allowed.unprotected:
        raise PolicyError(
            "the plan has no differential privacy, and site.yaml does not allow it "
            "(permissions.unprotected)"
        )


def check_promised(site: Site, task: RoundTask, privacy: PatientPrivacy, hold: str) -> None:
    """Refuse a round that would take the run past the epsilon that its plan promised.

    Whatever the run spent here counts, in whichever order its rounds were asked for.
    """
    try:
        check_promise(privacy, site.ledger.spent_mechanisms(task.run), privacy.mechanism())
    except PolicyError:
        site.ledger.refund(hold, "past the epsilon that the plan promised")
        raise
