"""How long, how dense in identifiers and how hard to de-identify a cohort's notes are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """The measures of a cohort's notes; every share is a probability."""

    length: tuple[int, int]
    """Shortest and longest aim, in characters; a note may miss it by a sentence or two."""
    identifier_density: float
    """Share of sentences about people, places, numbers and dates rather than the illness."""
    upper: float
    """Share of notes without lower-case letters."""
    lower: float
    """Share of notes without capitals."""
    composed: float
    """Share of patients whose names, and the names around them, are in no list of names."""
    wrapped: float
    """Share of notes with short lines: names and entities may break across two."""
    most_notes: int | None = None
    """A patient has no more of them; None: as many as were drawn for each."""


TRAINING = Profile(
    length=(400, 950),
    identifier_density=0.12,
    upper=0.02,
    lower=0.02,
    composed=0.1,
    wrapped=0.05,
)
"""Short notes, quick to encode."""

DEIDENTIFICATION = Profile(
    length=(1500, 4000),
    identifier_density=0.45,
    upper=0.15,
    lower=0.15,
    composed=0.3,
    wrapped=0.25,
)
"""Long notes full of identifiers, to measure de-identification with."""
