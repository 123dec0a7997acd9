"""`fedclinic bench` at the terminal: a mistake is one line and exit code 2."""

from pathlib import Path

import pytest

from fedbench.__main__ import main
from fedbench.results import ResultsFile
from tests.command_line import type_here, type_in_a_process


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "speed"], "no suite 'speed'"),
        (["run", "quality"], "corpus ncbi_disease is read from a folder: name it with --data"),
        (["run", "quality", "--data", "nowhere"], "nowhere/ncbi_disease"),
        (["run", "quality", "--only", "("], "--only '(' is no regular expression"),
        (["report", "--results", "broken"], "broken/scale.jsonl:1: not a result"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    tmp_path: Path,
    arguments: list[str],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "scale.jsonl").write_text("{}\n")
    assert expected in type_here(main, arguments, monkeypatch, capsys).complaint()
    assert not (tmp_path / "benchmarks").exists()


def test_a_mistake_keeps_its_exit_code_through_the_coordinators_command(tmp_path: Path) -> None:
    answer = type_in_a_process("flows", ["bench", "run", "speed"], tmp_path)
    assert "no suite 'speed'; there are" in answer.complaint()


def test_suites_are_listed_with_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = type_here(main, ["list"], monkeypatch, capsys)
    assert answer.code == 0
    assert "0 of    4 cells" in answer.out


def test_what_a_suite_lacks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = type_here(main, ["list", "scale"], monkeypatch, capsys)
    assert answer.code == 0
    assert [line.split(": ")[0] for line in answer.out.splitlines()] == ["seed 0  bc5cdr"] * 4
    answer = type_here(main, ["list", "speed"], monkeypatch, capsys)
    assert answer.code == 2
    assert "no suite 'speed'; there are" in answer.complaint()


def test_a_quick_suite_runs_and_a_second_call_has_nothing_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["run", "bytes", "--quick", "--only", "biases of top 1", "--results", "r"]
    first = type_in_a_process("flows", ["bench", *words], tmp_path)
    assert first.code == 0, first.errors
    assert "0 of 2 cells are done" in first.out
    assert type_here(main, words, monkeypatch, capsys).out == "2 of 2 cells are done\n"
    results = ResultsFile(tmp_path / "r" / "bytes-quick.jsonl").read()
    assert [each.curve[-1].bytes_up > 0 for each in results] == [True] * 2
