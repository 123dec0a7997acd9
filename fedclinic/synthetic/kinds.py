"""The words of the synthetic cohort: labels, note types and strata; no text and no chance."""

from typing import Literal

Split = Literal["train", "test"]

SERVICES = (
    "cardiology",
    "pulmonology",
    "gastroenterology",
    "neurology",
    "orthopedics",
    "oncology",
    "nephrology",
    "endocrinology",
)
"""Document labels: the clinical service of the problem that the note is about."""

ENTITY_KINDS = ("problem", "drug", "test", "procedure", "anatomy")
"""Labels of `Note.entities`; a complaint or an abnormal finding counts as a problem."""

NOTE_TYPES = (
    "discharge_summary",
    "progress_note",
    "consult_note",
    "ed_note",
    "radiology_report",
    "operative_note",
    "nursing_note",
    "clinic_letter",
    "telephone_encounter",
    "pathology_report",
)

Stratum = Literal["mixed", "upper", "lower", "composed"]
"""How hard a note is to de-identify: ordinary text; no lower case; no capitals; names that are in
no dictionary."""
