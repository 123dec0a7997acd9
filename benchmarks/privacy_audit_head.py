"""What the audit head adds to a step of the production trainer, canary patients included.

    OMP_NUM_THREADS=1 python -m benchmarks.privacy_audit_head --patients 600 --rate 0.2

A BERT trunk of MiniLM's shape trains on random hidden states, as it does on cached activations.
Steps with and without canaries take turns, and the same real patients join both; medians of
processor time.
"""

import statistics
import time
from dataclasses import dataclass

import click
import numpy as np
import torch
from torch import Tensor
from transformers import BertConfig, BertModel

from fedclinic.learning.finetune import LocalRound, train_privately, with_canaries
from fedclinic.learning.hidden_states import Precision
from fedclinic.learning.layers import split
from fedclinic.learning.tasks import EncodedNotes, Row
from fedclinic.plan import Layers, Optimizer, PatientPrivacy
from fedclinic.privacy.audit_coordinates import flip_coins
from fedclinic.privacy.random_stream import RandomStream

WIDTH, LABELS = 384, 8


@dataclass(frozen=True)
class RandomStates:
    """The same random hidden state for every token of every row."""

    tokens: int

    def batch(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(0)
        one = torch.randn(1, self.tokens, WIDTH, generator=generator)
        return one.expand(len(rows), -1, -1).clone(), torch.ones(len(rows), self.tokens).long()


def make_round(patients: int, tokens: int, layers: Layers) -> LocalRound:
    """As many patients with one note each."""
    base = BertModel(
        BertConfig(
            vocab_size=10,
            hidden_size=WIDTH,
            num_hidden_layers=max(layers.top, 1),
            num_attention_heads=12,
            intermediate_size=4 * WIDTH,
        ),
        add_pooling_layer=False,
    )
    nowhere = np.full(tokens, -1)
    each = tuple(np.array([n]) for n in range(patients))
    notes = EncodedNotes(
        rows=tuple(
            Row(np.zeros(tokens, dtype=np.int64), np.array([n % LABELS]), nowhere, nowhere)
            for n in range(patients)
        ),
        rows_of_note=each,
        notes_of_patient=each,
        entities_of_note=((),) * patients,
    )
    return LocalRound(
        model=split(base, layers, outputs=LABELS, pooled=True),
        notes=notes,
        hidden=RandomStates(tokens),
        precision=Precision(torch.device("cpu"), bf16=False),
        optimizer=Optimizer(name="sgd", learning_rate=0.01),
        round_number=1,
        rounds=1,
        progress=lambda done, planned: None,
    )


def seconds_of_a_step(local: LocalRound, privacy: PatientPrivacy, seed: int) -> float:
    """A round of one step: equal keys draw equal real patients, since theirs are drawn first."""
    began = time.process_time()
    train_privately(local, privacy, RandomStream(bytes([seed]) * 32))
    return time.process_time() - began


@click.command()
@click.option("--patients", default=600)
@click.option("--rate", default=0.2)
@click.option("--tokens", default=160)
@click.option("--top", default=1)
@click.option("--parameters", type=click.Choice(["all", "biases"]), default="biases")
@click.option("--canaries", default=1000)
@click.option("--repeats", default=7)
def main(**given: int | float | str) -> None:
    """Print processor milliseconds a step without and with canaries, and the share they add."""
    layers = Layers.model_validate({"top": given["top"], "parameters": given["parameters"]})
    local = make_round(int(given["patients"]), int(given["tokens"]), layers)
    privacy = PatientPrivacy.model_validate(
        {
            "protection": "patient_dp",
            "target_epsilon": 8.0,
            "delta": 1e-5,
            "sampling_rate": given["rate"],
            "steps_per_round": 1,
            "clipping_norm": 1.0,
            "expected_patients": float(given["patients"]) * float(given["rate"]),
            "noise_multiplier": 1.0,
        }
    )
    coins = flip_coins(int(given["canaries"]), RandomStream(bytes(32)))
    spent: dict[str, list[float]] = {"without": [], "with": []}
    for repeat in range(int(given["repeats"]) + 1):
        for name, times in spent.items():
            ready = local if name == "without" else with_canaries(local, coins, privacy)
            seconds = seconds_of_a_step(ready, privacy, repeat)
            if repeat:
                times.append(1e3 * seconds)
    plain, audited = (statistics.median(times) for times in spent.values())
    print(f"without {plain:.0f} ms, with canaries {audited:.0f} ms: {audited / plain - 1:+.1%}")


if __name__ == "__main__":
    main()
