"""Shows how far a site's training is, as a progress bar of its flow run in Prefect's pages."""

import time
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.exceptions import PrefectException

EVERY_SECONDS = 2.0


class LiveProgress:
    """A progress bar that is sent at most every few seconds; steps of the plan, nothing else."""

    def __init__(self) -> None:
        self._artifact: UUID | None = None
        self._shown = float("-inf")

    def show(self, done: int, total: int) -> None:
        """Show `done` of `total` steps; a server that does not answer stops nobody's work."""
        now = time.monotonic()
        if done < total and now - self._shown < EVERY_SECONDS:
            return
        self._shown = now
        try:
            self._send(100 * done / max(total, 1))
        except (PrefectException, OSError, RuntimeError):
            self._artifact = None

    def _send(self, percent: float) -> None:
        if self._artifact is None:
            made = create_progress_artifact(progress=percent, description="steps of this round")
            self._artifact = made if isinstance(made, UUID) else None
        else:
            update_progress_artifact(self._artifact, progress=percent)
