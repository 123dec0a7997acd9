"""Witnesses: a hospital cosigns a log that grew, and never two histories."""

import pytest

from fedclinic.errors import EvidenceError, SignatureError
from fedclinic.evidence.checkpoint import TreeHead, checkpoint_signers, sign_checkpoint
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.log import SignedLog
from fedclinic.evidence.statement import Envelope, sign
from fedclinic.evidence.witness import witness_checkpoint

COORDINATOR, HOSPITAL = SigningKey.generate(), SigningKey.generate()


def make_entry(word: str) -> Envelope:
    return sign({"word": word}, "example", COORDINATOR)


LOG = SignedLog("example/log").append(*(make_entry(str(number)) for number in range(6)))


def ask(log: SignedLog, old: TreeHead | None, key: SigningKey = COORDINATOR):
    proof = log.prove_consistency(old.size) if old and old.size <= len(log.leaves) else []
    return witness_checkpoint(
        sign_checkpoint(log.head(), "coordinator", key),
        coordinator=COORDINATOR.public,
        old=old,
        proof=proof,
        name="mercy",
        key=HOSPITAL,
    )


@pytest.mark.parametrize("seen", [None, 1, 4, 6])
def test_a_log_that_only_grew_is_cosigned(seen):
    checkpoint, head = ask(LOG, None if seen is None else LOG.head(seen))
    assert checkpoint_signers(checkpoint, {"mercy": HOSPITAL.public}) == {"mercy"}
    assert head == LOG.head()


def test_two_histories_are_never_both_cosigned():
    _, kept = ask(LOG, None)
    fork = SignedLog(LOG.origin).append(*LOG.entries[:5], make_entry("x"), make_entry("y"))
    with pytest.raises(EvidenceError, match="first 6 entries"):
        ask(fork, kept)


def test_a_log_that_shrank_is_not_cosigned():
    with pytest.raises(EvidenceError, match="shrank from 6 to 3"):
        ask(SignedLog(LOG.origin).append(*LOG.entries[:3]), LOG.head())


def test_another_log_is_not_cosigned_in_its_place():
    with pytest.raises(EvidenceError, match="another/log"):
        ask(SignedLog("another/log").append(*LOG.entries), LOG.head())


def test_a_checkpoint_that_the_coordinator_did_not_sign_is_not_cosigned():
    with pytest.raises(SignatureError):
        ask(LOG, None, key=HOSPITAL)
