"""Writes one note: title, header, sections and signature, with the offsets of all it labels."""

from dataclasses import dataclass, field
from random import Random

from fedclinic.notes import Span
from fedclinic.synthetic.bank import Bank, Frame
from fedclinic.synthetic.kinds import ENTITY_KINDS
from fedclinic.synthetic.layout import (
    CHARACTERS_PER_SECTION,
    CORE_SECTIONS,
    LAYOUTS,
    SECTIONS,
    Section,
)
from fedclinic.synthetic.scene import Scene
from fedclinic.synthetic.slots import SLOTS

LONG_NOTE = 1500
"""Characters above which a note has a full header."""
SIGNATURE_CHARACTERS = 50
SENTENCE_CHARACTERS = 50
REDRAWS = 3
"""Groups that are tried for a frame that the note does not have yet."""


@dataclass(frozen=True)
class Written:
    """A finished text with its labels, in order."""

    text: str = field(repr=False)
    entities: tuple[Span, ...]
    phi: tuple[Span, ...]


@dataclass
class _Page:
    """The text so far."""

    scene: Scene
    parts: list[str] = field(default_factory=list)
    length: int = 0
    entities: list[Span] = field(default_factory=list)
    phi: list[Span] = field(default_factory=list)
    used: set[int] = field(default_factory=set)

    def add(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    def fill(self, frame: Frame) -> None:
        """Write a frame with its slots filled, and note what they carry."""
        for literal, slot, capital in frame.steps:
            doubled = literal.startswith(".") and self.parts[-1].endswith(".")
            self.add(literal[1:] if doubled else literal)
            if not slot:
                continue
            text, label = SLOTS[slot](self.scene)
            if capital:
                text = text[0].upper() + text[1:]
            if label is not None:
                span = Span(self.length, self.length + len(text), label)
                (self.entities if label in ENTITY_KINDS else self.phi).append(span)
            self.add(text)

    def choose(self, group: str) -> tuple[Frame, bool]:
        """Draw a frame of `group`, and say whether it is new to the note."""
        rng, frames = self.scene.rng, self.scene.style.frames[group]
        for _ in range(6):
            frame = frames[int(rng.random() * len(frames))]
            if id(frame) not in self.used:
                self.used.add(id(frame))
                return frame, True
        return frame, False

    def fill_from(self, group: str) -> None:
        """Write a frame of `group`."""
        self.fill(self.choose(group)[0])


def write_note(scene: Scene, bank: Bank, note_type: str, *, length: int, density: float) -> Written:
    """Write a note of about `length` characters.

    `density` is the probability that a sentence is about people, places, numbers and
    dates rather than about the illness.
    """
    page = _Page(scene)
    rng = scene.rng
    title = rng.choice(bank.titles[note_type])
    page.add((title.upper() if scene.style.upper_headings else title) + "\n")
    page.fill_from("long_header" if length > LONG_NOTE else "header")
    names = _choose_sections(rng, note_type, length)
    budget = length - page.length - SIGNATURE_CHARACTERS
    total = sum(SECTIONS[name].weight for name in names)
    until: float = page.length
    for name in names:
        heading = rng.choice(bank.headings[name])
        until += budget * SECTIONS[name].weight / total
        _write_section(page, SECTIONS[name], heading, until - SENTENCE_CHARACTERS / 2, density)
    page.add("\n")
    page.fill_from("signature")
    return Written("".join(page.parts), tuple(page.entities), tuple(page.phi))


def _choose_sections(rng: Random, note_type: str, length: int) -> list[str]:
    """Keep the core sections and as many others as the length has room for, in their order."""
    names = LAYOUTS[note_type]
    spare = max(0, min(len(names), length // CHARACTERS_PER_SECTION) - CORE_SECTIONS)
    places = sorted(rng.sample(range(CORE_SECTIONS, len(names)), min(spare, len(names) - 2)))
    return [*names[:CORE_SECTIONS], *(names[place] for place in places)]


def _write_section(
    page: _Page, section: Section, heading: str, until: float, density: float
) -> None:
    """Write a heading, then sentences until the page is `until` characters long; at least one."""
    rng, style = page.scene.rng, page.scene.style
    page.add("\n" + (heading.upper() if style.upper_headings else heading) + ":")
    page.add("\n" if style.heading_on_own_line else " ")
    page.fill_from(section.opening or _next_group(rng, section, density))
    while page.length < until:
        for _ in range(REDRAWS):
            frame, new = page.choose(_next_group(rng, section, density))
            if new:
                break
        page.add(style.gap)
        page.fill(frame)
    page.add("\n")


def _next_group(rng: Random, section: Section, density: float) -> str:
    if rng.random() < density:
        return "people" if rng.random() < 0.5 else "identifiers"
    return section.groups[int(rng.random() * len(section.groups))]
