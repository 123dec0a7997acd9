"""The cost of a private step against an ordinary one, by engine and with the audit head.

    OMP_NUM_THREADS=1 python -m benchmarks.privacy_step --width 384 --rows 32 --tokens 128

Two blocks of a BERT of the given width train on random hidden states, as with cached activations.
Interleaved runs, medians of processor time.
"""

import statistics
import time
from collections.abc import Callable

import click
import torch
from torch import Tensor, nn
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertLayer

from fedclinic.privacy.audit_head import NO_CANARY, AuditHead
from fedclinic.privacy.bookkeeping import BookKeeping
from fedclinic.privacy.dp_step import noised_mean
from fedclinic.privacy.opacus_hooks import OpacusHooks
from fedclinic.privacy.per_sample import PerSampleEngine
from fedclinic.privacy.random_stream import RandomStream


class TopBlocks(nn.Module):
    """Two blocks, a head, and perhaps canaries; gives each row's loss."""

    def __init__(self, width: int, canaries: int) -> None:
        super().__init__()
        config = BertConfig(
            hidden_size=width,
            num_attention_heads=width // 32,
            intermediate_size=4 * width,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        config._attn_implementation = "eager"
        self.blocks = nn.ModuleList(BertLayer(config) for _ in range(2))
        self.head = nn.Linear(width, 9)
        self.audit = AuditHead(canaries) if canaries else None

    def forward(self, hidden: Tensor, targets: Tensor) -> Tensor:
        for block in self.blocks:
            output = block(hidden)
            hidden = output[0] if isinstance(output, tuple) else output
        logits = self.head(hidden)
        losses = nn.functional.cross_entropy(
            logits.transpose(1, 2), targets, reduction="none"
        ).mean(1)
        if self.audit is not None:
            losses = losses + self.audit(torch.full((len(losses),), NO_CANARY))
        return losses


def private(
    engine: Callable[[nn.Module], PerSampleEngine], model: TopBlocks
) -> Callable[..., None]:
    attached, stream = engine(model), RandomStream(bytes(32))

    def step(hidden: Tensor, targets: Tensor) -> None:
        clipped = attached.clipped_sum(model(hidden, targets), clipping_norm=1.0)
        noised_mean(
            clipped.gradients,
            noise_multiplier=1.0,
            clipping_norm=1.0,
            expected_patients=32.0,
            stream=stream,
        )

    return step


def ordinary(model: TopBlocks) -> Callable[..., None]:
    def step(hidden: Tensor, targets: Tensor) -> None:
        model.zero_grad()
        model(hidden, targets).mean().backward()

    return step


@click.command()
@click.option("--width", default=384)
@click.option("--rows", default=32)
@click.option("--tokens", default=128)
@click.option("--repeats", default=9)
@click.option("--canaries", default=1000)
def main(width: int, rows: int, tokens: int, repeats: int, canaries: int) -> None:
    """Print processor milliseconds a step and their ratio to an ordinary step."""
    hidden = torch.randn(rows, tokens, width)
    targets = torch.randint(0, 9, (rows, tokens))
    steps = {
        "ordinary": ordinary(TopBlocks(width, 0)),
        "book-keeping": private(BookKeeping, TopBlocks(width, 0)),
        "book-keeping, audit head": private(BookKeeping, TopBlocks(width, canaries)),
        "Opacus hooks": private(OpacusHooks, TopBlocks(width, 0)),
    }
    spent: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(repeats + 1):
        for name, step in steps.items():
            began = time.process_time()
            step(hidden, targets)
            if repeat:
                spent[name].append(1e3 * (time.process_time() - began))
    base = statistics.median(spent["ordinary"])
    for name, times in spent.items():
        print(
            f"{name:26s} {statistics.median(times):8.0f} ms {statistics.median(times) / base:6.2f}"
        )


if __name__ == "__main__":
    main()
