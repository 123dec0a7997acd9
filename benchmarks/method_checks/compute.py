"""Checks 3 and 6: step times, which need an idle machine; they are processor seconds all the same.

Compute is counted as forward 1 and backward 2 units a block: full 3L, top k L + 2k, cached 3k.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from benchmarks.method_checks.local import BLOCKS, NOTES, make_round
from benchmarks.method_checks.verdict import Verdict, judge
from fedclinic.chosen_layers import Layers
from fedclinic.learning.finetune import LocalRound, train_unprotected
from fedclinic.method_parts import LayerDropout, Training
from fedclinic.plan import Unprotected

REPEATS = 7
WITHIN = 1.1


def seconds_of(make: Callable[[], LocalRound]) -> float:
    """Median processor seconds of an ordinary epoch of one step."""
    plan = Unprotected(protection="none", epochs_per_round=1, batch_notes=NOTES, seed=0)
    local = make()
    train_unprotected(local, plan)
    found = []
    for _ in range(REPEATS):
        began = time.process_time()
        train_unprotected(local, plan)
        found.append(time.process_time() - began)
    return statistics.median(found)


def check_compute() -> Iterator[Verdict]:
    full = seconds_of(lambda: make_round(Layers(top=BLOCKS)))
    for k in (1, 2, 3):
        for cached in (False, True):
            share = (
                seconds_of(lambda k=k, cached=cached: make_round(Layers(top=k), cached=cached))
                / full
            )
            model = k / BLOCKS if cached else (BLOCKS + 2 * k) / (3 * BLOCKS)
            yield judge(
                f"3 compute of top {k}{', cached' if cached else ''}",
                share <= WITHIN * model,
                f"{share:.3f} of the full model, arithmetic {model:.3f}",
            )


def check_dropout_time() -> Verdict:
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
        "6 step time is linear in active blocks",
        correlation**2 > 0.98,
        f"R^2 {correlation**2:.3f}; {numbers}",
    )
