"""A plan is read from its file with everything filled in, or refused in one line."""

from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from fedclinic.errors import ConfigError
from fedclinic.plan import FederationPlan, PatientPrivacy
from fedclinic.privacy.accounting import epsilon
from flows.plan_file import load_plan, variant_of
from tests.factories import make_unprotected, plan_values, privacy_values

REPOSITORY = Path(__file__).resolve().parents[2]
DRAFT = privacy_values(noise_multiplier=None, target_epsilon=1.0)


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "federation.yaml"
    values = plan_values(**({"privacy": DRAFT} | changes))
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def complaint(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_plan(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def privacy_of(plan: FederationPlan) -> PatientPrivacy:
    assert isinstance(plan.privacy, PatientPrivacy)
    return plan.privacy


def run_epsilon(plan: FederationPlan, **changes: Any) -> float:
    privacy = privacy_of(plan)
    mechanism = privacy.mechanism().model_copy(update=changes)
    return epsilon([mechanism] * plan.rounds, delta=privacy.delta)


def test_a_plan_that_is_not_there_is_named(tmp_path):
    assert complaint(tmp_path / "none.yaml") == f"no plan at {tmp_path / 'none.yaml'}"


def test_a_folder_is_no_plan(tmp_path):
    assert complaint(tmp_path) == f"cannot read plan {tmp_path}: Is a directory"


def test_a_plan_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "federation.yaml"
    path.write_bytes("federation: größe".encode("latin-1"))
    assert complaint(path) == f"cannot read plan {path}: not UTF-8"


def test_a_mistake_in_a_plan_is_told_with_its_file_and_line(tmp_path):
    path = write(tmp_path, ronds=2)
    assert complaint(path).startswith(f"{path}:")
    assert "did you mean 'rounds'?" in complaint(path)


def test_noise_is_calibrated_to_the_target_over_all_rounds(tmp_path):
    plan = load_plan(write(tmp_path, privacy=DRAFT, rounds=4))
    sigma = privacy_of(plan).mechanism().noise_multiplier
    assert run_epsilon(plan) <= 1.0
    assert run_epsilon(plan, noise_multiplier=0.99 * sigma) > 1.0


def test_more_rounds_need_more_noise(tmp_path):
    few = load_plan(write(tmp_path, privacy=DRAFT, rounds=1))
    many = load_plan(write(tmp_path, privacy=DRAFT, rounds=20))
    assert privacy_of(few).mechanism().noise_multiplier < (
        privacy_of(many).mechanism().noise_multiplier
    )


def test_more_noise_than_needed_is_kept_and_less_is_refused(tmp_path):
    needed = privacy_of(load_plan(write(tmp_path, privacy=DRAFT))).mechanism().noise_multiplier
    generous = load_plan(write(tmp_path, privacy=DRAFT | {"noise_multiplier": 2 * needed}))
    assert privacy_of(generous).noise_multiplier == 2 * needed
    path = write(tmp_path, privacy=DRAFT | {"noise_multiplier": 0.9 * needed})
    assert "does not reach epsilon 1.0: at least" in complaint(path)


def test_a_plan_without_privacy_needs_no_noise(tmp_path):
    unprotected = make_unprotected()
    plan = load_plan(write(tmp_path, privacy=unprotected.model_dump()))
    assert plan.privacy == unprotected


def test_paths_are_relative_to_the_plan(tmp_path, monkeypatch):
    variant = {"name": "pooled", "title": "All", "pooled_config": "all/site.yaml"}
    path = write(tmp_path, comparison=[variant])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    plan = load_plan(Path("../federation.yaml"))
    assert path.is_file()
    assert plan.transport.site_config == str(tmp_path / "site.yaml")
    assert plan.evaluation.site_config == str(tmp_path / "evaluation.yaml")
    assert plan.comparison[0].pooled_config == str(tmp_path / "all" / "site.yaml")


def test_evaluation_notes_that_an_agent_has_need_no_file(tmp_path):
    plan = load_plan(write(tmp_path, evaluation={}, transport={"kind": "exchange"}))
    assert plan.evaluation.site_config is None


def test_a_plan_has_the_same_digest_whenever_it_is_read(tmp_path):
    path = write(tmp_path, privacy=DRAFT)
    assert load_plan(path).digest() == load_plan(path).digest()


# --- what a federation is compared with


def test_a_variant_changes_what_it_names_and_keeps_the_rest(tmp_path):
    alone = {
        "name": "alone",
        "title": "Each alone",
        "method": {"name": "local_only"},
        "rounds": 1,
        "privacy": make_unprotected().model_dump(),
    }
    plan = load_plan(write(tmp_path, comparison=[alone]))
    found = variant_of(plan, plan.comparison[0])
    assert found.method.name == "local_only"
    assert found.rounds == 1
    assert not found.is_protected()
    assert found.comparison == ()
    assert (found.task, found.sites, found.optimizer) == (plan.task, plan.sites, plan.optimizer)


def test_a_variant_with_more_rounds_gets_the_noise_that_they_need(tmp_path):
    variant = {"name": "long", "title": "Long", "rounds": 20}
    plan = load_plan(write(tmp_path, privacy=DRAFT, rounds=2, comparison=[variant]))
    longer = variant_of(plan, plan.comparison[0])
    assert run_epsilon(longer) <= privacy_of(plan).target_epsilon
    assert privacy_of(longer).noise_multiplier > privacy_of(plan).noise_multiplier


def test_a_variant_with_privacy_of_its_own_is_calibrated_to_its_own_rounds(tmp_path):
    variant = {"name": "short", "title": "Short", "rounds": 1, "privacy": DRAFT}
    plan = load_plan(write(tmp_path, privacy=DRAFT, rounds=10, comparison=[variant]))
    short = variant_of(plan, plan.comparison[0])
    assert run_epsilon(short) == pytest.approx(1.0, abs=0.01)
    assert privacy_of(short).mechanism().noise_multiplier < (
        privacy_of(plan).mechanism().noise_multiplier
    )


def test_all_notes_in_one_place_are_one_site(tmp_path):
    variant = {"name": "pooled", "title": "All", "pooled_config": "pooled.yaml"}
    plan = load_plan(write(tmp_path, quorum=2, comparison=[variant]))
    pooled = variant_of(plan, plan.comparison[0])
    assert pooled.site_names() == ("pooled",)
    assert pooled.weights() == {"pooled": 1.0}
    assert pooled.quorum == 1
    assert pooled.transport.site_config == str(tmp_path / "pooled.yaml")


# --- the plans that come with the package


def test_the_demos_plan_is_valid_and_keeps_its_promise():
    with resources.as_file(resources.files("flows.demo")) as folder:
        plan = load_plan(folder / "federation.yaml")
        for config in (plan.transport.site_config, plan.evaluation.site_config):
            assert Path(config).is_file()
    assert run_epsilon(plan) <= privacy_of(plan).target_epsilon


def test_the_plan_of_the_readme_has_the_digest_that_its_page_shows(tmp_path):
    path = tmp_path / "federation.yaml"
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    path.write_text(readme.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    page = (REPOSITORY / "docs" / "research-engineer.md").read_text(encoding="utf-8")
    assert f"digest         {load_plan(path).digest()}\n" in page


EXAMPLES = sorted(
    path
    for path in (REPOSITORY / "examples").rglob("*.yaml")
    if "federation:" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_a_valid_plan_whose_files_are_there(path):
    plan = load_plan(path)
    assert Path(plan.transport.site_config).is_file()
    assert Path(plan.evaluation.site_config).is_file()
    for variant in plan.comparison:
        variant_of(plan, variant)
