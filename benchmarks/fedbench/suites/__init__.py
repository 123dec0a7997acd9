"""The suites by name; each gives its cells in the order in which they are best run."""

from collections.abc import Callable
from dataclasses import dataclass

from fedbench.cell import Cell
from fedbench.suites.byte_counts import byte_cells
from fedbench.suites.heterogeneity import heterogeneity_cells
from fedbench.suites.privacy import privacy_cells
from fedbench.suites.quality import quality_cells
from fedbench.suites.robustness import robustness_cells
from fedbench.suites.scale import scale_cells
from fedbench.suites.targeted import targeted_cells
from fedbench.suites.time_to_accuracy import time_cells
from fedclinic.errors import ConfigError


@dataclass(frozen=True)
class Suite:
    """A question, and the cells that answer it."""

    name: str
    question: str
    cells: Callable[[bool], list[Cell]]
    """Called with whether it is the quick version: few patients of the synthetic cohort."""


SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            "quality",
            "How much of centralised quality do the top layers alone reach, with 4 and 8 sites?",
            quality_cells,
        ),
        Suite("bytes", "What travels in a round, as the codec writes it?", byte_cells),
        Suite(
            "heterogeneity",
            "What do sites with different labels cost, for each method?",
            heterogeneity_cells,
        ),
        Suite(
            "dp", "How good is the model under patient-level DP, by patients a site?", privacy_cells
        ),
        Suite("robustness", "Which means survive bad sites?", robustness_cells),
        Suite(
            "fedtlu",
            "Are the most critical blocks better than as many others, in language modelling?",
            targeted_cells,
        ),
        Suite(
            "time_to_accuracy",
            "How much sooner does layer dropout reach the same accuracy?",
            time_cells,
        ),
        Suite("scale", "How do time and bytes grow with the number of sites?", scale_cells),
    )
}


def find_suite(name: str) -> Suite:
    """Look a suite up.

    Raises:
        ConfigError: with the names that there are.
    """
    if name not in SUITES:
        raise ConfigError(f"no suite '{name}'; there are {', '.join(SUITES)}")
    return SUITES[name]
