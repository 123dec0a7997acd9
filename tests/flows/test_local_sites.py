"""The local transport carries requests and replies, and explains a process that does not answer."""

import json
import os
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fedclinic.answers import Answer
from fedclinic.errors import RunError
from fedclinic.evidence.statement import sign
from fedclinic.local_protocol import Answered, Counted, Progress
from flows.settings import Workspace
from flows.sites.local import LocalSites
from tests.factories import make_plan, make_round_task, make_signing_key

FAKE_SITE = textwrap.dedent(
    """
    import json, os, pathlib, signal, sys

    options = sys.argv[1:]
    site = options[options.index("--set") + 1].partition("=")[2]
    script = json.loads(pathlib.Path("script.json").read_text())
    seen = {"arguments": options, "environment": dict(os.environ), "process": os.getpid()}
    pathlib.Path(f"seen-{site}.json").write_text(json.dumps(seen))
    for line in sys.stdin:
        for step in script.get(site, script.get("*", [])):
            if step == "end":
                sys.exit(3)
            if step == "be killed":
                os.kill(os.getpid(), signal.SIGKILL)
            print(step if isinstance(step, str) else json.dumps(step), flush=True)
    """
)
ENVELOPE = sign(make_round_task(), "round-task", make_signing_key())
PROGRESS = Progress(stage="train", done=1, total=3)
COUNTED = Counted(notes=3, quarantined=0, patients=2)
KEY = make_signing_key(7).public
ANSWER = Answer(statements=(ENVELOPE, ENVELOPE), problem="why")
ANSWERED = Answered(key=KEY.raw.hex(), answer=ANSWER)


class Watcher:
    """Remembers what it was shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Progress | Counted]] = []

    def progress(self, site: str, progress: Progress) -> None:
        self.seen.append((site, progress))

    def counted(self, site: str, counted: Counted) -> None:
        self.seen.append((site, counted))


class Stage:
    """A folder in which `python -m site_agent` is a site that follows a script."""

    def __init__(self, root: Path) -> None:
        self.root = root
        package = root / "site_agent"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(FAKE_SITE)
        self.watcher = Watcher()
        self.sites: LocalSites | None = None

    def open(self, script: dict[str, Any], **plan: Any) -> LocalSites:
        (self.root / "script.json").write_text(json.dumps(script))
        self.sites = LocalSites(
            make_plan(**plan), Workspace(self.root / "space"), "/notes", "key=", self.watcher
        )
        return self.sites

    def seen(self, site: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.root / f"seen-{site}.json").read_text())
        return content


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.chdir(tmp_path)
    stage = Stage(tmp_path)
    yield stage
    if stage.sites is not None:
        stage.sites.__exit__(None, None, None)


def said(*replies: Any) -> list[Any]:
    return [reply.model_dump(mode="json") for reply in replies]


def test_a_site_answers_and_its_progress_and_counts_are_shown(stage):
    sites = stage.open({"*": said(PROGRESS, PROGRESS, COUNTED, ANSWERED)})
    assert sites.submit("north", ENVELOPE) == ANSWER
    assert stage.watcher.seen == [("north", PROGRESS)] * 2 + [("north", COUNTED)]


def test_a_site_answers_every_task_in_one_process(stage):
    sites = stage.open({"*": said(ANSWERED)})
    sites.submit("north", ENVELOPE)
    process = stage.seen("north")["process"]
    assert sites.submit("north", ENVELOPE) == ANSWER
    assert stage.seen("north")["process"] == process


def test_the_key_of_a_site_is_known_once_it_has_answered(stage):
    sites = stage.open({"*": said(ANSWERED)})
    with pytest.raises(RunError, match="site north has not said its key yet"):
        sites.key("north")
    sites.submit("north", ENVELOPE)
    assert sites.key("north") == KEY


def test_evaluation_has_a_process_and_a_configuration_of_its_own(stage):
    sites = stage.open({"evaluation": said(ANSWERED)})
    assert sites.submit("evaluation", ENVELOPE) == ANSWER
    arguments = stage.seen("evaluation")["arguments"]
    assert arguments[arguments.index("--config") + 1] == "evaluation.yaml"


def test_a_site_is_told_its_name_its_data_and_its_own_values(stage):
    transport = {
        "kind": "local",
        "site_config": "site.yaml",
        "values": {"south": {"department": "icu"}},
    }
    sites = stage.open({"*": said(ANSWERED)}, transport=transport)
    sites.submit("south", ENVELOPE)
    arguments = stage.seen("south")["arguments"]
    values = [arguments[n + 1] for n, word in enumerate(arguments) if word == "--set"]
    assert set(values) == {
        "site=south",
        "data=/notes",
        "coordinator=key=",
        "index=1",
        "department=icu",
    }
    assert arguments[:3] == ["serve-pipe", "--config", "site.yaml"]
    home = Path(arguments[arguments.index("--home") + 1])
    assert home == stage.root / "space" / "sites" / "trial" / "south"


def test_no_credential_of_the_coordinator_reaches_a_site(stage, monkeypatch):
    secrets = (
        "AWS_SECRET_ACCESS_KEY",
        "PREFECT_API_KEY",
        "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_TRACKING_URI",
        "HF_TOKEN",
    )
    for name in secrets:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("FEDCLINIC_BASE_MODEL", "/models/minilm")
    sites = stage.open({"*": said(ANSWERED)})
    sites.submit("north", ENVELOPE)
    environment = stage.seen("north")["environment"]
    assert "secret" not in environment.values()
    assert environment["FEDCLINIC_BASE_MODEL"] == "/models/minilm"
    assert int(environment["OMP_NUM_THREADS"]) >= 1


PROBLEM = {"say": "problem", "code": "data", "message": "no notes at notes.jsonl"}
ANSWERS = {
    "a problem": ([PROBLEM], "site north: no notes at notes.jsonl"),
    "no reply at all": (["hello"], "sent a line that is no reply"),
    "a reply with a field too many": ([PROBLEM | {"note": "x"}], "sent a line that is no reply"),
    "an end": (["end"], r"its process ended with code 3; see its stderr\.log"),
    "a kill": (["be killed"], "its process was ended by SIGKILL; out of memory"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_whatever_a_site_does_instead_of_answering_is_one_line(stage, answer):
    steps, reason = ANSWERS[answer]
    sites = stage.open({"*": steps})
    with pytest.raises(RunError, match=reason) as caught:
        sites.submit("north", ENVELOPE)
    assert "\n" not in str(caught.value)


def test_a_site_that_ended_is_explained_again_when_asked_again(stage):
    sites = stage.open({"*": ["end"]})
    for _ in range(2):
        with pytest.raises(RunError, match="ended with code 3"):
            sites.submit("north", ENVELOPE)


def test_one_sites_end_does_not_touch_another(stage):
    sites = stage.open({"north": ["end"], "south": said(ANSWERED)})
    with pytest.raises(RunError, match="site north"):
        sites.submit("north", ENVELOPE)
    assert sites.submit("south", ENVELOPE) == ANSWER


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_no_site_outlives_its_coordinator(stage):
    with stage.open({"*": said(ANSWERED)}) as sites:
        sites.submit("north", ENVELOPE)
        sites.submit("south", ENVELOPE)
        processes = [stage.seen(site)["process"] for site in ("north", "south")]
        assert all(is_running(process) for process in processes)
    assert not any(is_running(process) for process in processes)
