"""What each attack does to an update, in numbers that can be checked by hand."""

from pathlib import Path

import numpy as np
import pytest

from fedclinic.learning.tasks import IGNORED
from fedclinic.simulation.attacks import UPDATE_ATTACKS, falsify, flip_labels
from fedclinic.simulation.update_table import UpdateTable
from tests.tiny_rounds import notes_of_windows, one_note_each

SITES = ("a", "b", "c", "d")
HONEST = np.array([[2.0, 0.0], [4.0, 0.0], [6.0, 3.0]], dtype=np.float32)
BAD = np.array([3.0, 4.0], dtype=np.float32)


def falsified(folder: Path, attack: str) -> np.ndarray:
    table = UpdateTable(folder / "table", SITES, {"w": (2,)})
    for site, values in zip(SITES, (BAD, *HONEST), strict=True):
        table.put(site, {"w": values})
    falsify(table, ["a"], attack, np.random.default_rng(0))
    for site, values in zip(SITES[1:], HONEST, strict=True):
        assert np.array_equal(table.get(site)["w"], values)
    return table.get("a")["w"]


def test_sign_flip_scaling_and_shift_start_from_the_sites_own_update(tmp_path: Path) -> None:
    root_mean_square = 5 / np.sqrt(2)
    assert np.array_equal(falsified(tmp_path, "sign_flip"), [-3, -4])
    assert np.array_equal(falsified(tmp_path, "scaling"), [-60, -80])
    assert falsified(tmp_path, "constant_shift") == pytest.approx(BAD + 10 * root_mean_square)


def test_inner_product_manipulation_points_against_the_honest_mean(tmp_path: Path) -> None:
    assert falsified(tmp_path, "ipm") == pytest.approx([-0.6 * 4, -0.6 * 1])


def test_a_little_is_enough_stays_within_the_honest_spread(tmp_path: Path) -> None:
    mean, deviation = HONEST.mean(0), HONEST.std(0)
    distance = (mean - falsified(tmp_path, "alie")) / deviation
    assert distance[0] == pytest.approx(distance[1])
    # One of four is bad and one more must be won over: z = Phi^-1((0.75 - 0.25) / 0.75).
    assert distance[0] == pytest.approx(0.4307, abs=1e-3)


def test_noise_takes_the_place_of_the_update(tmp_path: Path) -> None:
    sent = falsified(tmp_path, "noise")
    assert not np.array_equal(sent, BAD)
    assert np.isfinite(sent).all()


def test_every_attack_changes_what_is_sent(tmp_path: Path) -> None:
    for attack in UPDATE_ATTACKS:
        assert not np.array_equal(falsified(tmp_path, attack), BAD), attack


def test_flipped_labels_mirror_the_classes_and_leave_the_rest() -> None:
    documents, tokens = one_note_each(6), notes_of_windows()
    flipped = flip_labels(documents, 3)
    assert [int(row.targets[0]) for row in documents.rows] == [0, 1, 2, 0, 1, 2]
    assert [int(row.targets[0]) for row in flipped.rows] == [2, 1, 0, 2, 1, 0]
    for before, after in zip(tokens.rows, flip_labels(tokens, 5).rows, strict=True):
        ignored = before.targets == IGNORED
        assert np.array_equal(after.targets == IGNORED, ignored)
        assert np.array_equal(after.targets[~ignored], 4 - before.targets[~ignored])
