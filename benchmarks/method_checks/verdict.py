"""One line a check: pass, falls short, or not run, with the numbers that say so."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Verdict:
    """What came of one check."""

    what: str
    result: Literal["pass", "falls short", "not run"]
    numbers: str

    def line(self) -> str:
        return f"{self.result:11}  {self.what}: {self.numbers}"


def judge(what: str, good: bool, numbers: str) -> Verdict:
    return Verdict(what, "pass" if good else "falls short", numbers)
