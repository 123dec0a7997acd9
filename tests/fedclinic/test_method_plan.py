"""A method is named with its parameters, stands for orthogonal parts, and fits what trains."""

from typing import Any

import pytest
import yaml

from fedclinic.chosen_layers import Bottleneck, Layers, Lora
from fedclinic.config import parse_document
from fedclinic.errors import ConfigError
from fedclinic.method_parts import (
    AdaptiveRule,
    LayerDropout,
    MeanRule,
    OwnRule,
    TargetedRule,
    Training,
)
from fedclinic.method_plan import server_of, training_of
from fedclinic.plan import FederationPlan
from tests.factories import make_plan, make_unprotected, plan_values

ADAM = {"name": "fedadam", "server_learning_rate": 0.1}
STLD = {"name": "droppeft", "rate": 0.5, "shape": "decay", "share": 0.5}


def read(**changes: Any) -> FederationPlan:
    values = plan_values(**changes)
    return parse_document(
        yaml.safe_dump(values, sort_keys=False), FederationPlan, source="federation.yaml"
    )


def complaint(**changes: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        read(**changes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def line_of(words: str, **changes: Any) -> int:
    lines = yaml.safe_dump(plan_values(**changes), sort_keys=False).splitlines()
    return 1 + next(number for number, line in enumerate(lines) if words in line)


@pytest.mark.parametrize(
    ("method", "training", "rule"),
    [
        ({"name": "fedavg"}, Training(), MeanRule()),
        ({"name": "fedprox", "mu": 0.1}, Training(proximal=0.1), MeanRule()),
        (ADAM, Training(), AdaptiveRule(rule="fedadam", learning_rate=0.1)),
        (
            STLD,
            Training(dropout=LayerDropout(rate=0.5, shape="decay"), share=0.5),
            MeanRule(),
        ),
        (
            {"name": "fedtlu", "keep": 1, "guarded": True, "inner": STLD},
            Training(dropout=LayerDropout(rate=0.5, shape="decay"), share=0.5),
            TargetedRule(keep=1, guarded=True),
        ),
        ({"name": "local_only"}, Training(), OwnRule()),
        (
            {
                "name": "composed",
                "training": {"proximal": 0.1, "dropout": {"rate": 0.5}},
                "server": {"rule": "fedyogi", "learning_rate": 0.1},
            },
            Training(proximal=0.1, dropout=LayerDropout(rate=0.5)),
            AdaptiveRule(rule="fedyogi", learning_rate=0.1),
        ),
    ],
)
def test_a_name_stands_for_how_sites_train_and_how_the_server_folds_in(method, training, rule):
    plan = read(method=method, layers={"top": 2})
    assert training_of(plan.method) == training
    assert server_of(plan.method) == rule


def test_a_method_may_bring_the_blocks_or_the_adapter():
    values = plan_values(method={"name": "layer_skipping", "bottom": 2})
    del values["layers"]
    assert FederationPlan.model_validate(values).layers == Layers(bottom=2)
    lora = {"name": "ffa_lora", "rank": 4, "alpha": 8}
    assert make_plan(method=lora).layers.adapter == Lora(rank=4, alpha=8, freeze_a=True)
    inner = {"name": "fedtlu", "keep": 1, "inner": {"name": "adapters", "width": 8}}
    assert make_plan(method=inner).layers.adapter == Bottleneck(width=8)


def test_a_plan_is_the_same_after_it_was_written_down_and_read():
    for method in (
        {"name": "lora", "rank": 4, "alpha": 8},
        {"name": "layer_skipping", "top": 1},
        {"name": "fedtlu", "keep": 1, "inner": STLD},
    ):
        plan = make_plan(method=method)
        assert FederationPlan.model_validate_json(plan.model_dump_json()) == plan


# --- what config check refuses


def test_an_unknown_method_is_told_the_known_ones():
    message = complaint(method={"name": "fedsomething"})
    assert f"federation.yaml:{line_of('name: fedavg')}: method.name: " in message
    for name in ("fedavg", "fedprox", "fedadam", "fedyogi", "layer_skipping", "droppeft"):
        assert name in message
    for name in ("fedtlu", "lora", "ffa_lora", "adapters", "splitnn", "local_only", "centralised"):
        assert name in message


def test_an_unknown_parameter_is_told_the_methods_own():
    message = complaint(method={"name": "fedprox", "mu": 0.1, "nu": 1})
    assert "unknown field 'method.nu'; allowed: mu, name, server_learning_rate" in message
    message = complaint(method={"name": "fedtlu", "keep": 1, "inner": STLD | {"rte": 1}})
    assert "unknown field 'method.inner.rte'; did you mean 'rate'?" in message


def test_a_missing_parameter_is_named():
    assert "field 'method.mu' is missing" in complaint(method={"name": "fedprox"})
    message = complaint(method={"name": "layer_skipping", "tpo": 1})
    assert "'method.tpo'; did you mean 'top'?" in message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"method": {"name": "fedtlu", "keep": 3}}, "method: keep is 3, and 1 blocks train"),
        (
            {"method": STLD | {"configurator": {"min_rates": {"east": 0.5}}}},
            "method: min_rates names 'east'; the sites are north, south",
        ),
        (
            {"method": STLD | {"configurator": {"min_rates": {"north": 0.85}}}},
            "min_rates: north needs 0.85, and max_rate is 0.8: at most 0.8",
        ),
        (
            {
                "method": STLD
                | {"masks": "bernoulli", "configurator": {"min_rates": {"north": 0.5}}}
            },
            "a step of bernoulli masks may run every block: masks must be exact",
        ),
        (
            {"layers": {"top": 1, "embeddings": True}, "base_model": {"name": "t", "blocks": 6}},
            "layers: embeddings train with every block: the plan trains 1 blocks, and the model "
            "has 6",
        ),
        (
            {"method": {"name": "splitnn", "cut": 1}},
            "it is a baseline of the simulator; allowed: fedavg, fedprox, fedadam, fedyogi,",
        ),
        (
            {"layers": {"top": 9}, "base_model": {"name": "tiny", "blocks": 6}},
            "layers: the plan trains 9 blocks, and the model has 6",
        ),
        (
            {"layers": {"blocks": [2, 6]}, "base_model": {"name": "tiny", "blocks": 6}},
            "layers: the plan trains block 6, and the model's blocks are 0 to 5",
        ),
        (
            {
                "layers": {"top": 2},
                "method": {
                    "name": "fedtlu",
                    "keep": 2,
                    "inner": {"name": "droppeft", "rate": 0.1, "personal": [5]},
                },
            },
            "method: the coordinator keeps 2 of 2 blocks and 1 are personal: keep at most 1",
        ),
        (
            {"layers": {"blocks": [1, 3]}, "method": STLD | {"personal": [2]}},
            "method: personal blocks are some of those that train: 1, 3",
        ),
        (
            {
                "layers": {"top": 2},
                "base_model": {"name": "tiny", "blocks": 6},
                "method": STLD | {"personal": [7]},
            },
            "method: personal block 7: the model's are 0 to 5",
        ),
        ({"layers": {"top": 1, "bottom": 1}}, "by exactly one of top, bottom, random, blocks"),
        (
            {"method": {"name": "layer_skipping", "top": 2}},
            "method and layers choose different blocks",
        ),
        ({"method": {"name": "splitnn", "cut": 1}}, "method: splitnn would send activations"),
        ({"method": {"name": "centralised"}}, "method: centralised has one site"),
        ({"method": {"name": "droppeft", "rate": 0.95}}, "less than or equal to 0.9"),
        (
            {
                "layers": {"top": 1, "parameters": "biases"},
                "method": {"name": "lora", "rank": 1, "alpha": 1},
            },
            "with an adapter, the blocks' own parameters stay frozen",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_what_is_allowed(changes, reason):
    assert reason in complaint(**changes)


def test_a_wrong_variant_is_named_before_anything_runs(tmp_path):
    variant = {
        "name": "targeted",
        "title": "FedTLU",
        "method": {"name": "fedtlu", "keep": 5},
        "privacy": make_unprotected().model_dump(),
    }
    path = tmp_path / "federation.yaml"
    path.write_text(yaml.safe_dump(plan_values(comparison=[variant])), encoding="utf-8")
    from flows.plan_file import load_plan  # noqa: PLC0415

    with pytest.raises(ConfigError, match="comparison 'targeted': method: keep is 5"):
        load_plan(path)
