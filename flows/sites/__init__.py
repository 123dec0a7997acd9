"""How the coordinator reaches sites: one seam, whatever carries the messages."""

from typing import Protocol

from fedclinic.answers import Answer
from fedclinic.errors import RunError
from fedclinic.evidence.keys import VerifyKey
from fedclinic.evidence.statement import Envelope
from fedclinic.local_protocol import Counted, Progress
from fedclinic.plan import EVALUATION_SITE

__all__ = ["EVALUATION_SITE", "LateError", "Sites", "Watcher"]


class LateError(RunError):
    """A site gave no answer in time; what it charged stays charged."""


class Sites(Protocol):
    """The sites of one plan. Envelopes and blobs pass; nothing else is known of either side."""

    def submit(self, site: str, task: Envelope) -> Answer:
        """Give a site a signed task and wait for what it states.

        Blobs that the task names are within the site's reach, and those that the answer names are
        in the coordinator's blob folder when this returns.

        Raises:
            LateError: if the site gave no answer in time.
            RunError: if it gave none for another reason.
        """
        ...

    def key(self, site: str) -> VerifyKey:
        """The key with which a site that has answered signs.

        Raises:
            RunError: if none is known.
        """
        ...


class Watcher(Protocol):
    """Sees how far each site is; a console, or nobody."""

    def progress(self, site: str, progress: Progress) -> None: ...

    def counted(self, site: str, counted: Counted) -> None: ...
