"""A hospital's way of writing: its favourite words, its frames, its headings and its own name."""

from dataclasses import dataclass, field
from random import Random

from fedclinic.synthetic.bank import Bank, Frame
from fedclinic.synthetic.conditions import CONDITIONS, Item
from fedclinic.synthetic.people import make_hospital

FAVOURITE = 0.7
"""Probability that a hospital writes a thing the way it usually does."""
KEPT_FRAMES = 0.75
"""Share of a bank's frames that one hospital uses."""

EVERYWHERE = ("people", "identifiers")
"""Groups that every hospital uses whole, so that no kind of identifier is ever missing."""


@dataclass(frozen=True)
class HouseStyle:
    """How one hospital writes; the same for both splits but for the frames."""

    name: str
    """The hospital's name in running text."""
    favourites: dict[Item, str] = field(repr=False)
    frames: dict[str, tuple[Frame, ...]] = field(repr=False)
    upper_headings: bool
    heading_on_own_line: bool
    gap: str
    """What stands between two sentences."""

    def write(self, rng: Random, item: Item) -> str:
        """Choose a way to write `item`."""
        if len(item) == 1:
            return item[0]
        if rng.random() < FAVOURITE:
            return self.favourites[item]
        return item[int(rng.random() * len(item))]


def make_style(rng: Random, bank: Bank) -> HouseStyle:
    """Draw a style; what is drawn before the frames does not depend on `bank`."""
    favourites = {
        item: rng.choice(item)
        for conditions in CONDITIONS.values()
        for condition in conditions
        for items in condition.items.values()
        for item in items
    }
    name = make_hospital(rng)
    headings = (rng.random() < 0.5, rng.random() < 0.5, rng.choice((" ", "  ", "\n", "\n- ")))
    frames = {
        group: choices
        if group in EVERYWHERE
        else tuple(rng.sample(choices, max(1, round(KEPT_FRAMES * len(choices)))))
        for group, choices in bank.frames.items()
    }
    return HouseStyle(name, favourites, frames, *headings)
