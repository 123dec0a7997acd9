"""Which version of each policy the site follows, as it states it: a change is written before work.

A site that takes part in several federations tells each the same numbers, so none can be shown a
policy that was never in force.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from fedclinic.evidence.events import PolicyChanged
from fedclinic.evidence.policy_changes import policy_change
from fedclinic.records import Digest, PolicyName
from site_agent.durable_file import replace_durably

_CHANGES: TypeAdapter[tuple[PolicyChanged, ...]] = TypeAdapter(tuple[PolicyChanged, ...])


def put_in_force(
    path: Path, site: str, policies: Mapping[PolicyName, Digest], at: float
) -> tuple[PolicyChanged, ...]:
    """Keep which versions are in force; returns the last change of each, durable by then.

    Args:
        path: the site's book.
        policies: digest of each document as it was read now.
        at: seconds since the epoch.
    """
    kept = _CHANGES.validate_json(path.read_bytes()) if path.is_file() else ()
    last = {change.document: change for change in kept}
    for document, digest in policies.items():
        change = policy_change(
            last.get(document), actor=site, document=document, digest=digest, at=at
        )
        if change is not None:
            last[document] = change
    changes = tuple(last[document] for document in sorted(last))
    if changes != kept:
        replace_durably(path, _CHANGES.dump_json(changes, indent=1))
    return changes
