"""Which of the statements in a site's answer belong in the log: its own, well formed, of its task.

What is left out stays in the run's folder, and its site is judged by what is missing: nobody can
make a federation's log fail by handing in statements that are not theirs to make.
"""

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from fedclinic.errors import SignatureError
from fedclinic.evidence.events import KINDS
from fedclinic.evidence.keys import VerifyKey
from fedclinic.evidence.statement import (
    Envelope,
    parse_statement,
    signed_by,
    statement_content,
    statement_kind,
)
from fedclinic.rounds import RoundTask

_SITES_KINDS = ("site", "site or coordinator")


def statements_of(
    site: str, key: VerifyKey, envelopes: Iterable[Envelope], bound: Mapping[str, object]
) -> list[Envelope]:
    """The statements that a site may make.

    Args:
        bound: fields that a statement has to repeat where it has them, such as the run.
    """
    return [e for e in envelopes if _is_its_own(e, site, key, bound)]


def bound_by(task: RoundTask) -> dict[str, object]:
    """What everything that is said in a round repeats of its task."""
    return task.model_dump(include={"run", "round_number", "attempt", "plan_digest", "nonce"})


def _is_its_own(envelope: Envelope, site: str, key: VerifyKey, bound: Mapping[str, object]) -> bool:
    try:
        kind = KINDS.get(statement_kind(envelope))
        if kind is None or kind.signer not in _SITES_KINDS:
            return False
        predicate = parse_statement(statement_content(envelope))["predicate"]
        kind.record.model_validate(predicate)
        signed = signed_by(envelope, {key.key_id: key})
    except (SignatureError, ValidationError):
        return False
    repeats = all(predicate.get(name, value) == value for name, value in bound.items())
    return bool(signed) and repeats and predicate.get("site") == site
