"""How the coordinator reaches sites: one seam, whatever carries the messages."""

from typing import Protocol

from fedclinic.evidence.statement import Envelope
from fedclinic.local_protocol import Prepared, Progress
from fedclinic.rounds import EvaluationReport, EvaluationTask

EVALUATION_SITE = "evaluation"
"""The name under which a plan's evaluation notes are prepared and measured on."""


class Sites(Protocol):
    """The sites of one plan, ready for rounds."""

    def prepare(self, site: str) -> Prepared:
        """Have a site check itself and bring its de-identified notes up to date.

        Raises:
            RunError: if the site cannot take part; its message says what to do.
        """
        ...

    def submit(self, site: str, task: Envelope) -> tuple[Envelope, str]:
        """Give a site a signed RoundTask; returns its signed SiteReport and, where the transport
        may carry words, what went wrong.

        Raises:
            RunError: if the site gave no report.
        """
        ...

    def evaluate(self, task: EvaluationTask) -> EvaluationReport:
        """Measure a state on the evaluation notes.

        Raises:
            RunError: if it could not be measured.
        """
        ...


class Watcher(Protocol):
    """Sees how far each site is; a console, or nobody."""

    def progress(self, site: str, progress: Progress) -> None: ...
