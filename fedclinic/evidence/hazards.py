"""Ways to lose a differential-privacy guarantee, and this project's answer to each, as data.

NIST SP 800-226 names hazards of this kind. Number, names and order here are ours and were not
compared with the publication's text, so every table made of them says so and leaves the
publication's own names as a gap. An answer names a test or page that shows it, or is a gap for the
hospital to fill.

Source: Near, Darais, Lefkovitz, Howarth 2025, "Guidelines for Evaluating Differential Privacy
Guarantees", NIST SP 800-226, doi 10.6028/NIST.SP.800-226.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hazard:
    """A way to lose a guarantee; `answer` is empty where the project has none."""

    asks: str
    answer: str = ""
    shown_by: str = ""


SHARP_EDGES = "tests/promises/test_privacy_sharp_edges.py"

HAZARDS = (
    Hazard(
        "The privacy loss is too large to mean anything",
        "A site's policy caps a run's epsilon and a cohort's epsilon for life and for a year; a "
        "plan above the cap is refused.",
        "policies/privacy.yaml; tests/promises/test_budget_is_kept.py",
    ),
    Hazard(
        "Delta is too large for the number of people",
        "A site's policy refuses a delta above 1e-5, and above 1/n squared where a public number "
        "of patients n is declared.",
        "tests/fedclinic/privacy/test_policy.py",
    ),
    Hazard(
        "A variant of differential privacy is quoted as if it were another",
        "Every number is printed with unit, adjacency, delta and accountant; budgets over runs "
        "are counted in Renyi differential privacy and turned into (epsilon, delta).",
        "docs/auditor.md",
    ),
    Hazard(
        "The unit of privacy is smaller than a person",
        "The unit is the patient with all notes: a step uses one note of a patient, or all of them "
        "summed before they are clipped.",
        "tests/promises/test_privacy.py",
    ),
    Hazard(
        "One person contributes more than the analysis assumes",
        "Each patient's gradient is clipped as a whole, and the self-test reads the sensitivity of "
        "a patient with several notes.",
        "fedclinic/privacy/self_test.py",
    ),
    Hazard(
        "Neighbouring data sets are defined in two ways at once",
        "Adding or removing one patient, everywhere; the divisor of the noised sum is a constant "
        "of the plan and never the number of patients.",
        SHARP_EDGES,
    ),
    Hazard(
        "A person is in several data sets, and their losses add up",
        "Not solved: a patient seen at several hospitals loses the sum. Every report says so.",
        "fedclinic/evidence/plain_words.py",
    ),
    Hazard(
        "Sensitivity is computed wrongly",
        "The self-test measures it on made-up patients before every agent's first round.",
        "tests/fedclinic/privacy/test_self_test.py",
    ),
    Hazard(
        "Sensitivity is unbounded, or depends on the data",
        "Clipping bounds it by a constant of the signed plan; a gradient that is not finite counts "
        "as nothing.",
        "tests/fedclinic/privacy/test_dp_step.py",
    ),
    Hazard(
        "Several releases are accounted for one by one",
        "Mechanisms are composed over rounds, never epsilons, and each cohort's ledger composes "
        "over all runs.",
        "tests/fedclinic/privacy/test_accounting.py",
    ),
    Hazard(
        "Parameters that are chosen on the way are composed as if they had been fixed",
        "Budgets over runs use a filter that stays right however rounds are chosen.",
        "fedclinic/privacy/budget.py",
    ),
    Hazard(
        "Hyperparameters are tuned on the private data without a charge",
        "Every round is charged, whatever it was for; choosing among finished runs is not charged "
        "by itself.",
    ),
    Hazard(
        "Sampling in the code is not the sampling in the analysis",
        "Patients join each step independently (Poisson); a trainer that shuffles fails the "
        "self-test.",
        "tests/fedclinic/privacy/test_self_test.py",
    ),
    Hazard(
        "The size of a batch, or an empty one, tells something",
        "The divisor is a constant, and an empty batch still gets its noise.",
        SHARP_EDGES,
    ),
    Hazard(
        "Statistics beside the model leave without noise",
        "A site lets out only fields of its disclosure policy; counts are rounded and small ones "
        "withheld. Rounding is disclosure control and not differential privacy.",
        "policies/disclosure.yaml; tests/promises/test_little_is_told.py",
    ),
    Hazard(
        "Pre- and post-processing look at the data unnoised",
        "De-identification and encoding treat each note alone; what the coordinator computes is "
        "made from noised updates and public or consented notes.",
        "docs/sharp-edges.md",
    ),
    Hazard(
        "Random numbers can be predicted",
        "Noise and sampling come from a cryptographic stream keyed by the operating system; no "
        "configured seed reaches a private round.",
        "tests/fedclinic/privacy/test_random_stream.py",
    ),
    Hazard(
        "Noise in floating point gives away what it hides",
        "Gaussian noise is drawn in floating point. Attacks on its low bits are known for single "
        "queries; none of the defences is implemented.",
    ),
    Hazard(
        "Time, memory or errors depend on one person's data",
        "A report carries no time of a step and no error text, only one word; the duration of a "
        "round is seen by the coordinator.",
        "tests/promises/test_little_is_told.py",
    ),
    Hazard(
        "The implementation has a bug that no proof sees",
        "Self-test, audit head with commit and reveal, and a list of broken trainers that must "
        "fail.",
        "tests/fedclinic/privacy/test_audit.py",
    ),
    Hazard(
        "Whoever curates the data sees it, and is trusted too much",
        "Notes stay at their site; the coordinator's code cannot name a note.",
        "tests/promises/test_the_coordinator_is_kept_out.py",
    ),
    Hazard(
        "Access to data, budget or keys is not controlled",
        "Tasks are signed, sites obey their own policy, the ledger is chained and witnessed. Who "
        "may log in to a site's machine is the hospital's to say.",
        "tests/promises/test_budget_is_kept.py",
    ),
    Hazard(
        "The exact data are kept or published beside the private release",
        "Encrypted notes stay in the site's home; what is kept there and for how long is the "
        "hospital's retention rule.",
    ),
    Hazard(
        "Noise hurts small groups more than large ones",
    ),
    Hazard(
        "A guarantee is explained so that people expect too much of it",
        "Reports say in words what epsilon bounds, what an audit can and cannot find, and that "
        "nothing here is a certificate.",
        "fedclinic/evidence/plain_words.py",
    ),
)
