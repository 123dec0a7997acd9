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
from fedclinic.evidence.plan_facts import PlanFacts, TaskFacts, read_plan_facts
from fedclinic.evidence.verify_log import Entry
from fedclinic.methods import Method, ServerState, encode_state, make_method
from fedclinic.methods.configured import chosen_arms, chosen_dropouts, with_rewards
from fedclinic.plan import Method as MethodPlan
from fedclinic.privacy.accounting import ComposedPrivacy
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.records import Digest
from fedclinic.rounds import LedgerHead, SiteReport
from fedclinic.updates.codec import Tensors
from fedclinic.updates.layout import TensorSchema

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

    Where a configurator chose how sites train, its choices follow from the states, and its memory
    from the rewards that the coordinator stated; what a reward was measured on is not in the log.

    Args:
        schema: shapes of the tensors that the plan trains.
    """
    entries = list(entries)
    plan = _planned(entries, run)
    if plan is None:
        yield unverifiable("replay.plan", f"run {run}", "no plan that this version reads")
        return
    weights = _weights(plan[1])
    again = _Replayed(plan[0], tuple(weights), schema)
    admitted: dict[int, dict[str, Digest]] = defaultdict(dict)
    for entry in entries:
        event = entry.event
        if getattr(event, "run", None) != run:
            continue
        if isinstance(event, TaskFacts):
            yield from again.check_choice(event, entry.where)
        elif isinstance(event, UpdateJudged) and event.update is not None:
            if event.verdict == "admitted":
                admitted[event.round_number][event.site] = event.update
        elif isinstance(event, RoundAggregated):
            digests = admitted[event.round_number]
            found = list(again.fold_in(event, digests, weights, open_update, entry.where))
            yield from found
            if found:
                return


class _Replayed:
    """A run's state, computed again round by round."""

    def __init__(self, plan: MethodPlan, sites: tuple[str, ...], schema: TensorSchema) -> None:
        self.plan, self.sites = plan, sites
        self.method = make_method(plan, sites)
        self.state = self.method.init(schema)

    def check_choice(self, task: TaskFacts, where: str) -> Iterator[Finding]:
        """A site was asked for the layer dropout that the configurator chose for it."""
        if task.round_number != self.state.round_number + 1:
            return
        chosen = chosen_dropouts(self.plan, self.sites, self.state, task.round_number)
        wanted = chosen.get(task.site)
        if task.dropout != (wanted.model_dump(mode="json") if wanted else None):
            what = "the site was asked for another layer dropout than its configurator chose"
            yield failed("replay.choice", where, what)

    def fold_in(
        self,
        event: RoundAggregated,
        digests: Mapping[str, Digest],
        weights: Mapping[str, float],
        open_update: OpenUpdate,
        where: str,
    ) -> Iterator[Finding]:
        """Go on by one round, and compare the state with the one that was signed."""
        arms = chosen_arms(self.plan, self.sites, self.state, event.round_number)
        if arms and not event.rewards:
            what = "its configurator's rewards were not stated: the log is of an older version"
            yield unverifiable("replay.rewards", where, what)
            return
        if {str(arms.get(site)) for site in digests if arms} != event.rewards.keys():
            yield failed("replay.rewards", where, "rewards are of other arms than were used")
            return
        try:
            after = _fold_in(self.method, self.state, digests, weights, open_update)
            self.state = with_rewards(self.plan, self.state, after, event.rewards)
        except DataError as error:
            yield unverifiable("replay.update", where, str(error))
            return
        except (AdmissionError, EvidenceError) as error:
            yield failed("replay.update", where, str(error))
            return
        if digest_bytes(encode_state(self.state)) != event.state_after:
            yield failed("replay.state", where, "the same updates give another state")


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
