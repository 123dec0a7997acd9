"""A site opens with a right configuration only, and a mistake in it is named in one line."""

import json

import pytest

from fedclinic.errors import ConfigError, FedclinicError, ModelError
from site_agent.check import check_site
from site_agent.opening import open_site
from tests.factories import make_plan
from tests.site_agent.desk import prepare, prepared_by
from tests.tiny_models import BLOCKS

OPENING_MISTAKES = {
    "unknown field": ({"min_patient": 3}, r"site\.yaml:\d+: unknown field 'min_patient'; did you"),
    "no site policy": ({"privacy_policy": "none.yaml"}, "no policy at .*none.yaml"),
    "no deidentification policy": (
        {"deidentification": {"mode": "safe_harbor", "profile": "fast", "policy": "none.yaml"}},
        "no policy at .*none.yaml",
    ),
    "policy that is no policy": (
        {"privacy_policy": "site.yaml"},
        r"site\.yaml:\d+: unknown field 'deidentification'; allowed: delta",
    ),
    "deidentification policy that is none": (
        {"deidentification": {"mode": "safe_harbor", "profile": "fast", "policy": "site.yaml"}},
        r"site\.yaml:\d+: ",
    ),
    "policy that is not UTF-8": ({"privacy_policy": "latin.yaml"}, "latin.yaml: not UTF-8"),
    "wrong mode": (
        {"deidentification": {"mode": "none", "profile": "fast"}},
        r"deidentification\.mode: input should be 'safe_harbor'",
    ),
}


@pytest.mark.parametrize("mistake", OPENING_MISTAKES)
def test_a_mistake_in_the_configuration_opens_nothing(desk, mistake):
    changes, reason = OPENING_MISTAKES[mistake]
    (desk.root / "latin.yaml").write_bytes("größe: 1".encode("latin-1"))
    desk.write(**changes)
    with pytest.raises(ConfigError, match=reason) as caught:
        desk.handler()
    assert "\n" not in str(caught.value)
    assert not desk.home.root.exists()


def test_a_configuration_that_is_not_there_is_named(desk):
    with pytest.raises(ConfigError, match=r"no site configuration at .*absent\.yaml"):
        open_site(desk.root / "absent.yaml", desk.home, {})


def test_relative_paths_are_relative_to_the_configuration(desk, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (desk.root / "model").symlink_to(desk.model_folder)
    desk.write(permissions={"models": {"tiny": "model"}})
    prepared_by(desk.handler())


def test_another_sites_ledger_is_refused(desk):
    desk.handler().handle(prepare())
    desk.write(site="south")
    with pytest.raises(FedclinicError, match="is the ledger of north, not of south"):
        desk.handler()


def test_the_plan_of_a_check_may_name_what_the_site_lacks_and_is_told(desk, capsys):
    plan = desk.root / "federation.yaml"
    plan.write_text(json.dumps(make_plan().model_dump(mode="json")), encoding="utf-8")
    check_site(open_site(desk.root / "site.yaml", desk.home, {}), plan)
    assert "12 notes of 12 patients" in capsys.readouterr().out
    plan.write_text(
        json.dumps(make_plan(layers={"top": BLOCKS + 1}).model_dump(mode="json")), encoding="utf-8"
    )
    with pytest.raises(ModelError, match="and the model has"):
        check_site(open_site(desk.root / "site.yaml", desk.home, {}), plan)
