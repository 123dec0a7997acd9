"""What a log says happened, as it is read entry by entry: the runs, their rounds and every site."""

from dataclasses import dataclass, field

from fedclinic.evidence.events import BudgetCommitted, BudgetReserved, PolicyChanged, UpdateJudged
from fedclinic.evidence.plan_facts import PlanFacts, TaskFacts
from fedclinic.privacy.audit_messages import CoinCommitment, LoggedGuesses
from fedclinic.records import Digest
from fedclinic.rounds import LedgerHead, SiteReport

Turn = tuple[int, str, int]
"""One site's work in a round: round, site, attempt."""


@dataclass
class RunStory:
    """One run so far."""

    plan_digest: Digest
    plan: PlanFacts | None
    """None if the plan cannot be read by this version."""
    tasks: dict[Turn, TaskFacts] = field(default_factory=dict)
    reports: dict[Turn, SiteReport] = field(default_factory=dict)
    reserved: dict[Turn, BudgetReserved] = field(default_factory=dict)
    begun: set[Turn] = field(default_factory=set)
    committed: dict[Turn, BudgetCommitted] = field(default_factory=dict)
    judged: dict[Turn, UpdateJudged] = field(default_factory=dict)
    epsilons: dict[str, list[float]] = field(default_factory=dict)
    """Epsilon of the run so far, after each of a site's completed rounds."""
    round_number: int = 0
    """The last round that was aggregated."""
    state: Digest | None = None
    """The state after it."""
    failed_audits: list[str] = field(default_factory=list)
    committed_coins: dict[str, CoinCommitment] = field(default_factory=dict)
    guessed: dict[str, LoggedGuesses] = field(default_factory=dict)
    """What was guessed of each site's coins, the last time."""
    revealed: set[str] = field(default_factory=set)
    """Sites that told their coins."""


@dataclass
class Story:
    """All runs of a log, and what outlives a run at a site."""

    runs: dict[str, RunStory] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)
    """The entry that used a nonce first."""
    ledgers: dict[str, LedgerHead] = field(default_factory=dict)
    """The last head of each site's ledger."""
    self_tests: dict[str, str] = field(default_factory=dict)
    """The last verdict of each site's self-test."""
    policies: dict[tuple[str, str], PolicyChanged] = field(default_factory=dict)
    """The last version of each document that an actor stated."""
    recorded: dict[str, Digest] = field(default_factory=dict)
    """The snapshot of each MLflow run that was recorded as finished."""
