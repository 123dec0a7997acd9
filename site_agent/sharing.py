"""What a site's model starts a round from, and which part of its change it sends (PTLS)."""

from dataclasses import dataclass

import numpy as np

from fedclinic.learning.finetune import LocalRound
from fedclinic.learning.importance import noised_importance, personal_blocks
from fedclinic.plan import PatientPrivacy
from fedclinic.rounds import RoundTask
from fedclinic.updates.codec import Tensors
from fedclinic.updates.shared import blocks_in, split_update
from site_agent.personal_store import PersonalStore
from site_agent.workbench import Workbench


@dataclass(frozen=True)
class Start:
    """A round's beginning: the global model, and the site's own blocks of the round before."""

    change: Tensors | None
    personal: Tensors


def load_start(
    task: RoundTask, workbench: Workbench, change: Tensors | None, store: PersonalStore
) -> Start:
    """Load the global model, and over it the blocks that this site kept, into the workbench."""
    keeps = task.work.training.keeps_blocks
    schema = workbench.model.shapes()
    personal = store.load(task.run, task.round_number, schema) if keeps else {}
    workbench.reset(change, personal)
    return Start(change, personal)


def keep_personal(
    task: RoundTask, local: LocalRound, update: Tensors, start: Start, store: PersonalStore
) -> tuple[Tensors, tuple[int, ...]]:
    """Store what stays and return what leaves, with the numbers of the blocks that stay.

    Under DP the choice comes from the noised update; without, from gradients.
    """
    if not local.training.keeps_blocks:
        return update, ()
    importance = noised_importance(update)
    if local.watch is not None and not isinstance(task.work.privacy, PatientPrivacy):
        importance = local.watch.importance(blocks_in(update))
    personal = personal_blocks(importance, local.training)
    nothing = {name: np.zeros_like(update[name]) for name in update}
    sent, kept = split_update(
        update,
        began_personal=start.personal,
        global_change=nothing if start.change is None else start.change,
        personal=personal,
    )
    store.keep(task.run, task.round_number, kept)
    return sent, personal
