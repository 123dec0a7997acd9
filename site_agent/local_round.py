"""A task's local round, ready to train: notes, model and the run's synthetic patients."""

from collections.abc import Callable

from fedclinic.learning.finetune import LocalRound
from fedclinic.learning.importance import GradientWatch
from fedclinic.method_parts import Training
from fedclinic.rounds import RoundTask
from site_agent.auditing import Auditing
from site_agent.workbench import Workbench


def local_round(
    auditing: Auditing, task: RoundTask, bench: Workbench, progress: Callable[[int, int], None]
) -> LocalRound:
    """Put together what a round trains on; the same in every process of a site."""
    work = task.work
    training = _training(task)
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
        training=training,
        watch=GradientWatch() if training.keeps_blocks else None,
    )
    return auditing.join(task.run, work.task, work.privacy, local, bench)


def _training(task: RoundTask) -> Training:
    """The plan's training, with the layer dropout that a configurator chose for this round."""
    if task.dropout is None:
        return task.work.training
    return task.work.training.model_copy(update={"dropout": task.dropout})
