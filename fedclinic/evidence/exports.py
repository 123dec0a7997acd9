"""Drafts of the documents that regulators ask for, filled from a run's records and nothing else.

A draft is a list of questions. What the records answer is filled in; the rest is marked as a gap
for a person to fill: prose never takes the place of evidence. Article numbers are for counsel to
check, and nothing here is a certification.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fedclinic.evidence import plain_words
from fedclinic.evidence.deid_section import (
    RECALL_MEANS,
    last_summaries,
    recall_rows,
    recall_was_measured,
)
from fedclinic.evidence.findings import verdict_of
from fedclinic.evidence.hazards import HAZARDS
from fedclinic.evidence.quality import group_head, group_rows, quality_head, quality_rows
from fedclinic.evidence.run_evidence import RunEvidence


@dataclass(frozen=True)
class Question:
    """What a document must say; `answer` is empty if no record says it."""

    asks: str
    answer: str = ""


def render_export(name: str, data: RunEvidence) -> str:
    """Write one of the `EXPORTS` as Markdown.

    Raises:
        KeyError: if there is no such export.
    """
    title, ask = EXPORTS[name]
    questions = ask(data)
    missing = sum(not question.answer for question in questions)
    parts = [
        f"# {title}",
        f"Draft for {data.plan.federation}, run {data.run}, made {data.generated_at}. "
        f"{missing} of {len(questions)} answers are gaps.",
        plain_words.NOT_A_CERTIFICATE,
        *(f"## {q.asks}\n\n{q.answer or '**Gap: no record says it.**'}" for q in questions),
    ]
    return "\n\n".join(parts) + "\n"


def record_of_processing(data: RunEvidence) -> list[Question]:
    """GDPR, article 30."""
    return [
        Question("Controllers and their contacts"),
        Question("Purposes of the processing", _purpose(data)),
        Question("Legal basis"),
        Question("Categories of data subjects", f"Patients of {_sites(data)}."),
        Question(
            "Categories of personal data",
            "Clinical notes, de-identified at their site before anything is trained on them.",
        ),
        Question("Recipients", _outputs(data)),
        Question("Transfers to third countries"),
        Question("Time limits for erasure"),
        Question("Technical and organisational measures", _measures(data)),
    ]


def impact_assessment(data: RunEvidence) -> list[Question]:
    """GDPR, article 35, paragraph 7."""
    return [
        Question("Description of the processing", _purpose(data)),
        Question("Necessity and proportionality"),
        Question(
            "Risks: what a released model can reveal of a patient",
            plain_words.explain_promise(data.promise()) + " " + plain_words.MANY_HOSPITALS,
        ),
        Question("Risks: identifiers that de-identification misses", _recall(data)),
        Question("Risks to groups of patients whom the model serves worse", _groups(data)),
        Question("Measures", _measures(data)),
        Question("What the audits found", _audits(data)),
        Question("Advice of the data protection officer"),
        Question("Views of data subjects"),
    ]


def expert_pack(data: RunEvidence) -> list[Question]:
    """HIPAA, 45 CFR 164.514(b)(1): what an expert needs to determine that the risk is small."""
    return [
        Question("Who receives the information, and what else they can know", _outputs(data)),
        Question("Privacy parameters", plain_words.explain_promise(data.promise())),
        Question("De-identification: counts and measured recall", _recall(data)),
        Question("Audits of the trainers, with their limits", _audits(data)),
        Question("Refusals and quarantines", _refusals(data)),
        Question("Integrity of this evidence", _integrity(data)),
        Question("Methods and results of the expert's analysis"),
        Question("Determination, name, date and period of validity"),
    ]


def technical_documentation(data: RunEvidence) -> list[Question]:
    """EU AI Act, annex IV."""
    plan = data.plan
    return [
        Question("Intended purpose, provider and version"),
        Question(
            "How the system was developed",
            f"Method {plan.method.name}, {plan.rounds} rounds over {len(plan.sites)} sites; what "
            f"trains is in the plan, {plan.digest()}, with the base model {plan.base_model.name}.",
        ),
        Question("Data: origin, selection, labelling, cleaning"),
        Question("Human oversight"),
        Question("Accuracy", _quality(data)),
        Question("Accuracy for groups of persons", _groups(data)),
        Question("Robustness and cyber security", _measures(data)),
        Question("Record keeping", _integrity(data)),
        Question("Risk management system"),
        Question("Standards applied"),
        Question("Plan for monitoring after the market"),
    ]


def differential_privacy_hazards(data: RunEvidence) -> list[Question]:
    """For a review after NIST SP 800-226: each way to lose the guarantee, and what answers it."""
    del data  # the answers are the software's; what a run promised is in its report
    return [
        Question(
            "Which hazard of NIST SP 800-226 (March 2025) each of these is, by its name and section"
        ),
    ] + [
        Question(h.asks, f"{h.answer} Shown by: {h.shown_by}." if h.shown_by else h.answer)
        for h in HAZARDS
    ]


EXPORTS: Mapping[str, tuple[str, Callable[[RunEvidence], list[Question]]]] = {
    "processing-record": ("Record of processing activities (GDPR 30)", record_of_processing),
    "dpia": ("Data protection impact assessment (GDPR 35)", impact_assessment),
    "expert-pack": ("Expert determination pack (HIPAA 164.514(b)(1))", expert_pack),
    "annex-iv": ("Technical documentation (EU AI Act, annex IV)", technical_documentation),
    "sp800-226": (
        "Ways to lose differential privacy, in our words, for a review after NIST SP 800-226",
        differential_privacy_hazards,
    ),
}


def _purpose(data: RunEvidence) -> str:
    task = data.plan.task
    return (
        f"To train a model for {task.kind.replace('_', ' ')} with the labels "
        f"{', '.join(task.labels)}, together with the other sites, without moving notes."
    )


def _sites(data: RunEvidence) -> str:
    return ", ".join(data.plan.site_names())


def _outputs(data: RunEvidence) -> str:
    return "\n".join(
        f"- {output.name} ({output.what}), for {output.recipient}, {output.digest}"
        for output in data.outputs
    )


def _measures(data: RunEvidence) -> str:
    promise = data.promise()
    measures = ["Notes stay at their site; changes of the model travel, signed by the site."]
    if promise is not None:
        measures.append(
            f"Patient-level differential privacy: epsilon {promise.epsilon:g}, delta "
            f"{promise.delta:g}, {promise.adjacency}, {promise.accountant} accountant."
        )
    if any(report.budget for site in data.plan.site_names() for report in data.reports(site)):
        measures.append("Each site keeps a budget and refuses the round that would pass it.")
    if data.verification is not None:
        measures.append(
            "Every step is a signed statement in a log that cannot be rewritten unseen."
        )
    return "\n".join(f"- {measure}" for measure in measures)


def _recall(data: RunEvidence) -> str:
    if not recall_was_measured(data):
        return ""
    last = last_summaries(data)
    rows = [
        f"- {kind}: {', '.join(f'{site} {each}' for site, each in zip(last, told, strict=True))}"
        for kind, *told in recall_rows(last)
    ]
    return "\n".join([RECALL_MEANS, "", *rows])


def _audits(data: RunEvidence) -> str:
    if not data.audits:
        return ""
    rows = [
        f"- {audit.audit} of {audit.about}: {audit.verdict}. {plain_words.explain_audit(audit)}"
        for audit in data.audits
    ]
    return "\n".join([plain_words.AUDITS_FIND_BUGS, "", *rows])


def _refusals(data: RunEvidence) -> str:
    rows = [
        f"- round {round_.round_number}, {entry.site}: {entry.verdict}, {entry.reason}"
        for round_ in data.rounds
        for entry in round_.sites
        if entry.verdict != "admitted"
    ]
    return "\n".join(rows) or "None."


def _quality(data: RunEvidence) -> str:
    if not any(round_.evaluations for round_ in data.rounds):
        return ""
    return _listed(quality_head(data), quality_rows(data, last_round_only=True))


def _groups(data: RunEvidence) -> str:
    return _listed(group_head(data), group_rows(data))


def _listed(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """One line a row, each value with the name of its column; nothing where there is no row."""
    lines = [
        f"- {name}: {', '.join(f'{c} {v}' for c, v in zip(head[1:], told, strict=True) if v)}"
        for name, *told in rows
    ]
    return "\n".join([*lines, "", plain_words.HOW_SURE]) if lines else ""


def _integrity(data: RunEvidence) -> str:
    seal = data.verification
    if seal is None:
        return ""
    return (
        f"{seal.statements} signed statements in log {seal.origin}, root {seal.root}, cosigned by "
        f"{', '.join(seal.witnesses) or 'nobody'}; the verifier says: {verdict_of(seal.findings)}."
    )
