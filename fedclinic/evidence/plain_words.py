"""Numbers of privacy and audits in words that a board member can rely on, with their limits."""

import math

from fedclinic.evidence.events import AuditJudged
from fedclinic.privacy.mechanism import PrivacyPromise

MANY_HOSPITALS = (
    "A patient seen at several of these hospitals is protected by each of them on its own: what "
    "the hospitals spend then adds up for that patient."
)
NOT_A_CERTIFICATE = (
    "This report shows what was signed, and that what is shown equals what was signed. It is not a "
    "certificate, and whether a law is met is for counsel to decide."
)
AUDITS_FIND_BUGS = (
    "An audit can find that privacy is worse than claimed; it cannot prove that it is as good. A "
    "site that means to deceive could pass every one of them."
)
HOW_SURE = (
    "In brackets: the 95 % interval, in which the value would lie in 95 of 100 draws of as many "
    "patients of the same kind. It takes the patients of these notes for a random sample of those "
    "for whom the model is meant, and says nothing of patients of another kind. A row without "
    "brackets has too few patients for one, or one value whomever is drawn."
)


def explain_promise(promise: PrivacyPromise | None) -> str:
    """Say what (epsilon, delta) bounds, for one patient at one hospital."""
    if promise is None:
        return "This run had no privacy protection: nothing bounds what its model reveals."
    return (
        f"Whoever sees the model, however they use it, can become at most "
        f"{_factor(math.exp(promise.epsilon))} surer (in odds) that a given patient's notes were "
        f"used than they were before, apart from a chance of about 1 in {1 / promise.delta:,.0f}. "
        f"In numbers: epsilon {promise.epsilon:g}, delta {promise.delta:g}, for adding or removing "
        f"one {promise.unit}, by the {promise.accountant} accountant."
    )


def explain_audit(audit: AuditJudged) -> str:
    """Say what an audit measured and what it could not have seen."""
    bound = audit.numbers.get("epsilon_lower_bound")
    largest = audit.numbers.get("largest_refutable_epsilon")
    sentence = _AUDITS[audit.audit]
    if bound is not None:
        sentence += f" It measured that epsilon is at least {bound:.2f}."
    if largest is not None:
        sentence += (
            f" The largest epsilon that this audit could have refuted is {largest:.2f}: it says "
            "nothing of claims above that."
        )
    area, share = (audit.numbers.get(n) for n in ("membership_auc", "tpr_at_one_percent_fpr"))
    if area is not None and share is not None:
        sentence += (
            f" An attacker who guesses which were planted is right with area {area:.2f} (0.5 is "
            f"chance), and finds {share:.0%} of them where 1 % of the others are mistaken for them."
        )
    return f"{sentence} Finding: {audit.reason}." if audit.reason else sentence


_AUDITS = {
    "self-test": (
        "Before it touched a note, the trainer was run on synthetic data: clipping, sampling and "
        "noise must follow the plan."
    ),
    "audit-head": (
        "Made-up patients were trained on beside the real ones, in a part of the model that is "
        "thrown away: the noise that reached them must be the plan's."
    ),
    "commit-reveal": (
        "The site bound itself to its coins before training and showed them afterwards, so that "
        "its audit could not be made up."
    ),
    "memorisation": (
        "Made-up patients were planted among each site's notes; the model must not know them "
        "better than others of their kind that it has never seen."
    ),
    "membership": "An attacker tried to tell notes that were used from notes that were not.",
}


def _factor(odds: float) -> str:
    return f"{odds:.1f} times" if odds < 10 else f"{odds:,.0f} times"


def in_bytes(count: float) -> str:
    """A size as people write it: 14.2 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError
