"""What a note is about: patient, day and conditions, and the draws that fill its frames."""

from dataclasses import dataclass, field
from datetime import date
from random import Random

from fedclinic.synthetic.conditions import CONDITIONS, Condition
from fedclinic.synthetic.kinds import SERVICES
from fedclinic.synthetic.people import Name, Person
from fedclinic.synthetic.style import HouseStyle

MAIN_SHARE = 0.75
"""Share of a note's clinical content that belongs to the main condition, not to a second one."""


@dataclass
class Scene:
    """The state of one note while it is written."""

    rng: Random
    person: Person
    style: HouseStyle
    day: date
    service: str
    main: Condition
    second: Condition
    """Another condition of the same service."""
    past: tuple[Condition, ...]
    """Conditions of other services that the patient has had."""
    relative: tuple[str, Name]
    composed: float
    """Probability that a stranger's name is in no list of names."""
    _turns: dict[str, int] = field(default_factory=dict)

    def clinical(self, category: str) -> str:
        """An item of the note's own service; a category's items take turns."""
        condition = self.main if self.rng.random() < MAIN_SHARE else self.second
        return self._item(condition, category)

    def historical(self, category: str) -> str:
        """An item of a condition that the patient has had, of another service."""
        return self._item(self.past[int(self.rng.random() * len(self.past))], category)

    def unrelated(self, category: str) -> str:
        """An item of any other service."""
        others = [service for service in SERVICES if service != self.service]
        conditions = CONDITIONS[others[int(self.rng.random() * len(others))]]
        return self._item(conditions[int(self.rng.random() * len(conditions))], category)

    def _item(self, condition: Condition, category: str) -> str:
        items = condition.items[category]
        key = f"{condition.names[0]}/{category}"
        turn = self._turns.get(key)
        if turn is None:
            turn = int(self.rng.random() * len(items))
        self._turns[key] = turn + 1
        return self.style.write(self.rng, items[turn % len(items)])
