"""The papers' figures beside ours, and what differs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fedbench.results import Result
from fedbench.suites.quality import CENTRALISED
from fedbench.suites.targeted import CRITICAL, RANDOM
from fedbench.suites.time_to_accuracy import NO_DROPOUT
from fedbench.summary import Measured, bytes_a_round, mean_of, shares, show
from fedbench.trajectories import final_perplexity, relative_gain, speed_up


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
    results = list(measured.by_seed(arm="top 3, F32").values())
    if not results:
        return "not run"
    saved = [1 - bytes_a_round(result)[0] / (4 * result.model_parameters) for result in results]
    return f"{100 * mean_of(saved).value:.1f} % (fp32)"


def _times_faster(ours: Mapping[int, Result], plain: Mapping[int, Result]) -> str:
    if not ours.keys() & plain.keys():
        return "not run"
    faster = speed_up(ours, plain, share=0.95)
    return "target not reached" if faster is None else show(faster, digits=2)


def _faster_by_dropout(measured: Measured) -> str:
    plain = measured.by_seed(arm=NO_DROPOUT)
    return "; ".join(
        f"{arm}: {_times_faster(measured.by_seed(arm=arm), plain)}"
        for arm in measured.arms()
        if arm != NO_DROPOUT
    )


def _better_than_random(measured: Measured) -> str:
    gain = relative_gain(final_perplexity(measured, CRITICAL), final_perplexity(measured, RANDOM))
    return "not run" if gain is None else f"{show(gain, scale=100, digits=2)} %"


PUBLISHED = (
    Published(
        "Layer skipping, 2504.10536",
        "quality of federated training of the top layers, of centralised",
        "98 to 99 % (NER and classification, 8 of 16 layers of LLaMA-3.2-1B, 4 to 8 hospitals)",
        "quality",
        _share_of_centralised,
        "MiniLM of 6 layers, other corpora of which a part trains, a tenth of the rounds",
    ),
    Published(
        "Layer skipping, 2504.10536",
        "traffic saved against FedAvg on the whole model",
        "about 70 %",
        "bytes",
        _traffic_saved,
        "half the blocks of a small model, whose embedding is half of its parameters",
    ),
    Published(
        "DropPEFT, 2503.10217",
        "times faster to a given accuracy",
        "1.3 to 6.3",
        "time_to_accuracy",
        _faster_by_dropout,
        "MiniLM and synthetic notes instead of BERT-, RoBERTa- and DeBERTa-large; fixed rates; "
        "compute alone, on a CPU",
    ),
    Published(
        "FedTLU, 2412.17692",
        "perplexity better than that of random blocks",
        "up to 7.86 % (GPT-2 and a 6-layer Transformer, Penn Treebank, 100 clients, 150 rounds)",
        "fedtlu",
        _better_than_random,
        "another corpus, ten sites, eight rounds, a smaller Transformer from random weights",
    ),
)
