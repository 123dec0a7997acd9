"""Check on MiniLM that the methods cost what their papers' arithmetic says: pass or falls short.

    python -m benchmarks.method_checks            # bytes, noise, memory
    python -m benchmarks.method_checks --timed    # step times too: needs an idle machine

Compute is counted as forward 1 and backward 2 units a block: full 3L, top k L + 2k, cached 3k.
"""

import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from transformers.utils import logging

from fedclinic.chosen_layers import Layers, Lora
from fedclinic.learning.finetune import LocalRound, train_privately, train_unprotected
from fedclinic.learning.hidden_states import ComputedHiddenStates, Precision, keep_hidden_states
from fedclinic.learning.layer_dropout import SeededDraws, active_blocks, draw_mask, drop_rates
from fedclinic.learning.layers import split
from fedclinic.learning.tasks import EncodedNotes, Row
from fedclinic.method_parts import LayerDropout, Training
from fedclinic.plan import Optimizer, PatientPrivacy, Unprotected
from fedclinic.privacy.random_stream import RandomStream
from fedclinic.updates.codec import MAX_HEADER_BYTES, count_parameters, encode
from site_agent.models import load_folder, resolve_folder

logging.disable_progress_bar()
BLOCKS, CLASSES, NOTES, TOKENS, REPEATS = 6, 8, 16, 128, 5
CPU = Precision(torch.device("cpu"), bf16=False)


def judge(what: str, good: bool, numbers: str) -> bool:
    print(f"{'pass       ' if good else 'falls short'}  {what}: {numbers}")
    return good


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


def check_bytes() -> bool:
    """A file is its numbers and a header; what travels grows with the blocks alone."""
    good = True
    for layers in (
        *(Layers(top=k) for k in (1, 2, 3, 6)),
        Layers(top=6, adapter=Lora(rank=16, alpha=32)),
    ):
        shapes = make_round(layers).model.shapes()
        sent = len(encode({n: np.zeros(s, np.float32) for n, s in shapes.items()}, "F32"))
        numbers = 4 * count_parameters(shapes)
        good &= judge(
            f"bytes of {layers.describe()}",
            0 < sent - numbers < min(MAX_HEADER_BYTES, 200 * len(shapes)),
            f"{sent / 1e6:.2f} MB, {sent - numbers} of them header",
        )
    return good


def check_noise() -> bool:
    """The norm of an update that is noise alone grows as the root of the trained parameters."""
    privacy = PatientPrivacy(
        protection="patient_dp",
        target_epsilon=8.0,
        delta=1e-5,
        sampling_rate=1e-12,
        steps_per_round=1,
        clipping_norm=1.0,
        expected_patients=10.0,
        noise_multiplier=1.0,
    )
    good = True
    for layers in (
        Layers(top=1),
        Layers(top=3),
        Layers(top=6),
        Layers(top=6, adapter=Lora(rank=16, alpha=32)),
    ):
        update = train_privately(make_round(layers), privacy, RandomStream(b"\x07" * 32))
        norm = math.sqrt(sum(float(np.square(v, dtype=np.float64).sum()) for v in update.values()))
        parameters = sum(v.size for v in update.values())
        ratio = norm / (0.01 * 0.1 * math.sqrt(parameters))
        good &= judge(
            f"noise of {layers.describe()}", abs(ratio - 1) < 0.02, f"{ratio:.4f} of sqrt(d)"
        )
    return good


def check_active() -> bool:
    """The worst step of Bernoulli masks has more active blocks than the mean; exact masks never."""
    blocks, good = 24, True
    draws = SeededDraws(np.random.default_rng(0))
    for masks in ("bernoulli", "exact"):
        plan = LayerDropout(rate=0.5, masks=masks)
        counts = [int(draw_mask(plan, blocks, draws).sum()) for _ in range(100)]
        expected = active_blocks(drop_rates("uniform", 0.5, blocks))
        fits = max(counts) == expected if masks == "exact" else max(counts) > expected
        numbers = f"mean {statistics.mean(counts):.2f}, worst of 100 steps {max(counts)}"
        good &= judge(f"active of {blocks} blocks at rate 0.5, {masks}", fits, numbers)
    return good


def seconds_of(make: Callable[[], LocalRound]) -> float:
    """Median seconds of an ordinary epoch of one step."""
    plan = Unprotected(protection="none", epochs_per_round=1, batch_notes=NOTES, seed=0)
    local = make()
    train_unprotected(local, plan)
    found = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        train_unprotected(local, plan)
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def check_compute() -> bool:
    full, good = seconds_of(lambda: make_round(Layers(top=BLOCKS))), True
    for k in (1, 2, 3):
        for cached in (False, True):
            share = (
                seconds_of(lambda k=k, cached=cached: make_round(Layers(top=k), cached=cached))
                / full
            )
            model = k / BLOCKS if cached else (BLOCKS + 2 * k) / (3 * BLOCKS)
            good &= judge(
                f"compute of top {k}{', cached' if cached else ''}",
                share <= 1.1 * model,
                f"{share:.3f} of the full model, arithmetic {model:.3f}",
            )
    return good


def check_dropout_time() -> bool:
    """Step time is linear in the number of active blocks."""
    active, seconds = [], []
    for rate in (0.0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6):
        training = Training(dropout=LayerDropout(rate=rate))
        made = make_round(Layers(top=BLOCKS))
        active.append(BLOCKS - round(rate * BLOCKS))
        seconds.append(
            seconds_of(lambda made=made, training=training: replace(made, training=training))
        )
    correlation = float(np.corrcoef(active, seconds)[0, 1])
    numbers = ", ".join(f"{a}: {s * 1e3:.0f} ms" for a, s in zip(active, seconds, strict=True))
    return judge(
        "step time is linear in active blocks",
        correlation**2 > 0.98,
        f"R^2 {correlation**2:.3f}; {numbers}",
    )


def main() -> int:
    checks = [check_bytes, check_noise, check_active]
    if "--timed" in sys.argv[1:]:
        checks += [check_compute, check_dropout_time]
    results = [check() for check in checks]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
