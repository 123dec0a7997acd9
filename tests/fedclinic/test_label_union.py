"""A plan says which labels each site annotates; what it says is checked before anybody is asked."""

import pytest

from fedclinic.label_union import annotated, unannotated
from fedclinic.plan import FederationPlan
from tests.factories import make_plan

UNION = {"kind": "token_classification", "labels": ["Chemical", "Disease"], "max_tokens": 32}


def union(north: object = None, south: object = None, **changes: object) -> FederationPlan:
    sites = [
        {"name": name, "weight": 1} | ({} if labels is None else {"labels": labels})
        for name, labels in (("north", north), ("south", south))
    ]
    return make_plan(**{"task": UNION, "sites": sites} | changes)


def test_a_site_is_given_the_task_with_its_own_names_and_others_the_whole_task():
    plan = union(north={"Problem": "Disease"})
    assert plan.task_at("north").own_labels == {"Problem": "Disease"}
    assert plan.task_at("south") == plan.task


def test_a_list_of_labels_is_a_mapping_of_each_to_itself():
    assert union(north=["Disease"]).task_at("north").own_labels == {"Disease": "Disease"}


def test_evaluation_notes_may_annotate_less_than_the_sites():
    plan = union(evaluation={"site_config": "evaluation.yaml", "labels": ["Disease"]})
    assert plan.task_at("evaluation").own_labels == {"Disease": "Disease"}
    assert plan.digest() == union().digest(), "how the model is measured is no affair of the sites"


def test_what_a_site_annotates_is_a_part_of_what_sites_agree_to():
    assert union(north=["Disease"]).digest() != union().digest()


def test_of_the_unions_labels_a_site_knows_those_that_its_names_stand_for():
    labels = ("Chemical", "Disease", "Gene")
    assert annotated(labels, {"b": "Gene", "a": "Chemical"}) == ("Chemical", "Gene")
    assert unannotated(labels, {"b": "Gene", "a": "Chemical"}) == (1,)
    assert (annotated(labels, {}), unannotated(labels, {})) == (labels, ())


DOCUMENTS = {"kind": "document_classification", "labels": ["a", "b"], "max_tokens": 32}
REFUSED = {
    "a label that the task has not": (
        {"north": {"Problem": "Finding"}},
        "north: its labels name 'Finding', which is none of task.labels: Chemical, Disease",
    ),
    "a label that no site annotates": (
        {"north": ["Disease"], "south": {"Problem": "Disease"}},
        "no site annotates 'Chemical': leave it out of task.labels, or name it",
    ),
    "documents": (
        {"north": ["a"], "task": DOCUMENTS},
        "labels of a site are for token_classification, not document_classification",
    ),
    "one site's names in the task of all": (
        {"task": UNION | {"own_labels": {"Disease": "Disease"}}},
        "task.own_labels: given to one site: write it under sites, labels",
    ),
    "evaluation notes of another task": (
        {"evaluation": {"site_config": "evaluation.yaml", "labels": ["Gene"]}},
        "evaluation: its labels name 'Gene', which is none of task.labels: Chemical, Disease",
    ),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_union_that_teaches_less_or_more_than_the_task_is_refused(mistake):
    values, reason = REFUSED[mistake]
    with pytest.raises(ValueError, match=reason):
        union(**values)
