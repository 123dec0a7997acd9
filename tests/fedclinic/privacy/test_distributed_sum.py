"""Several processes compute one DP step: the update of one process, with the noise of one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fedclinic.privacy.distributed_sum import ALONE, Rank
from tests.fedclinic.privacy.several_processes import ROUNDS, released_by

PROCESSES = 2
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that three processes under torchrun wrote."""
    folder = tmp_path_factory.mktemp("ranks")
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={PROCESSES}"]
    launch += ["-m", "tests.fedclinic.privacy.several_processes", str(folder)]
    finished = subprocess.run(
        [sys.executable, *launch],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return folder


@pytest.mark.parametrize("name", ROUNDS)
def test_several_processes_make_the_update_of_one(outcome, name):
    alone = released_by(ROUNDS[name](), ALONE)
    together = dict(np.load(outcome / f"{name}.npz"))
    assert together.keys() == alone.keys()
    for tensor, values in alone.items():
        assert np.abs(values).max() > 0
        np.testing.assert_allclose(together[tensor], values, rtol=0, atol=1e-5)


def test_several_processes_pass_the_self_test_of_one(outcome):
    assert json.loads((outcome / "self-tests.json").read_text())["none"] == []


@pytest.mark.parametrize("mistake", ["noise by every process", "one seed for every process"])
def test_noise_that_is_added_more_than_once_is_caught(outcome, mistake):
    failed = json.loads((outcome / "self-tests.json").read_text())[mistake]
    assert any("noise" in name for name in failed)


def test_every_chosen_note_is_computed_by_one_process():
    chosen = np.array([4, 9, 2, 7, 7, 1, 0])
    parts = [Rank(number, PROCESSES, None).part_of(chosen) for number in range(PROCESSES)]
    assert sorted(np.concatenate(parts).tolist()) == sorted(chosen.tolist())
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
