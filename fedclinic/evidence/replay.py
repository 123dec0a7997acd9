"""Compute a run again from what was signed: epsilons, ledger heads, and states bit for bit.

Verification asks whether evidence agrees with itself; replay asks whether the numbers follow.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack

from pydantic import TypeAdapter, ValidationError

from fedclinic.digest import digest_bytes
from fedclinic.errors import AdmissionError, DataError, EvidenceError
from fedclinic.evidence.events import BudgetCommitted, PlanApproved, RoundAggregated, UpdateJudged
from fedclinic.evidence.findings import Finding, failed, unverifiable
from fedclinic.evidence.plan_facts import PlanFacts, read_plan_facts
from fedclinic.evidence.verify_log import Entry
from fedclinic.method_plan import configurator_of
from fedclinic.methods import Method, ServerState, encode_state, make_method
from fedclinic.plan import Method as MethodPlan
from fedclinic.privacy.accounting import ComposedPrivacy
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.records import Digest
from fedclinic.rounds import LedgerHead, SiteReport
from fedclinic.updates.codec import Tensors, TensorSchema

OpenUpdate = Callable[[Digest], AbstractContextManager[Tensors]]
"""Opens a stored update by its digest; raises DataError if it was not kept."""

_METHOD: TypeAdapter[MethodPlan] = TypeAdapter(MethodPlan)

_TOLERANCE = 1e-3
"""Relative: composing in another order rounds the privacy loss differently."""


def replay_epsilons(entries: Iterable[Entry], run: str) -> Iterator[Finding]:
    """Recompute every signed epsilon of a run from the mechanisms that were charged.

    Adjacency: adding or removing one patient; the unit is the patient; PLD accountant. Where a
    site signed its charges, those count; where it did not, the plan's mechanism for each round.
    """
    entries = list(entries)
    plan = _plan_facts(entries, run)
    if plan is None:
        yield unverifiable("replay.plan", f"run {run}", "no plan that this version reads")
        return
    if not plan.protected:
        return
    charged: dict[str, list[Mechanism]] = defaultdict(list)
    composed = _Composed()
    for entry in entries:
        event = entry.event
        if isinstance(event, BudgetCommitted) and event.run == run:
            charged[event.site].append(event.mechanism)
        if isinstance(event, SiteReport) and event.run == run and event.privacy is not None:
            rounds = event.privacy.rounds
            mechanisms = charged[event.site] or [plan.mechanism()] * rounds
            if len(mechanisms) != rounds:
                what = f"{rounds} rounds are accounted for, {len(mechanisms)} were charged"
                yield failed("replay.rounds", entry.where, what)
            again = composed.epsilon(mechanisms, event.privacy.delta)
            if abs(again - event.privacy.epsilon) > _TOLERANCE * max(again, event.privacy.epsilon):
                what = f"epsilon {event.privacy.epsilon:.6g} was signed, it is {again:.6g}"
                yield failed("replay.epsilon", entry.where, what)


def replay_heads(entries: Iterable[Entry], heads: Mapping[str, LedgerHead]) -> Iterator[Finding]:
    """Compare the heads that ledgers have now with the last ones that the sites signed."""
    last: dict[str, LedgerHead] = {}
    for entry in entries:
        if isinstance(entry.event, SiteReport) and entry.event.ledger is not None:
            last[entry.event.site] = entry.event.ledger
    for site, signed in sorted(last.items()):
        now, where = heads.get(site), f"ledger of site {site}"
        if now is None:
            yield unverifiable("replay.ledger", where, "its head is not known")
        elif now.sequence < signed.sequence:
            what = f"entry {signed.sequence} was signed, it ends at {now.sequence}: rolled back"
            yield failed("replay.ledger", where, what)
        elif now.sequence == signed.sequence and now.hash != signed.hash:
            yield failed("replay.ledger", where, f"entry {now.sequence} is not the signed one")


def replay_states(
    entries: Iterable[Entry], run: str, schema: TensorSchema, open_update: OpenUpdate
) -> Iterator[Finding]:
    """Fold the admitted updates in again and compare every state's digest.

    Args:
        schema: shapes of the tensors that the plan trains.
    """
    entries = list(entries)
    plan = _planned(entries, run)
    if plan is None:
        yield unverifiable("replay.plan", f"run {run}", "no plan that this version reads")
        return
    if configurator_of(plan[0]) is not None:
        what = "its configurator's rewards are not in the log"
        yield unverifiable("replay.plan", f"run {run}", what)
        return
    weights = _weights(plan[1])
    method = make_method(plan[0], tuple(weights))
    state = method.init(schema)
    admitted: dict[int, dict[str, Digest]] = defaultdict(dict)
    for entry in entries:
        event = entry.event
        if isinstance(event, UpdateJudged) and event.run == run and event.update is not None:
            if event.verdict == "admitted":
                admitted[event.round_number][event.site] = event.update
        elif isinstance(event, RoundAggregated) and event.run == run:
            digests = admitted[event.round_number]
            try:
                state = _fold_in(method, state, digests, weights, open_update)
            except DataError as error:
                yield unverifiable("replay.update", entry.where, str(error))
                return
            except AdmissionError as error:
                yield failed("replay.update", entry.where, str(error))
                return
            if digest_bytes(encode_state(state)) != event.state_after:
                yield failed("replay.state", entry.where, "the same updates give another state")
                return


def _fold_in(
    method: Method,
    state: ServerState,
    digests: Mapping[str, Digest],
    weights: Mapping[str, float],
    open_update: OpenUpdate,
) -> ServerState:
    with ExitStack() as files:
        updates = {
            site: files.enter_context(open_update(digest)) for site, digest in digests.items()
        }
        return method.apply(state, updates, weights)[0]


class _Composed:
    """Epsilons of growing lists of mechanisms, each composed once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Mechanism, ...], ComposedPrivacy] = {(): ComposedPrivacy()}

    def epsilon(self, mechanisms: list[Mechanism], delta: float) -> float:
        return self._compose(tuple(mechanisms)).epsilon(delta=delta)

    def _compose(self, mechanisms: tuple[Mechanism, ...]) -> ComposedPrivacy:
        shorter = len(mechanisms)
        while mechanisms[:shorter] not in self._known:
            shorter -= 1
        composed = self._known[mechanisms[:shorter]]
        for length in range(shorter, len(mechanisms)):
            composed = composed.then(mechanisms[length])
            self._known[mechanisms[: length + 1]] = composed
        return composed


def _approved(entries: Iterable[Entry], run: str) -> PlanApproved | None:
    for entry in entries:
        if isinstance(entry.event, PlanApproved) and entry.event.run == run:
            return entry.event
    return None


def _plan_facts(entries: Iterable[Entry], run: str) -> PlanFacts | None:
    approved = _approved(entries, run)
    try:
        return read_plan_facts(approved.plan) if approved else None
    except EvidenceError:
        return None


def _planned(entries: Iterable[Entry], run: str) -> tuple[MethodPlan, PlanFacts] | None:
    """How a run's updates are folded in, and by which weights."""
    approved = _approved(entries, run)
    if approved is None:
        return None
    try:
        method = _METHOD.validate_python(approved.plan.get("method"))
        return method, read_plan_facts(approved.plan)
    except (ValidationError, EvidenceError):
        return None


def _weights(plan: PlanFacts) -> dict[str, float]:
    """Weights that sum to 1 over all sites of the plan, as the plan computes them."""
    total = sum(site.weight for site in plan.sites)
    return {site.name: site.weight / total for site in plan.sites}
