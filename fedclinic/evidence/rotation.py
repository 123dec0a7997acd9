"""Go on with a new key: the old one and the new one sign it, so that a log shows whose it is."""

from collections.abc import Iterable

from fedclinic.errors import SignatureError
from fedclinic.evidence.events import KeyRotated
from fedclinic.evidence.keys import SigningKey, VerifyKey
from fedclinic.evidence.statement import (
    Envelope,
    countersign,
    open_record,
    parse_statement,
    sign,
    signed_by,
    statement_content,
    statement_kind,
)

ROTATED_KIND = "key-rotated"


def rotation_of(actor: str, old: SigningKey, new: SigningKey, at: float) -> KeyRotated:
    """What an actor states of its new key."""
    return KeyRotated(at=at, actor=actor, old_key_id=old.key_id, public_key=new.public.raw.hex())


def sign_rotation(event: KeyRotated, old: SigningKey, new: SigningKey) -> Envelope:
    """State it with both keys: the old one vouches for the new, which shows that it is held."""
    return countersign(sign(event, ROTATED_KIND, old), new)


def rotations_between(
    actor: str, known: VerifyKey, wanted: VerifyKey, envelopes: Iterable[Envelope]
) -> tuple[Envelope, ...]:
    """The steps from the key that is known to the one that is wanted; none if none lead there."""
    steps = {}
    for envelope in envelopes:
        if statement_kind(envelope) == ROTATED_KIND:
            steps[_old_key_id(envelope)] = envelope
    chain: list[Envelope] = []
    key = known
    while key != wanted:
        step = steps.pop(key.key_id, None)
        event = _open(step, key) if step else None
        if step is None or event is None or event.actor != actor:
            return ()
        chain.append(step)
        key = VerifyKey(bytes.fromhex(event.public_key))
    return tuple(chain)


def _open(envelope: Envelope, old: VerifyKey) -> KeyRotated | None:
    """The change, if the old key and the one that it names signed it."""
    try:
        event = open_record(envelope, {old.key_id: old}, ROTATED_KIND, KeyRotated)
    except SignatureError:
        return None
    new = VerifyKey(bytes.fromhex(event.public_key))
    return event if signed_by(envelope, {new.key_id: new}) else None


def _old_key_id(envelope: Envelope) -> str:
    """What an envelope says of the key before; nothing is checked."""
    predicate = parse_statement(statement_content(envelope))["predicate"]
    return str(predicate.get("old_key_id"))
