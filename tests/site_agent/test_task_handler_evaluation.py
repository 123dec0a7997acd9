"""A site measures a model on its notes, where it allows that, and tells what it may."""

from typing import Any

import numpy as np
import pytest

from fedclinic.errors import PolicyError
from fedclinic.evidence.statement import Envelope
from fedclinic.methods.method import zeros
from fedclinic.updates.codec import encode
from tests.factories import LABELS, note_row, write_jsonl
from tests.site_agent.desk import evaluation, measured_by, prepare, prepared_by, problem_of


def test_metrics_leave_only_where_the_site_allows_it(desk):
    handler = desk.handler()
    handler.handle(prepare())
    assert "lets no metrics out" in problem_of(desk, evaluation(), PolicyError)


def test_a_public_sites_notes_measure_any_state(desk):
    desk.write(permissions={"unprotected": True, "evaluation": True})
    write_jsonl(desk.notes, [note_row(n, label=LABELS[n % 4 // 3]) for n in range(12)])
    handler = desk.handler()
    prepared = prepared_by(handler)
    change = zeros(prepared.shapes)
    change["head.bias"] = np.array([0, 1, 0], dtype=np.float32)
    state, _ = handler.blobs.put([encode(change, "F32")])
    base = measured_by(handler, evaluation())
    later = measured_by(handler, evaluation(round_number=1, state=state))
    assert base.notes == 12
    assert base.metrics["accuracy"] == pytest.approx(3 / 4)
    assert later.metrics["accuracy"] == pytest.approx(1 / 4)
    assert measured_by(handler, evaluation()) == base


def test_quality_is_told_by_group_with_intervals_and_small_groups_are_withheld(desk):
    rows = [note_row(n, hospital="north" if n < 30 else "south") for n in range(34)]
    write_jsonl(desk.notes, rows)
    source = {"path": "notes.jsonl", "format": "jsonl"}
    fields = {"label": "label", "group": "hospital"}
    desk.write(
        permissions={"unprotected": True, "evaluation": True}, notes=source | {"fields": fields}
    )
    handler = desk.handler()
    handler.handle(prepare())
    report = measured_by(handler, evaluation(groups=("north", "south", "east")))
    north, south, east = report.groups
    assert north.notes == 30
    assert south == east.model_copy(update={"name": "south"})
    assert (east.notes, east.metrics) == (None, {})
    for each in (report, north):
        assert each.lower.keys() == each.upper.keys() >= {"accuracy"}
        assert each.lower["accuracy"] <= each.metrics["accuracy"] <= each.upper["accuracy"]
    assert measured_by(handler, evaluation()).groups == ()


def test_measuring_does_not_change_what_a_round_starts_from(desk):
    desk.write(permissions={"unprotected": True, "evaluation": True})

    def change_after(*tasks: Envelope) -> Any:
        handler = desk.handler()
        prepared_by(handler)
        for task in tasks:
            measured_by(handler, task)
        (bench,) = handler.bench.values()
        bench.reset(None)
        return {name: p.detach().clone() for name, p in bench.model.trained()}

    plain = change_after()
    measured = change_after(evaluation())
    assert all((plain[name] == measured[name]).all() for name in plain)
