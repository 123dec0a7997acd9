"""What a site keeps in memory between rounds: its encoded notes, the split model, hidden states."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fedclinic.learning.evaluate import load_change
from fedclinic.learning.hidden_states import ComputedHiddenStates, HiddenStates, Precision
from fedclinic.learning.layers import SplitModel, split_for
from fedclinic.learning.tasks import EncodedNotes, Tokenizer, encode_notes
from fedclinic.plan import BaseModelRef, Layers, Task
from fedclinic.privacy.engine_names import EngineName
from fedclinic.records import Digest
from fedclinic.updates.codec import Tensors
from site_agent.activation_store import ActivationKey, cached_hidden_states
from site_agent.models import choose_precision, load_base_model
from site_agent.note_store import NoteStore
from site_agent.settings import SiteConfig
from site_agent.site_home import SiteHome

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Workbench:
    """Everything a round computes on, ready; `reset` makes the trunk the base model's again."""

    model: SplitModel
    notes: EncodedNotes
    hidden: HiddenStates
    precision: Precision
    tokenizer: Tokenizer
    engine: EngineName
    base_digest: Digest
    model_parameters: int
    initial: dict[str, Tensor]

    def reset(self, change: Tensors | None, personal: Tensors | None = None) -> None:
        """Load the global model: the base model, plus its change so far, or the site's own blocks.

        `personal` holds the change since the base of the tensors that are the site's own.
        """
        start = {**(change or {}), **(personal or {})}
        with torch.no_grad():
            for name, parameter in self.model.trained():
                parameter.copy_(self.initial[name])
        if change is not None or personal:
            zeros = {name: np.zeros(shape, np.float32) for name, shape in self.shapes().items()}
            load_change(self.model, zeros | start)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self.model.shapes()


def build_workbench(
    config: SiteConfig,
    home: SiteHome,
    store: NoteStore,
    plan: tuple[Task, BaseModelRef, Layers],
    progress: Progress,
) -> Workbench:
    """Load the model, encode the stored notes and open or compute the cached hidden states.

    Raises:
        ModelError: if the site has not the model that the plan names.
        DataError: if the store holds no note.
    """
    task, reference, layers = plan
    base = load_base_model(reference, config)
    precision = choose_precision(config)
    model = split_for(base.network, layers, task, reference.attention)
    model.stem.to(precision.device)
    model.trunk.to(precision.device).train()
    notes = encode_notes(store.notes(), task, base.tokenizer)
    key = ActivationKey(
        notes=store.fingerprint(),
        base_model=f"{base.digest} {reference.attention}",
        first_trained=model.first_trained,
        max_tokens=task.max_tokens,
        bf16=precision.bf16,
    )
    hidden: HiddenStates = (
        cached_hidden_states(home.activations, key, model, notes, precision, progress)
        if config.cache_activations
        else ComputedHiddenStates(model.stem, notes.rows, precision)
    )
    trained = dict(model.trained())
    return Workbench(
        model=model,
        notes=notes,
        hidden=hidden,
        precision=precision,
        tokenizer=base.tokenizer,
        engine=config.gradient_engine,
        base_digest=base.digest,
        model_parameters=sum(p.numel() for p in base.network.parameters())
        + sum(p.numel() for name, p in trained.items() if name.startswith("head.")),
        initial={name: parameter.detach().clone() for name, parameter in trained.items()},
    )
