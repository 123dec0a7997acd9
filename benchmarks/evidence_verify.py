"""Measure how long both verifiers take over a log of many statements.

python -m benchmarks.evidence_verify --statements 10000
"""

import json
import time

import click

from fedclinic.evidence import standalone_verifier
from fedclinic.evidence.bundle import FORMAT, Bundle, Trust
from fedclinic.evidence.checkpoint import sign_checkpoint
from fedclinic.evidence.events import COORDINATOR, ExportMade, SiteJoined
from fedclinic.evidence.keys import SigningKey
from fedclinic.evidence.kinds import kind_of
from fedclinic.evidence.log import SignedLog
from fedclinic.evidence.statement import sign
from fedclinic.evidence.verify import verify

ORIGIN = "benchmark/0123456789abcdef"
DIGEST = "sha256:" + "0" * 64


def make_bundle(statements: int) -> tuple[Bundle, Trust]:
    """A log in which two parties state exports in turn; every statement is signed."""
    keys = {COORDINATOR: SigningKey.generate(), "north": SigningKey.generate()}
    public = {name: key.public.raw.hex() for name, key in keys.items()}
    joined = SiteJoined(at=1.0, site="north", public_key=public["north"])
    envelopes = [sign(joined, kind_of(joined), keys[COORDINATOR])]
    for number in range(1, statements):
        actor = ("north", COORDINATOR)[number % 2]
        event = ExportMade(
            at=1.0 + number, actor=actor, run=None, what="report", digest=DIGEST, recipient="all"
        )
        envelopes.append(sign(event, kind_of(event), keys[actor]))
    log = SignedLog(ORIGIN).append(*envelopes)
    bundle = Bundle(
        format=FORMAT,
        origin=ORIGIN,
        checkpoint=sign_checkpoint(log.head(), COORDINATOR, keys[COORDINATOR]),
        entries=log.entries,
        snapshots=(),
    )
    trust = Trust(
        origin=ORIGIN,
        coordinator=public[COORDINATOR],
        sites={"north": public["north"]},
        witnesses={},
        required_witnesses=0,
    )
    return bundle, trust


@click.command()
@click.option("--statements", default=10_000, show_default=True)
def main(statements: int) -> None:
    """Print the seconds of each verifier; the log is made before the clock starts."""
    bundle, trust = make_bundle(statements)
    ours = _Clock()
    found = verify(bundle, trust)
    took = ours.seconds()
    assert found == []
    content, trusted = bundle.model_dump_json(), json.loads(trust.model_dump_json())
    own = _Clock()
    alone = standalone_verifier.verify(json.loads(content), trusted, None)
    one_file = own.seconds()
    assert alone == []
    print(
        f"{statements} statements, seconds by the clock (of the processor): "
        f"fedclinic audit verify {took}, one file {one_file}"
    )


class _Clock:
    """Seconds by the clock, and of the processor, which other work lengthens less."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def seconds(self) -> str:
        clock, processor = self._began
        return f"{time.perf_counter() - clock:.1f} ({time.process_time() - processor:.1f})"


if __name__ == "__main__":
    main()
