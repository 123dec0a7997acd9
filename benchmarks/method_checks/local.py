"""MiniLM and sixteen made-up notes, as a round of local training."""

import numpy as np
import torch
from transformers.utils import logging

from fedclinic.chosen_layers import Layers
from fedclinic.learning.finetune import LocalRound
from fedclinic.learning.hidden_states import ComputedHiddenStates, Precision, keep_hidden_states
from fedclinic.learning.layers import split
from fedclinic.learning.tasks import EncodedNotes, Row
from fedclinic.method_parts import Training
from fedclinic.plan import Optimizer
from site_agent.models import load_folder, resolve_folder

logging.disable_progress_bar()
BLOCKS, CLASSES, NOTES, TOKENS = 6, 8, 16, 128
CPU = Precision(torch.device("cpu"), bf16=False)


def make_round(
    layers: Layers, *, cached: bool = False, training: Training | None = None
) -> LocalRound:
    network = load_folder(resolve_folder("embedded")).network
    model = split(network, layers, outputs=CLASSES, pooled=True)
    random = np.random.default_rng(0)
    nowhere = np.full(TOKENS, -1)
    rows = tuple(
        Row(random.integers(1000, 20000, TOKENS), np.array([n % CLASSES]), nowhere, nowhere)
        for n in range(NOTES)
    )
    each = tuple(np.array([n]) for n in range(NOTES))
    hidden = ComputedHiddenStates(model.stem, rows, CPU)
    return LocalRound(
        model=model,
        notes=EncodedNotes(rows, each, each, ((),) * NOTES),
        hidden=keep_hidden_states(hidden) if cached else hidden,
        precision=CPU,
        optimizer=Optimizer(name="sgd", learning_rate=0.01),
        round_number=1,
        rounds=1,
        progress=lambda done, planned: None,
        training=training or Training(),
    )
