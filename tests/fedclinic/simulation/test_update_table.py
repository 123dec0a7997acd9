"""A round's updates lie in a file that nobody can find, and are read back as they were sent."""

from pathlib import Path

import numpy as np
import pytest

from fedclinic.simulation.update_table import UpdateTable
from fedclinic.updates.aggregate import norm_bounded_mean
from tests.factories import random_tensors

SCHEMA = {"block.0.w": (3, 2), "head.bias": (4,)}


def make_table(folder: Path) -> UpdateTable:
    return UpdateTable(folder / "table", ("north", "south"), SCHEMA)


def test_an_update_is_read_back_as_it_was_put(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    sent = {site: random_tensors(SCHEMA, seed=seed) for seed, site in enumerate(table.room)}
    for site, update in sent.items():
        table.put(site, update)
    for site, update in sent.items():
        for name, values in update.items():
            assert np.array_equal(table.get(site)[name], values)


def test_updates_are_mapped_from_a_file_that_is_gone_from_its_folder(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    table.put("north", random_tensors(SCHEMA))
    row = table.row("north")
    base = row.base
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    assert list(tmp_path.iterdir()) == []


def test_a_site_that_sent_some_tensors_has_only_these(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    table.put("north", {"head.bias": np.ones(4, np.float32)})
    assert list(table.get("north")) == ["head.bias"]
    with pytest.raises(KeyError):
        table.get("north")["block.0.w"]


def test_a_dropped_site_and_a_cleared_table_have_no_updates(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    for site in table.room:
        table.put(site, random_tensors(SCHEMA))
    table.drop("north")
    assert table.sites() == ("south",)
    table.clear()
    assert table.updates() == {}


def test_the_mean_of_rows_is_that_of_the_tensors_themselves(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    sent = {site: random_tensors(SCHEMA, seed=seed) for seed, site in enumerate(table.room)}
    for site, update in sent.items():
        table.put(site, update)
    weights = {"north": 1.0, "south": 3.0}
    ours = norm_bounded_mean(table.updates(), weights, max_norm=1.0)
    theirs = norm_bounded_mean(sent, weights, max_norm=1.0)
    assert all(np.array_equal(ours[name], theirs[name]) for name in SCHEMA)
