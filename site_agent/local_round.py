"""A task's local round, ready to train: notes, model and the run's synthetic patients."""

from collections.abc import Callable

from fedclinic.learning.finetune import LocalRound
from fedclinic.rounds import RoundTask
from site_agent.auditing import Auditing
from site_agent.workbench import Workbench


def local_round(
    auditing: Auditing, task: RoundTask, bench: Workbench, progress: Callable[[int, int], None]
) -> LocalRound:
    """Put together what a round trains on; the same in every process of a site."""
    work = task.work
    local = LocalRound(
        model=bench.model,
        notes=bench.notes,
        hidden=bench.hidden,
        precision=bench.precision,
        optimizer=work.optimizer,
        round_number=task.round_number,
        rounds=work.rounds,
        progress=progress,
        engine=bench.engine,
    )
    return auditing.join(task.run, work.task, work.privacy, local, bench)
