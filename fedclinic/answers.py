"""What a site says to a task: its signed statements, and on one machine also words."""

from typing import Annotated

from pydantic import Field

from fedclinic.evidence.statement import Envelope
from fedclinic.records import Record


class Answer(Record):
    """A site's signed statements in the order in which it made them; the last answers the task."""

    statements: Annotated[tuple[Envelope, ...], Field(min_length=1)]
    problem: str = ""
    """Why the task was refused or failed, in words; only the `local` transport carries it."""

    @property
    def last(self) -> Envelope:
        return self.statements[-1]

    @property
    def events(self) -> tuple[Envelope, ...]:
        """What the site stated on its way: self-test, budget, and the like."""
        return self.statements[:-1]
