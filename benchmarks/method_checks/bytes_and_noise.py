"""Checks 1 and 4: what travels is the chosen layers, and noise grows with the root of them."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from transformers import LlamaConfig, LlamaModel

from benchmarks.method_checks.local import make_round
from benchmarks.method_checks.verdict import Verdict, judge
from fedclinic.chosen_layers import Layers, Lora
from fedclinic.learning.finetune import train_privately, train_unprotected
from fedclinic.plan import PatientPrivacy, Unprotected
from fedclinic.privacy.accounting import calibrate_noise_multiplier
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.updates.codec import encode, encode_chunks
from fedclinic.updates.layout import MAX_HEADER_BYTES, count_parameters

BILLION = {4: 243_286_016, 6: 364_929_024, 8: 486_572_032, 16: 973_144_064}
"""Parameters of the top k of the 16 blocks of LLaMA-3.2-1B, by arithmetic."""
BILLION_WHOLE = 1_235_814_400
LORA = Layers(top=6, adapter=Lora(rank=16, alpha=32))
WHOLE = Layers(top=6, embeddings=True)
ROUNDS = 2


def check_bytes() -> Iterator[Verdict]:
    """A file is its numbers and a header, so that what travels grows with the blocks alone."""
    for layers in (*(Layers(top=k) for k in (1, 2, 3, 6)), WHOLE, LORA):
        shapes = make_round(layers).model.shapes()
        sent = len(encode({n: np.zeros(s, np.float32) for n, s in shapes.items()}, "F32"))
        numbers = 4 * count_parameters(shapes)
        yield judge(
            f"1 bytes of MiniLM, {layers.describe()}, F32",
            0 < sent - numbers < min(MAX_HEADER_BYTES, 200 * len(shapes)),
            f"{sent / 1e6:.2f} MB, {sent - numbers} of them header",
        )


def check_bytes_of_a_billion() -> Iterator[Verdict]:
    """The table of LLaMA-3.2-1B, whose shapes are made without its weights."""
    shapes = billion_shapes()
    whole = sum(math.prod(shape) for shape in shapes.values())
    yield judge("1 LLaMA-3.2-1B", whole == BILLION_WHOLE, f"{whole:,} parameters")
    for top, expected in BILLION.items():
        kept = {
            name: np.broadcast_to(np.float32(0), shape)
            for name, shape in shapes.items()
            if name.startswith("layers.") and int(name.split(".")[1]) >= 16 - top
        }
        sent = sum(len(chunk) for chunk in encode_chunks(kept, "BF16"))
        numbers = 2 * sum(tensor.size for tensor in kept.values())
        yield judge(
            f"1 bytes of LLaMA-3.2-1B, top {top} of 16, BF16",
            numbers == 2 * expected and 0 < sent - numbers < MAX_HEADER_BYTES,
            f"{sent / 1e6:.1f} MB, {sent - numbers} of them header, "
            f"{100 * (1 - sent / (2 * whole)):.1f} % below the whole model",
        )


def billion_shapes() -> dict[str, tuple[int, ...]]:
    config = LlamaConfig(
        vocab_size=128_256,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=8,
    )
    with torch.device("meta"):
        network = LlamaModel(config)
    return {name: tuple(tensor.shape) for name, tensor in network.named_parameters()}


def check_frozen() -> Verdict:
    """After some rounds of training, what does not travel is what it was, to the bit."""
    local = make_round(Layers(top=2))
    trained = {id(tensor) for _, tensor in local.model.trained()}
    frozen = [
        tensor
        for part in (local.model.stem, local.model.trunk)
        for tensor in part.parameters()
        if id(tensor) not in trained
    ]
    before = [tensor.detach().clone() for tensor in frozen]
    for _ in range(ROUNDS):
        train_unprotected(
            local, Unprotected(protection="none", epochs_per_round=1, batch_notes=8, seed=0)
        )
    same = all(torch.equal(a, b) for a, b in zip(before, frozen, strict=True))
    return judge("1 frozen tensors after training", same, f"{len(frozen)} tensors, {ROUNDS} rounds")


def check_noise() -> Iterator[Verdict]:
    """The norm of an update that is noise alone grows as the root of the trained parameters."""
    for layers in (Layers(top=1), Layers(top=3), Layers(top=6), LORA):
        update = train_privately(make_round(layers), nobody_joins(), RandomStream(b"\x07" * 32))
        norm = math.sqrt(sum(float(np.square(v, dtype=np.float64).sum()) for v in update.values()))
        parameters = sum(v.size for v in update.values())
        ratio = norm / (0.01 * 0.1 * math.sqrt(parameters))
        yield judge(
            f"4 noise of {layers.describe()}", abs(ratio - 1) < 0.02, f"{ratio:.4f} of sqrt(d)"
        )


def check_epsilon() -> Verdict:
    """What a round spends is its noise, sampling and steps; the blocks are no part of it."""
    said = set(nobody_joins().mechanism().model_fields_set)
    multiplier = calibrate_noise_multiplier(
        target_epsilon=8.0, delta=1e-5, sampling_rate=0.1, steps=100
    )
    return judge(
        "4 epsilon does not depend on k",
        said == {"noise_multiplier", "sampling_rate", "steps"},
        f"a mechanism is {', '.join(sorted(said))}; epsilon 8 over 100 steps at q 0.1 needs "
        f"sigma {multiplier:.3f} under any k",
    )


def nobody_joins() -> PatientPrivacy:
    """A round that samples nobody, so that its update is its noise."""
    return PatientPrivacy(
        protection="patient_dp",
        target_epsilon=8.0,
        delta=1e-5,
        sampling_rate=1e-12,
        steps_per_round=1,
        clipping_norm=1.0,
        expected_patients=10.0,
        noise_multiplier=1.0,
    )
