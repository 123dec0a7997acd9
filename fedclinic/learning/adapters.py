"""Where small new tensors go into a frozen block: LoRA, and bottleneck adapters.

A bottleneck adapter is y + up(gelu(down(y))) on the output y of a block's part, before it is added
to the residual stream (Houlsby et al. 2019, arXiv 1902.00751; behind the feed-forward part only:
Pfeiffer et al. 2021, arXiv 2005.00247). `up` starts at zero, so the model starts as it was.
"""

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn
from torch.nn.functional import gelu

from fedclinic.chosen_layers import Adapter, Bottleneck, Lora
from fedclinic.errors import ModelError
from fedclinic.learning.lora import LoraLinear, is_linear, start_uniform, widths


@dataclass(frozen=True)
class Places:
    """Linear layers of a block, as dotted paths inside it."""

    query_value: tuple[str, ...]
    attention: tuple[str, ...]
    attention_output: str
    feed_forward_output: str


BERT_PLACES = Places(
    query_value=("attention.self.query", "attention.self.value"),
    attention=(
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
    ),
    attention_output="attention.output.dense",
    feed_forward_output="output.dense",
)
DISTILBERT_PLACES = Places(
    query_value=("attention.q_lin", "attention.v_lin"),
    attention=("attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin"),
    attention_output="attention.out_lin",
    feed_forward_output="ffn.lin2",
)
DEBERTA_PLACES = Places(
    query_value=("attention.self.query_proj", "attention.self.value_proj"),
    attention=(
        "attention.self.query_proj",
        "attention.self.key_proj",
        "attention.self.value_proj",
        "attention.output.dense",
    ),
    attention_output="attention.output.dense",
    feed_forward_output="output.dense",
)
GPT2_PLACES = Places(
    query_value=("attn.c_attn",),
    attention=("attn.c_attn", "attn.c_proj"),
    attention_output="attn.c_proj",
    feed_forward_output="mlp.c_proj",
)
"""GPT-2 has query, key and value in one layer."""
LLAMA_PLACES = Places(
    query_value=("self_attn.q_proj", "self_attn.v_proj"),
    attention=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"),
    attention_output="self_attn.o_proj",
    feed_forward_output="mlp.down_proj",
)


class BottleneckLinear(nn.Module):
    """In the place of `base`, the last linear layer of a part of a block."""

    def __init__(self, base: nn.Module, plan: Bottleneck, place: str) -> None:
        super().__init__()
        _, outputs = widths(base)
        self.base = base
        self.down = nn.Linear(outputs, plan.width)
        self.up = nn.Linear(plan.width, outputs)
        start_uniform(self.down, f"{plan.seed}:{place}:down")
        for tensor in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(tensor)

    def forward(self, inputs: Tensor) -> Tensor:
        output: Tensor = self.base(inputs)
        change: Tensor = self.up(gelu(self.down(output)))
        return output + change


def insert_adapter(block: nn.Module, adapter: Adapter, places: Places, number: int) -> None:
    """Put an adapter into the frozen block of this number of the whole model, in place."""
    for path in _paths(block, adapter, places):
        parent, _, name = path.rpartition(".")
        holder = block.get_submodule(parent)
        base = holder.get_submodule(name)
        if not is_linear(base):
            raise ModelError(
                f"block {number}: {path} is no linear layer, and the adapter needs one"
            )
        setattr(holder, name, _wrapped(base, adapter, f"{number}.{path}"))


def _wrapped(base: nn.Module, adapter: Adapter, place: str) -> nn.Module:
    made = (
        LoraLinear(base, adapter, place)
        if isinstance(adapter, Lora)
        else BottleneckLinear(base, adapter, place)
    )
    weight = cast(Tensor, base.weight)
    return made.to(device=weight.device, dtype=weight.dtype)


def _paths(block: nn.Module, adapter: Adapter, places: Places) -> tuple[str, ...]:
    if isinstance(adapter, Bottleneck):
        first = (places.attention_output,) if adapter.places == "both" else ()
        return (*first, places.feed_forward_output)
    if adapter.targets == "query_value":
        return places.query_value
    if adapter.targets == "attention":
        return places.attention
    return tuple(path for path, module in block.named_modules() if is_linear(module))
