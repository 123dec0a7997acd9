"""The recorder: what it writes verifies, once, whatever is stated again after a crash."""

from pathlib import Path

import pytest

from fedclinic.errors import SignatureError
from fedclinic.evidence.checkpoint import cosign_checkpoint
from fedclinic.evidence.events import COORDINATOR
from fedclinic.evidence.kinds import actor_of, kind_of
from fedclinic.evidence.log import LogFile
from fedclinic.evidence.recorder import Recorder
from fedclinic.evidence.statement import sign
from fedclinic.evidence.verify import verify
from tests.fedclinic.evidence.factory import (
    KEYS,
    ORIGIN,
    Scene,
    make_snapshots,
    make_store,
    make_trust,
)


def make_recorder(path: Path) -> Recorder:
    return Recorder(LogFile(path / "log.jsonl", ORIGIN), KEYS[COORDINATOR])


def write(recorder: Recorder, events) -> None:
    for event in events:
        actor = actor_of(event)
        if actor == COORDINATOR:
            recorder.state(event)
        else:
            recorder.take_in(sign(event, kind_of(event), KEYS[actor]))


def test_a_recorded_run_is_verified_in_silence(tmp_path):
    recorder = make_recorder(tmp_path)
    write(recorder, Scene().events)
    checkpoint = cosign_checkpoint(recorder.checkpoint(), "auditor", KEYS["auditor"])
    bundle = recorder.bundle(checkpoint, make_snapshots().values())
    assert verify(bundle, make_trust(), make_store()) == []


@pytest.mark.parametrize("stopped_after", [0, 1, 17, 47])
def test_a_run_that_was_stopped_and_stated_again_is_in_the_log_once(tmp_path, stopped_after):
    events = Scene().events
    write(make_recorder(tmp_path), events[:stopped_after])
    later = [event.model_copy(update={"at": 2e9}) if hasattr(event, "at") else event
             for event in events]  # fmt: skip
    resumed = make_recorder(tmp_path)
    write(resumed, later)
    assert len(resumed.entries) == len(events)


def test_the_same_statement_twice_in_one_call_is_written_once(tmp_path):
    recorder = make_recorder(tmp_path)
    event = Scene().events[0]
    recorder.state(event, event)
    assert len(recorder.entries) == 1


def test_what_is_not_a_statement_is_not_written(tmp_path):
    recorder = make_recorder(tmp_path)
    envelope = sign(Scene().events[0], "site-joined", KEYS[COORDINATOR])
    with pytest.raises(SignatureError):
        recorder.take_in(envelope.model_copy(update={"payload": "e30="}))
    assert recorder.entries == ()
