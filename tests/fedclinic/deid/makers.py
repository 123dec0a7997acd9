"""Values for the de-identification tests: policies, detectors written by hand, marked texts."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fedclinic.deid.clinical import find_identifiers
from fedclinic.deid.deidentify import Deidentifier, Detector
from fedclinic.deid.known import find_known, prepare
from fedclinic.deid.lexicon import lexicon
from fedclinic.deid.policy import DeidentificationPolicy, Mode, Profile, parse_policy
from fedclinic.notes import KnownIdentifiers, Note, Span

ROOT = Path(__file__).parents[3]
POLICY_TEXT = (ROOT / "policies" / "deidentification.yaml").read_text()
KEY = b"0123456789abcdef0123456789abcdef"
_MARKED = re.compile("⟦(.*?)⟧", re.DOTALL)


def make_policy(
    mode: Mode = Mode.EXPERT_DETERMINATION, profile: Profile = Profile.FAST
) -> DeidentificationPolicy:
    return parse_policy(POLICY_TEXT, mode=mode, profile=profile)


@dataclass(frozen=True)
class ListedDetector:
    """Finds the spans that it was given, whatever the text."""

    spans: tuple[Span, ...] = ()

    def detect(self, text: str, known: KnownIdentifiers | None) -> list[Span]:
        return list(self.spans)


@dataclass(frozen=True)
class FailingDetector:
    """Raises what it was given."""

    error: Exception

    def detect(self, text: str, known: KnownIdentifiers | None) -> list[Span]:
        raise self.error


@dataclass(frozen=True)
class RuleDetector:
    """Rules, dictionaries and known values, without Presidio around them."""

    seen: list[str] = field(default_factory=list)

    def detect(self, text: str, known: KnownIdentifiers | None) -> list[Span]:
        self.seen.append(text)
        own = [] if known is None else find_known(text, prepare(known, lexicon()))
        return [*find_identifiers(text, lexicon()), *own]


def make_deidentifier(
    detector: Detector | None = None,
    *,
    mode: Mode = Mode.EXPERT_DETERMINATION,
    key: bytes = KEY,
    cohort_values: frozenset[str] = frozenset(),
) -> Deidentifier:
    return Deidentifier(make_policy(mode), detector or RuleDetector(), key, cohort_values)


def make_note(text: str, *, patient: str = "p1", entities: tuple[Span, ...] = ()) -> Note:
    return Note("n1", patient, text, ("cardiology",), entities)


def unmark(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without the brackets ⟦ and ⟧, and where what they enclosed stands."""
    places, text, position = [], "", 0
    for match in _MARKED.finditer(marked):
        text += marked[position : match.start()]
        places.append((len(text), len(text) + len(match.group(1))))
        text += match.group(1)
        position = match.end()
    return text + marked[position:], places


def uncovered(text: str, place: tuple[int, int], spans: list[Span]) -> str:
    """The letters and digits of a place that no span covers."""
    start, end = place
    return "".join(
        text[at]
        for at in range(start, end)
        if text[at].isalnum() and not any(span.start <= at < span.end for span in spans)
    )


def shared(*parts: str) -> Path:
    """A file of the shared data, which is no part of the repository; skips the test without it."""
    root = Path(os.environ.get("FEDCLINIC_SHARED", ROOT.parent / "shared"))
    path = root.joinpath("data", *parts)
    if not path.exists():
        pytest.skip("the shared data is not on this machine")
    return path
