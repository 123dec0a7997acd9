"""The signed log and its checkpoints: entries stay, histories do not fork unseen."""

from pathlib import Path

import pytest

from fedclinic.errors import EvidenceError, SignatureError
from fedclinic.evidence.checkpoint import (
    TreeHead,
    checkpoint_signers,
    cosign_checkpoint,
    open_checkpoint,
    sign_checkpoint,
)
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.log import LogFile, SignedLog, decode_log, encode_log
from fedclinic.evidence.merkle import verify_consistency, verify_inclusion
from fedclinic.evidence.statement import Envelope, sign

COORDINATOR, WITNESS, OTHER = (SigningKey.generate() for _ in range(3))
NAMED = {"coordinator": COORDINATOR.public, "st_elsewhere": WITNESS.public}


def make_entry(number: int) -> Envelope:
    return sign({"number": number}, "example", COORDINATOR)


def make_log(size: int) -> SignedLog:
    return SignedLog("example/log").append(*(make_entry(number) for number in range(size)))


def make_checkpoint(log: SignedLog) -> str:
    checkpoint = sign_checkpoint(log.head(), "coordinator", COORDINATOR)
    return cosign_checkpoint(checkpoint, "st_elsewhere", WITNESS)


def test_a_log_survives_its_file():
    log = make_log(5)
    assert decode_log(encode_log(log), log.origin) == log


def test_an_entry_is_proved_against_a_checkpoint():
    log = make_log(7)
    head = open_checkpoint(make_checkpoint(log), NAMED, signers=2)
    assert verify_inclusion(
        log.leaves[3], log.prove_inclusion(3), index=3, size=head.size, root=head.root
    )


def test_a_longer_log_is_consistent_and_a_rewritten_one_is_not():
    log = make_log(9)
    seen = log.head(4)
    rewritten = SignedLog(log.origin).append(*log.entries[:2], make_entry(99), *log.entries[3:])
    for later, consistent in ((log, True), (rewritten, False)):
        head = later.head()
        assert consistent is verify_consistency(
            later.prove_consistency(4),
            old_size=seen.size,
            old_root=seen.root,
            size=head.size,
            root=head.root,
        )


def test_a_checkpoint_needs_its_witness():
    alone = sign_checkpoint(make_log(3).head(), "coordinator", COORDINATOR)
    with pytest.raises(SignatureError, match="1 of 2"):
        open_checkpoint(alone, NAMED, signers=2)


def test_a_witness_cannot_be_played_by_another_key():
    alone = sign_checkpoint(make_log(3).head(), "coordinator", COORDINATOR)
    forged = cosign_checkpoint(alone, "st_elsewhere", OTHER)
    assert checkpoint_signers(forged, NAMED) == {"coordinator"}


def test_a_signature_that_is_repeated_counts_once():
    alone = sign_checkpoint(make_log(3).head(), "coordinator", COORDINATOR)
    with pytest.raises(SignatureError, match="1 of 2"):
        open_checkpoint(cosign_checkpoint(alone, "coordinator", COORDINATOR), NAMED, signers=2)


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda text: text.replace("\n3\n", "\n4\n"),
        lambda text: text.replace("example/log", "another/log"),
        lambda text: text.replace("\n3\n", "\n03\n"),
        lambda text: text.replace("\n\n", "\nextension\n\n"),
    ],
)
def test_a_checkpoint_that_was_edited_has_no_good_signature(rewrite):
    with pytest.raises(SignatureError):
        open_checkpoint(rewrite(make_checkpoint(make_log(3))), NAMED, signers=1)


@pytest.mark.parametrize("text", ["", "a\n1\nx\n", "a\n1\nx\n\n— b c\n", "a\n1\nx\n\nb c d\n"])
def test_what_is_not_a_checkpoint_is_refused(text):
    with pytest.raises(SignatureError):
        open_checkpoint(text, NAMED, signers=0)


def test_a_signed_text_that_is_not_a_tree_head_is_refused():
    odd = TreeHead("example/log", 3, b"short")
    with pytest.raises(SignatureError, match="not a tree head"):
        open_checkpoint(sign_checkpoint(odd, "coordinator", COORDINATOR), NAMED, signers=1)


def test_a_log_file_goes_on_where_it_stopped(tmp_path: Path):
    first = LogFile(tmp_path / "log.jsonl", "example/log")
    first.append([make_entry(0), make_entry(1)])
    second = LogFile(tmp_path / "log.jsonl", "example/log")
    second.append([make_entry(2)])
    assert LogFile(tmp_path / "log.jsonl", "example/log").log == second.log
    assert len(second.log.entries) == 3


def test_an_entry_that_was_cut_off_by_a_crash_is_dropped_when_the_log_is_opened(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    LogFile(path, "example/log").append([make_entry(0), make_entry(1)])
    path.write_bytes(path.read_bytes()[:-5])
    assert len(LogFile(path, "example/log").log.entries) == 1
    assert path.read_bytes().count(b"\n") == 1


@pytest.mark.parametrize(
    "line", [b"{}", b"[", b'{"payload": 1}', b" " + encode_log(make_log(1))[:-1]]
)
def test_a_line_that_is_not_an_entry_is_refused_and_named(line: bytes):
    with pytest.raises(EvidenceError, match="log entry 1"):
        decode_log(encode_log(make_log(1)) + line + b"\n", "example/log")


def test_a_file_for_readers_may_not_be_cut_off():
    with pytest.raises(EvidenceError, match="cut off"):
        decode_log(encode_log(make_log(2))[:-5], "example/log")


def test_two_writers_of_one_log_lose_nothing(tmp_path: Path):
    one, two = (LogFile(tmp_path / "log.jsonl", "example/log") for _ in range(2))
    for number in range(4):
        writer = one if number % 2 else two
        with writer.writing():
            writer.append([make_entry(number)])
    with one.writing() as log:
        assert log.entries == tuple(make_entry(number) for number in range(4))
    assert LogFile(tmp_path / "log.jsonl", "example/log").log == log
