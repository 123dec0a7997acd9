"""What someone without a key can do to a bundle, each with the check that finds it and the row."""

import base64
from collections.abc import Callable

from fedclinic.evidence.bundle import Bundle
from fedclinic.evidence.checkpoint import cosign_checkpoint, sign_checkpoint
from fedclinic.evidence.events import COORDINATOR
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.log import SignedLog
from fedclinic.evidence.statement import Envelope, sign
from fedclinic.rounds import SiteReport
from tests.fedclinic.evidence.factory import KEYS, Scene, seal

HONEST = seal(Scene().envelopes())
STRANGER = SigningKey.generate()
ALDER_1 = {"site": "alder", "round_number": 1}
ALDER_2 = {"site": "alder", "round_number": 2}


def with_entries(*entries: Envelope) -> Bundle:
    return HONEST.model_copy(update={"entries": entries})


def with_payload_edit(index: int, old: bytes, new: bytes) -> Bundle:
    entries = list(HONEST.entries)
    content = base64.b64decode(entries[index].payload)
    assert old in content
    payload = base64.b64encode(content.replace(old, new)).decode()
    entries[index] = entries[index].model_copy(update={"payload": payload})
    return with_entries(*entries)


def report_index(**values: object) -> int:
    return Scene().index(SiteReport, **values)


def other_log_checkpoint() -> Bundle:
    head = SignedLog("another/log").append(*HONEST.entries).head()
    checkpoint = sign_checkpoint(head, COORDINATOR, KEYS[COORDINATOR])
    checkpoint = cosign_checkpoint(checkpoint, "auditor", KEYS["auditor"])
    return HONEST.model_copy(update={"checkpoint": checkpoint})


E = HONEST.entries
BUNDLE_EDITS: dict[str, tuple[Callable[[], Bundle], str, str]] = {
    "the last entry is cut off": (lambda: with_entries(*E[:-1]), "seal.size", "log"),
    "the log is emptied": (with_entries, "seal.size", "log"),
    "an entry in the middle is removed": (
        lambda: with_entries(*E[:9], *E[10:]),
        "seal.size",
        "log",
    ),
    "two entries are exchanged": (
        lambda: with_entries(*E[:2], E[3], E[2], *E[4:]),
        "seal.root",
        "log",
    ),
    "an entry is replaced by a copy of another": (
        lambda: with_entries(*E[:5], E[4], *E[6:]),
        "log.replay",
        "log entry 5",
    ),
    "an entry is added behind the checkpoint": (
        lambda: with_entries(*E, sign({"x": 1}, "note", STRANGER)),
        "seal.size",
        "log",
    ),
    "the epsilon in a report is lowered": (
        lambda: with_payload_edit(report_index(**ALDER_2), b'"epsilon":1.3', b'"epsilon":0.3'),
        "signature.bad",
        "site-report, run run-1, round 2, site alder",
    ),
    "the norm in a report is edited": (
        lambda: with_payload_edit(report_index(**ALDER_2), b'"norm":2.5', b'"norm":9.5'),
        "signature.bad",
        "site-report",
    ),
    "a payload is no longer canonical": (
        lambda: with_payload_edit(7, b'"run":', b'"run": '),
        "entry.statement",
        "log entry 7",
    ),
    "a report is signed again by a stranger": (
        lambda: seal(
            [
                sign(event, "site-report", STRANGER) if number == report_index(**ALDER_1) else entry
                for number, (event, entry) in enumerate(zip(Scene().events, E, strict=True))
            ]
        ),
        "signature.bad",
        "round 1, site alder",
    ),
    "the checkpoint is signed by a stranger": (
        lambda: seal(list(E), key=STRANGER),
        "seal.signature",
        "checkpoint",
    ),
    "the witness's signature is removed": (
        lambda: seal(list(E), witnesses=()),
        "seal.witnesses",
        "checkpoint",
    ),
    "the witness is one whom nobody knows": (
        lambda: seal(list(E), witnesses=("alder",)),
        "seal.witnesses",
        "checkpoint",
    ),
    "the checkpoint is another log's": (other_log_checkpoint, "seal.origin", "checkpoint"),
    "the checkpoint's size is edited": (
        lambda: HONEST.model_copy(
            update={"checkpoint": HONEST.checkpoint.replace(f"\n{len(E)}\n", "\n3\n")}
        ),
        "seal.signature",
        "checkpoint",
    ),
}
