"""Tiny random models of every family we train, and batches for them; nothing is downloaded."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertForTokenClassification,
    DebertaV2Config,
    DebertaV2ForTokenClassification,
    DistilBertConfig,
    DistilBertForTokenClassification,
    GPT2Config,
    GPT2ForTokenClassification,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForTokenClassification,
    RobertaConfig,
    RobertaForTokenClassification,
)

VOCABULARY, WIDTH, LABELS, TOKENS = 50, 16, 3, 6


def _encoder(**extra: object) -> dict[str, object]:
    return dict(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=16,
        num_labels=LABELS,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        **extra,
    )


def bert() -> nn.Module:
    return BertForTokenClassification(BertConfig(**_encoder()))


def roberta() -> nn.Module:
    return RobertaForTokenClassification(RobertaConfig(**_encoder(pad_token_id=1)))


def distilbert() -> nn.Module:
    return DistilBertForTokenClassification(
        DistilBertConfig(
            vocab_size=VOCABULARY,
            dim=WIDTH,
            n_layers=2,
            n_heads=2,
            hidden_dim=24,
            max_position_embeddings=16,
            num_labels=LABELS,
            dropout=0.0,
            attention_dropout=0.0,
            seq_classif_dropout=0.0,
        )
    )


def deberta() -> nn.Module:
    return DebertaV2ForTokenClassification(
        DebertaV2Config(
            **_encoder(
                relative_attention=True,
                position_buckets=4,
                max_relative_positions=-1,
                pos_att_type=["p2c", "c2p"],
                share_att_key=True,
                norm_rel_ebd="layer_norm",
                position_biased_input=False,
            )
        )
    )


def gpt2() -> nn.Module:
    return GPT2ForTokenClassification(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_embd=WIDTH,
            n_layer=2,
            n_head=2,
            n_positions=16,
            num_labels=LABELS,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            classifier_dropout=0.0,
            use_cache=False,
        )
    )


def _llama_config() -> LlamaConfig:
    return LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=16,
        num_labels=LABELS,
        tie_word_embeddings=True,
        pad_token_id=0,
        use_cache=False,
        classifier_dropout=0.0,
    )


def llama() -> nn.Module:
    """Grouped-query attention and RMSNorm."""
    return LlamaForTokenClassification(_llama_config())


def tied_llama() -> nn.Module:
    """A decoder whose head is its embedding."""
    return LlamaForCausalLM(_llama_config())


FAMILIES: dict[str, Callable[[], nn.Module]] = {
    "bert": bert,
    "roberta": roberta,
    "distilbert": distilbert,
    "deberta": deberta,
    "gpt2": gpt2,
    "llama": llama,
    "tied_llama": tied_llama,
}

_BOTTOM = (
    "embeddings",
    "wte",
    "wpe",
    "embed_tokens",
    "lm_head",
    "rel_embeddings",
    "encoder.LayerNorm",
)


def train_top(model: nn.Module) -> None:
    """Train the last block and the head; freeze the rest."""
    for name, parameter in model.named_parameters():
        block = ".1." in name or not (".0." in name or any(part in name for part in _BOTTOM))
        parameter.requires_grad_(block)


def train_all(model: nn.Module) -> None:
    for parameter in model.parameters():
        parameter.requires_grad_(True)


def train_biases(model: nn.Module) -> None:
    """Train the biases and norms of the last block, and the head (BitFit)."""
    train_top(model)
    for name, parameter in model.named_parameters():
        if parameter.dim() != 1 and ".1." in name:
            parameter.requires_grad_(False)


class LowRank(nn.Module):
    """A LoRA layer, alpha = rank, around a frozen linear layer."""

    def __init__(self, frozen: nn.Module, width_in: int, width_out: int, rank: int = 2) -> None:
        super().__init__()
        self.frozen = frozen
        self.down = nn.Linear(width_in, rank, bias=False)
        self.up = nn.Linear(rank, width_out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.frozen(x) + self.up(self.down(x))


def train_adapters(model: nn.Module) -> None:
    """Freeze the model and put low-rank adapters on the linear layers of its last block."""
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for name, module in list(model.named_modules()):
        conv = type(module).__name__ == "Conv1D"
        if ".1." not in name or not (conv or isinstance(module, nn.Linear)):
            continue
        shape = module.weight.shape
        width_in, width_out = shape if conv else reversed(shape)
        parent, _, leaf = name.rpartition(".")
        adapter = LowRank(module, width_in, width_out).to(module.weight.dtype)
        setattr(model.get_submodule(parent), leaf, adapter)


@dataclass(frozen=True)
class Batch:
    ids: Tensor
    mask: Tensor
    labels: Tensor

    def rows(self, some: slice | Tensor) -> "Batch":
        return Batch(self.ids[some], self.mask[some], self.labels[some])


def make_batch(rows: int = 5, seed: int = 0) -> Batch:
    """Rows of different lengths, some labels ignored."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, VOCABULARY, (rows, TOKENS), generator=generator)
    lengths = torch.randint(2, TOKENS + 1, (rows,), generator=generator)
    lengths[0] = TOKENS
    mask = (torch.arange(TOKENS) < lengths[:, None]).long()
    labels = torch.randint(0, LABELS, (rows, TOKENS), generator=generator)
    return Batch(ids, mask, labels.masked_fill(mask == 0, -100))


def losses_of(model: nn.Module, batch: Batch) -> Tensor:
    """The loss of each row: a mean over its own tokens, never over the batch's."""
    logits = model(input_ids=batch.ids, attention_mask=batch.mask).logits
    each = nn.functional.cross_entropy(
        logits.transpose(1, 2), batch.labels, ignore_index=-100, reduction="none"
    )
    return each.sum(1) / (batch.labels != -100).sum(1)


def make_model(family: str, *, dtype: torch.dtype = torch.float64, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    model = FAMILIES[family]().to(dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.train()
