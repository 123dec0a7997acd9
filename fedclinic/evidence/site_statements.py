"""Which of the statements in a site's answer belong in the log: its own, well formed, of its task.

What is left out stays in the run's folder, and its site is judged by what is missing: nobody can
make a federation's log fail by handing in statements that are not theirs to make.
"""

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from fedclinic.errors import SignatureError
from fedclinic.evidence.keys import VerifyKey
from fedclinic.evidence.kinds import KINDS
from fedclinic.evidence.statement import (
    Envelope,
    parse_statement,
    signed_by,
    statement_content,
    statement_kind,
)
from fedclinic.rounds import RoundTask

_SITES_KINDS = ("site", "site or coordinator")
_OF_ITS_OWN = ("policy-changed",)
"""What a site states as an actor; that it goes on with another key is taken in where it matters."""


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
        name = statement_kind(envelope)
        kind = KINDS.get(name)
        if kind is None or (kind.signer not in _SITES_KINDS and name not in _OF_ITS_OWN):
            return False
        predicate = parse_statement(statement_content(envelope))["predicate"]
        kind.record.model_validate(predicate)
        signed = signed_by(envelope, {key.key_id: key})
    except (SignatureError, ValidationError):
        return False
    repeats = all(predicate.get(name, value) == value for name, value in bound.items())
    return bool(signed) and repeats and predicate.get("site", predicate.get("actor")) == site
