"""The papers' figures beside ours, and what differs."""

from collections.abc import Callable
from dataclasses import dataclass

from fedbench.suites.quality import CENTRALISED
from fedbench.summary import Measured, bytes_a_round, mean_of, shares, show


@dataclass(frozen=True)
class Published:
    """One figure of a paper and how ours is read from the results of a suite."""

    paper: str
    what: str
    figure: str
    suite: str
    ours: Callable[[Measured], str]
    differs: str


def _share_of_centralised(measured: Measured) -> str:
    arm = "top half, 4 sites, IID"
    return "; ".join(
        f"{corpus} "
        + show(
            shares(
                measured.by_seed(arm=arm, corpus=corpus),
                measured.by_seed(arm=CENTRALISED, corpus=corpus),
            ),
            scale=100,
            digits=1,
        )
        + " %"
        for corpus in measured.corpora()
    )


def _traffic_saved(measured: Measured) -> str:
    results = list(measured.by_seed(arm="top half, 4 sites, IID").values())
    if not results:
        return "not run"
    saved = [1 - bytes_a_round(result)[0] / (4 * result.model_parameters) for result in results]
    return f"{100 * mean_of(saved).value:.1f} % (fp32)"


PUBLISHED = (
    Published(
        "Layer skipping, 2504.10536",
        "quality of federated training of the top layers, of centralised",
        "98 to 99 % (NER and classification, 8 of 16 layers of LLaMA-3.2-1B, 4 to 8 hospitals)",
        "quality",
        _share_of_centralised,
        "MiniLM of 6 layers, other and smaller corpora, a tenth of the rounds",
    ),
    Published(
        "Layer skipping, 2504.10536",
        "traffic saved against FedAvg on the whole model",
        "about 70 %",
        "quality",
        _traffic_saved,
        "half the blocks of a small model, whose embedding is half of its parameters",
    ),
)
