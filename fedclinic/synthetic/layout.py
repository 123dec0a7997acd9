"""Which sections a type of note has, and which groups of frames fill a section; no text."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """One section: its share of the note, the group it opens with, and the groups it draws from."""

    weight: float
    opening: str | None
    groups: tuple[str, ...]
    """A group stands as often as it weighs."""


def _section(weight: float, groups: str, opening: str | None = None) -> Section:
    """Read groups such as `plan*3 care`."""
    mix: list[str] = []
    for word in groups.split():
        group, _, times = word.partition("*")
        mix.extend([group] * int(times or 1))
    return Section(weight, opening, tuple(mix))


SECTIONS = {
    "reason": _section(0.2, "reason", opening="reason"),
    "history": _section(2.0, "history*8 negated*2 comorbid", opening="opening"),
    "letter": _section(2.0, "history*6 result*2 negated*2 comorbid", opening="letter_opening"),
    "past": _section(1.1, "past*5 family*2 past_medication*2"),
    "medications": _section(0.8, "medication*3 past_medication*3"),
    "examination": _section(0.9, "exam*4 exam_finding*3"),
    "results": _section(1.0, "result*4 normal_result*3 past_result*3"),
    "course": _section(1.4, "course*4 care*3"),
    "plan": _section(1.2, "plan*4 care*2 follow_up*2 past_plan*3"),
    "social": _section(0.8, "social"),
    "operation": _section(1.8, "operation*4 operation_routine*3", opening="operation"),
    "imaging": _section(1.8, "imaging*4 imaging_normal*3", opening="imaging"),
    "pathology": _section(1.6, "pathology*4 pathology_routine*3", opening="pathology"),
    "nursing": _section(1.8, "nursing*4 care*3 comorbid", opening="nursing"),
    "call": _section(1.6, "call*4 care negated", opening="call"),
}

LAYOUTS: dict[str, tuple[str, ...]] = {
    "discharge_summary": (
        "reason", "history", "past", "social", "course", "results", "medications", "plan",
    ),
    "progress_note": ("reason", "history", "examination", "results", "medications", "plan"),
    "consult_note": (
        "reason", "history", "past", "medications", "social", "examination", "results", "plan",
    ),
    "ed_note": ("reason", "history", "past", "social", "examination", "results", "course", "plan"),
    "radiology_report": ("reason", "imaging", "past", "plan"),
    "operative_note": ("reason", "operation", "past", "course", "plan"),
    "nursing_note": ("nursing", "social", "medications", "plan"),
    "clinic_letter": ("letter", "past", "medications", "examination", "results", "plan"),
    "telephone_encounter": ("reason", "call", "medications", "social", "plan"),
    "pathology_report": ("reason", "pathology", "past", "plan"),
}  # fmt: skip
"""Note type to its sections in order; a short note has its first two sections and a few others."""

CORE_SECTIONS = 2
"""Sections that even the shortest note keeps."""
CHARACTERS_PER_SECTION = 170
"""A note has about one section for so many characters."""
