"""Template banks: sentence frames, headings and headers, parsed once; the splits share none."""

import re
from dataclasses import dataclass, field
from functools import cache

from fedclinic.synthetic import frames_test, frames_train
from fedclinic.synthetic.kinds import Split

_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Frame:
    """A sentence with slots."""

    steps: tuple[tuple[str, str, bool], ...] = field(repr=False)
    """Literal text, the slot after it (or nothing), and whether that begins with a
    capital letter."""


@dataclass(frozen=True)
class Bank:
    """Everything of a split that is written word for word."""

    frames: dict[str, tuple[Frame, ...]] = field(repr=False)
    titles: dict[str, tuple[str, ...]] = field(repr=False)
    """Note type to the titles of such notes."""
    headings: dict[str, tuple[str, ...]] = field(repr=False)
    """Section to its headings."""


def parse_frame(line: str) -> Frame:
    """Split a line at its `{slots}`; `¶` stands for a new line."""
    texts_and_names = [*_SLOT.split(line.replace("¶", "\n")), ""]
    return Frame(
        tuple(
            (text, name[:1].lower() + name[1:], name[:1].isupper())
            for text, name in zip(texts_and_names[::2], texts_and_names[1::2], strict=True)
        )
    )


def _pipes(table: dict[str, str]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(text.split("|")) for key, text in table.items()}


@cache
def bank(split: Split) -> Bank:
    """The templates of a split."""
    source = {"train": frames_train, "test": frames_test}[split]
    frames = {
        group: tuple(parse_frame(line) for line in text.strip().split("\n"))
        for group, text in source.FRAMES.items()
    }
    return Bank(frames, _pipes(source.TITLES), _pipes(source.HEADINGS))
