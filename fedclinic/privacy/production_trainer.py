"""The trainer that real notes meet, behind the probe's door: what the self-test runs."""

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from torch import nn

from fedclinic.learning.finetune import LocalRound, train_privately
from fedclinic.learning.hidden_states import Precision
from fedclinic.learning.layers import SplitModel, Stem, Trunk
from fedclinic.learning.tasks import EncodedNotes, Row
from fedclinic.plan import Optimizer, PatientPrivacy
from fedclinic.privacy.probe import ProbeSite
from fedclinic.privacy.random_stream import RandomStream


def production_trainer(
    site: ProbeSite,
    privacy: PatientPrivacy,
    stream: RandomStream,
    after_step: Callable[[], None],
) -> None:
    """Run `train_privately`, unchanged, on a probe site."""
    train_privately(local_round(site, after_step), privacy, stream)


def local_round(site: ProbeSite, after_step: Callable[[], None]) -> LocalRound:
    """Dress a probe site as a real one."""
    trunk = cast(Trunk, site.model)
    return LocalRound(
        model=SplitModel(Stem(nn.Identity()), trunk, 0, "blocks"),
        notes=_encoded(site),
        hidden=site,
        precision=Precision(torch.device("cpu"), bf16=False),
        optimizer=Optimizer(name="sgd", learning_rate=site.learning_rate),
        round_number=1,
        rounds=1,
        progress=lambda done, planned: after_step(),
    )


def _encoded(site: ProbeSite) -> EncodedNotes:
    notes = site.notes
    return EncodedNotes(
        rows=tuple(_row(note.tokens, note.target) for note in notes),
        rows_of_note=tuple(np.array([index]) for index in range(len(notes))),
        notes_of_patient=tuple(site.notes_of_patient()),
        entities_of_note=((),) * len(notes),
    )


def _row(tokens: int, target: int) -> Row:
    nowhere = np.full(tokens, -1)
    return Row(np.zeros(tokens, dtype=np.int64), np.array([target]), nowhere, nowhere)
