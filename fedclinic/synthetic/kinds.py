"""The words of the synthetic cohort: labels, identifier kinds and strata; no text and no chance."""

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

HIPAA_KINDS = {
    "PERSON": "A names",
    "LOCATION": "B geographic subdivisions smaller than a state",
    "DATE_TIME": "C date elements other than the year",
    "AGE": "C ages over 89",
    "PHONE_NUMBER": "D telephone numbers",
    "FAX_NUMBER": "E fax numbers",
    "EMAIL_ADDRESS": "F email addresses",
    "US_SSN": "G social security numbers",
    "MEDICAL_RECORD": "H medical record numbers",
    "HEALTH_PLAN": "I health plan beneficiary numbers",
    "ACCOUNT": "J account numbers",
    "LICENSE": "K certificate and licence numbers",
    "VEHICLE": "L vehicle identifiers and plates",
    "DEVICE": "M device identifiers and serial numbers",
    "URL": "N web addresses",
    "IP_ADDRESS": "O IP addresses",
    "BIOMETRIC": "P biometric identifiers",
    "PHOTO": "Q full-face photographs and comparable images",
    "OTHER_ID": "R any other unique number, characteristic or code",
    "ORGANIZATION": "R any other unique number, characteristic or code",
}
"""Labels of gold identifier spans, and the item of 45 CFR 164.514(b)(2)(i) each belongs to."""

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
