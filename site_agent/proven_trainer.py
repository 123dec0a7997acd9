"""The proof that this machine's trainer protects patients, which comes before its first round."""

from dataclasses import dataclass

from fedclinic.digest import digest_record
from fedclinic.errors import TrainingError
from fedclinic.evidence.events import SelfTested
from fedclinic.privacy.production_trainer import production_trainer
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.privacy.self_test import SelfTest, run_self_test
from fedclinic.records import Digest
from site_agent.ledger_statements import to_the_minute
from site_agent.own_code import code_digest, image_digest


@dataclass(frozen=True)
class ProvenTrainer:
    """A self-test that was passed."""

    statement: SelfTested
    digest: Digest
    """Of the whole result, by which a round's report names it."""


def prove_trainer(site: str, noise_key: bytes, at: float) -> ProvenTrainer:
    """Test the trainer that real notes meet, on made-up ones.

    Raises:
        TrainingError: naming the properties that failed; no round is run then.
    """
    result = run_self_test(production_trainer, RandomStream(noise_key))
    if not result.passed:
        failed = ", ".join(result.failed())
        raise TrainingError(f"the trainer failed its self-test ({failed}): nothing is run")
    return ProvenTrainer(_statement_of(result, site, at), digest_record(result))


def _statement_of(result: SelfTest, site: str, at: float) -> SelfTested:
    return SelfTested(
        at=to_the_minute(at),
        site=site,
        code=code_digest(),
        image=image_digest(),
        verdict="pass",
        checks={check.name: "pass" if check.passed else "fail" for check in result.checks},
    )
