"""Which part of a report answers which question of a regulator; a part that is missing is a gap.

Article numbers are for counsel to check; nothing here is a certification.
"""

from dataclasses import dataclass

from fedclinic.evidence.deid_section import recall_was_measured
from fedclinic.evidence.run_evidence import RunEvidence


@dataclass(frozen=True)
class Answer:
    """One row: where the answer is, or that there is none (`section` empty)."""

    source: str
    asks: str
    section: str
    answer: str


def answer_regulations(data: RunEvidence) -> list[Answer]:
    """Point each question at the section of the report that answers it."""
    verified = data.verification is not None
    return [
        Answer(
            "HIPAA 164.514(b)(2), Safe Harbor",
            "de-identification: methods, counts, measured recall",
            "deid" if recall_was_measured(data) else "",
            "De-identification" if recall_was_measured(data) else "recall was not measured",
        ),
        Answer(
            "HIPAA 164.514(b)(1), Expert determination",
            "privacy parameters, audits, memorisation",
            "audits" if data.audits else "",
            "Audits" if data.audits else "no audit is recorded",
        ),
        Answer(
            "HIPAA 164.312",
            "audit controls, integrity",
            "digests" if verified else "",
            "Digests, and how to verify" if verified else "the log was not verified",
        ),
        Answer(
            "21 CFR 11.10, 11.50, 11.70",
            "append-only records, signatures with meaning",
            "digests" if verified else "",
            "Digests, and how to verify" if verified else "the log was not verified",
        ),
        Answer(
            "GDPR 25, 35", "data protection by design, impact", "promised", "Promised, measured"
        ),
        Answer("GDPR 30", "record of processing, recipients", "outputs", "Register of outputs"),
        Answer("EU AI Act 12", "record keeping over the lifetime", "rounds", "Sites and rounds"),
        Answer(
            "EU AI Act 15",
            "accuracy, robustness",
            "quality" if any(r.evaluations for r in data.rounds) else "",
            "Quality of the model"
            if any(r.evaluations for r in data.rounds)
            else "quality was not measured",
        ),
        Answer(
            "NIST SP 800-226",
            "unit, adjacency, epsilon, delta, accountant",
            "summary" if data.promise() else "",
            "Summary" if data.promise() else "the run had no privacy protection",
        ),
    ]
