"""Whether a method can work on what a plan trains, and at its sites; what cannot is refused."""

from collections.abc import Collection
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fedclinic.chosen_layers import Layers
from fedclinic.method_parts import LayerDropout, OwnRule, TargetedRule
from fedclinic.method_plan import (
    Method,
    brought_adapter,
    brought_layers,
    configurator_of,
    server_of,
    training_of,
)
from fedclinic.task_plan import BaseModelRef

_METHOD: TypeAdapter[Method] = TypeAdapter(Method)


def with_brought_layers(values: dict[str, Any]) -> dict[str, Any]:
    """Write the blocks or adapter that a method stands for into `layers`, the one place for them.

    A method that is wrong is left to its own error.
    """
    try:
        method = _METHOD.validate_python(values.get("method"))
    except ValidationError:
        return {"layers": {"top": 0}} | values
    layers, adapter = brought_layers(method), brought_adapter(method)
    if layers is not None and "layers" not in values:
        return values | {"layers": layers.model_dump(mode="json", exclude_none=True)}
    given = values.get("layers")
    if adapter is not None and isinstance(given, dict) and given.get("adapter") is None:
        return values | {"layers": given | {"adapter": adapter.model_dump(mode="json")}}
    return values


def check_layers(method: Method, layers: Layers, base_model: BaseModelRef) -> None:
    """Refuse layers that the model has not, or that contradict the method.

    Raises:
        ValueError: says what is allowed.
    """
    if base_model.blocks is not None:
        layers.chosen(base_model.blocks)
        check_personal(method, base_model.blocks)
    brought, adapter = brought_layers(method), brought_adapter(method)
    if brought is not None and not brought.same_blocks(layers):
        raise ValueError("method and layers choose different blocks: leave one of them out")
    if adapter is not None and adapter != layers.adapter:
        raise ValueError("method and layers name different adapters: leave one of them out")
    check_fit(method, layers)


def check_fit(method: Method, layers: Layers) -> None:
    """Refuse a method that cannot work on the blocks that train.

    Raises:
        ValueError: says what is allowed.
    """
    blocks, training, rule = layers.trained_blocks, training_of(method), server_of(method)
    personal = set(training.personal)
    if isinstance(rule, TargetedRule) and rule.keep > blocks:
        raise ValueError(f"method: keep is {rule.keep}, and {blocks} blocks train: 1 to {blocks}")
    if isinstance(rule, TargetedRule) and rule.keep > blocks - len(personal):
        raise ValueError(
            f"method: the coordinator keeps {rule.keep} of {blocks} blocks and {len(personal)} are "
            f"personal: keep at most {blocks - len(personal)}"
        )
    if isinstance(rule, OwnRule) and (training.share < 1 or personal):
        raise ValueError(
            "method: every site keeps its own model: share must be 1 and nothing personal"
        )
    if layers.blocks is not None and not personal <= set(layers.blocks):
        allowed = ", ".join(str(block) for block in layers.blocks)
        raise ValueError(f"method: personal blocks are some of those that train: {allowed}")
    if personal and len(personal) >= blocks:
        raise ValueError(f"method: all {blocks} trained blocks are personal: fewer must be")
    configurator = configurator_of(method)
    if configurator is not None and training.dropout is None:
        raise ValueError("method: a configurator needs the dropout that it starts with")
    if configurator and training.dropout and configurator.min_rates:
        _check_memory(training.dropout)


def _check_memory(dropout: LayerDropout) -> None:
    if dropout.masks != "exact":
        raise ValueError(
            "method: min_rates bound a site's memory, and a step of bernoulli masks may run every "
            "block: masks must be exact"
        )


def check_sites(method: Method, sites: Collection[str]) -> None:
    """Refuse a configurator that speaks of a site which is not in the plan.

    Raises:
        ValueError: says which there are.
    """
    bandit = configurator_of(method)
    strangers = sorted(bandit.min_rates.keys() - set(sites)) if bandit is not None else []
    if strangers:
        raise ValueError(
            f"method: min_rates names {strangers[0]!r}; the sites are {', '.join(sites)}"
        )


def check_personal(method: Method, blocks: int) -> None:
    """Refuse personal blocks that a model of so many blocks has not.

    Raises:
        ValueError: says what is allowed.
    """
    absent = [block for block in training_of(method).personal if block >= blocks]
    if absent:
        raise ValueError(f"method: personal block {absent[0]}: the model's are 0 to {blocks - 1}")
