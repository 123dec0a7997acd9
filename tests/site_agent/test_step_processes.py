"""A site that shares its rounds out over several processes reports what one process would."""

from pathlib import Path

import numpy as np
import pytest

from fedclinic.errors import ConfigError
from fedclinic.updates.codec import UpdateFile
from site_agent import step_processes
from site_agent.step_processes import StepProcesses
from tests.fakes import installed_auditing_policy
from tests.tiny_site import TinySite, make_tiny_site, make_tiny_task


def update_of(tiny: TinySite, run: str) -> dict[str, np.ndarray]:
    task = make_tiny_task(run=run)
    report = tiny.run(task)
    assert (report.status, report.error) == ("completed", None)
    shapes = tiny.site.workbench(task).model.shapes()
    with UpdateFile(tiny.site.blobs.find(report.update.blob), shapes, "F32") as file:
        return {name: np.array(values) for name, values in dict(file).items()}


def test_two_processes_report_the_update_of_one(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    tiny = make_tiny_site(tmp_path, tiny_model_folder)
    alone = update_of(tiny, "run-alone")
    shared = tiny.site.config.model_copy(update={"processes": 2})
    policy = installed_auditing_policy(canaries=20, planted=2, unplanted=6)
    tiny.change(together=StepProcesses(shared, tiny.home, policy))
    together = update_of(tiny, "run-together")
    assert together.keys() == alone.keys()
    for name, values in alone.items():
        assert np.abs(values).max() > 0, name
        np.testing.assert_allclose(together[name], values, rtol=0, atol=1e-5)


def test_more_processes_than_gpus_are_refused_before_any_starts(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    tiny = make_tiny_site(tmp_path, tiny_model_folder)
    monkeypatch.setattr(step_processes.torch.cuda, "device_count", lambda: 1)
    config = tiny.site.config.model_copy(update={"processes": 2, "device": "auto"})
    processes = StepProcesses(config, tiny.home, tiny.site.auditing.policy)
    with pytest.raises(ConfigError, match="2 processes, and there are 1 GPUs"):
        processes(make_tiny_task()).__enter__()
