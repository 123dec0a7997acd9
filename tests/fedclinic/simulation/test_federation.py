"""A simulated round is a round: what is trained, sent and folded in is what production does."""

import gc
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from fedclinic import plan
from fedclinic.errors import AdmissionError
from fedclinic.learning.finetune import LocalRound, train_unprotected
from fedclinic.learning.hidden_states import ComputedHiddenStates
from fedclinic.learning.tasks import EncodedNotes
from fedclinic.method_parts import Training
from fedclinic.method_plan import configurator_of, training_of
from fedclinic.methods import ServerState, encode_state, make_method
from fedclinic.methods.bandit import MEMORY
from fedclinic.plan import Unprotected
from fedclinic.rounds import Work
from fedclinic.simulation.configurator import Configurator
from fedclinic.simulation.federation import BadSites, SimulatedRound, Simulation, run_rounds
from fedclinic.simulation.robust import ROBUST_MEANS
from fedclinic.updates.codec import encode
from tests.factories import make_privacy, make_unprotected
from tests.fakes import FakeProgress
from tests.fedclinic.simulation.simulations import make_simulation, make_tiny_model, make_tiny_work
from tests.tiny_rounds import CPU, make_encoded, make_rows, one_note_each

ROUNDS = 2
PARTS = ((0, 1, 2, 3, 4), (5, 6, 7), (8, 9, 10, 11))


def last(simulation: Simulation) -> SimulatedRound:
    return list(run_rounds(simulation))[-1]


def own_notes(part: tuple[int, ...]) -> EncodedNotes:
    """A site's notes encoded by themselves, as the site would: the corpus' lengths and labels."""
    rows = one_note_each(12).rows
    each = [[place] for place in range(len(part))]
    return make_encoded(tuple(rows[note] for note in part), each, each)


def federated_averaging_by_hand() -> dict[str, np.ndarray]:
    """FedAvg with nothing of the simulator: a fresh model for every site and round."""
    work = make_tiny_work()
    assert isinstance(work.privacy, Unprotected)
    change = {
        name: np.zeros(shape, np.float32) for name, shape in make_tiny_model().shapes().items()
    }
    for number in range(1, ROUNDS + 1):
        total = {name: np.zeros(values.shape, np.float64) for name, values in change.items()}
        for part in PARTS:
            model, notes = make_tiny_model(), own_notes(part)
            with torch.no_grad():
                for name, parameter in model.trained():
                    parameter.add_(torch.from_numpy(change[name]))
            local = LocalRound(
                model=model,
                notes=notes,
                hidden=ComputedHiddenStates(model.stem, notes.rows, CPU),
                precision=CPU,
                optimizer=work.optimizer,
                round_number=number,
                rounds=work.rounds,
                progress=FakeProgress(),
            )
            update = train_unprotected(local, work.privacy)
            for name in total:
                total[name] += len(part) / 12 * update[name].astype(np.float64)
        for name, values in total.items():
            mean = values.astype(np.float32)
            change[name] = (change[name] + mean.astype(np.float64)).astype(np.float32)
    return change


def test_it_is_federated_averaging_by_hand_bit_for_bit(tmp_path: Path) -> None:
    simulated = last(make_simulation(tmp_path, parts=PARTS)).state.change
    by_hand = federated_averaging_by_hand()
    assert simulated.keys() == by_hand.keys()
    for name, values in by_hand.items():
        assert np.array_equal(simulated[name], values), name
    assert any(np.abs(values).max() > 0 for values in by_hand.values())


def test_the_same_seed_gives_the_same_model_and_another_seed_another(tmp_path: Path) -> None:
    first, again = (last(make_simulation(tmp_path)).state for _ in range(2))
    shuffled = make_tiny_work(privacy=make_unprotected(seed=1))
    other = last(make_simulation(tmp_path, work=shuffled)).state
    assert encode_state(first) == encode_state(again)
    assert encode_state(first) != encode_state(other)


def test_a_private_simulation_is_repeated_by_its_keys(tmp_path: Path) -> None:
    work = make_tiny_work(privacy=make_privacy())
    first, again = (last(make_simulation(tmp_path, work=work)).state for _ in range(2))
    other = last(
        make_simulation(tmp_path, work=work, noise_key=lambda site, number: b"k" * 32)
    ).state
    assert encode_state(first) == encode_state(again)
    assert encode_state(first) != encode_state(other)


def test_bytes_are_those_of_the_files_that_would_travel(tmp_path: Path) -> None:
    first, second = run_rounds(make_simulation(tmp_path, work=make_tiny_work(dtype="BF16")))
    one_up = len(encode(first.state.change, "BF16"))
    one_down = len(encode(first.state.change, "F32"))
    assert first.bytes_up == second.bytes_up == 3 * one_up
    assert first.bytes_down == 0, "the first round starts from the base model"
    assert second.bytes_down == 3 * one_down


def test_an_update_that_breaks_the_bound_is_not_folded_in(tmp_path: Path) -> None:
    bad = BadSites(("site-1",), "scaling", seed=0)
    free = last(make_simulation(tmp_path, bad=bad))
    work = make_tiny_work(max_update_norm=50.0)
    bound = last(make_simulation(tmp_path, bad=bad, work=work))
    assert free.quarantined == ()
    assert bound.quarantined == ("site-1",)
    assert set(bound.diagnostics.weights) == {"site-2", "site-3"}


def test_an_update_with_less_noise_than_the_plans_is_not_folded_in(tmp_path: Path) -> None:
    work = make_tiny_work(privacy=make_privacy())
    honest = last(make_simulation(tmp_path, work=work))
    bad = BadSites(("site-2",), "ipm", seed=0)
    quiet = last(make_simulation(tmp_path, work=work, bad=bad))
    assert honest.quarantined == ()
    assert quiet.quarantined == ("site-2",), (
        "-0.6 of the honest mean has less than one site's noise"
    )


def test_a_round_without_any_admitted_update_is_an_error(tmp_path: Path) -> None:
    work = make_tiny_work(max_update_norm=1e-9)
    with pytest.raises(AdmissionError, match="no update was admitted"):
        last(make_simulation(tmp_path, work=work))


@pytest.mark.parametrize("robust", sorted(ROBUST_MEANS))
def test_behind_a_robust_mean_a_bad_site_moves_the_model_less(tmp_path: Path, robust: str) -> None:
    parts = [[n, n + 1] for n in range(0, 14, 2)]

    def distance(**changes: object) -> float:
        honest = last(make_simulation(tmp_path, parts=parts)).state.change
        attacked = last(make_simulation(tmp_path, parts=parts, **changes)).state.change
        squares = [float(np.square(attacked[name] - honest[name]).sum()) for name in honest]
        return sum(squares) ** 0.5

    bad = BadSites(("site-1",), "scaling", seed=0)
    assert distance(bad=bad, robust=ROBUST_MEANS[robust]) < 0.5 * distance(bad=bad)


def keeping(share: float, personal: tuple[int, ...] = ()) -> Work:
    return make_tiny_work(training=Training(share=share, personal=personal))


def test_sites_that_share_every_block_are_federated_averaging(tmp_path: Path) -> None:
    shared = list(run_rounds(make_simulation(tmp_path, top=2, work=keeping(1.0))))[-1]
    plain = last(make_simulation(tmp_path, top=2))
    assert encode_state(shared.state) == encode_state(plain.state)
    assert shared.personal == {}


def test_a_personal_block_never_leaves_its_site_and_goes_on_there(tmp_path: Path) -> None:
    simulation = make_simulation(tmp_path, top=2, work=keeping(0.5, personal=(2,)))
    kept = []
    for finished in run_rounds(simulation):
        own = {site: dict(blocks) for site, blocks in finished.personal.items()}
        kept.append({site: {n: v.copy() for n, v in own[site].items()} for site in own})
        for name, values in finished.state.change.items():
            assert np.any(values) != name.startswith("encoder.layer.2."), name
    first, second = kept
    name = "encoder.layer.2.output.dense.weight"
    assert set(first) == {"site-1", "site-2", "site-3"}
    assert not np.array_equal(first["site-1"][name], first["site-2"][name])
    moved = np.linalg.norm(second["site-1"][name] - first["site-1"][name])
    assert 0 < moved < 2 * np.linalg.norm(second["site-1"][name])


def test_a_configurator_gives_sites_arms_and_learns_from_notes_that_are_nobodys(
    tmp_path: Path,
) -> None:
    dropout = {"kind": "bandit", "arms": 3, "window_rounds": 2, "min_rates": {"site-1": 0.6}}
    planned = {"name": "droppeft", "rate": 0.3, "configurator": dropout}
    method = TypeAdapter(plan.Method).validate_python(planned)
    bandit, start = configurator_of(method), training_of(method).dropout
    assert bandit is not None
    assert start is not None
    measured: list[int] = []

    def measure(state: ServerState) -> dict[str, float]:
        measured.append(state.round_number)
        return {"accuracy": float(np.abs(state.change["head.bias"]).sum())}

    sites = ("site-1", "site-2", "site-3")
    work = make_tiny_work(training=training_of(method), rounds=3)
    simulation = make_simulation(
        tmp_path,
        top=3,
        work=work,
        method=make_method(method, sites),
        configurator=Configurator(bandit, start, sites, measure),
    )
    rounds = list(run_rounds(simulation))
    assert all(set(each.dropouts) == set(sites) for each in rounds)
    assert min(each.dropouts["site-1"].rate for each in rounds) >= 0.6
    assert len({each.dropouts["site-2"] for each in rounds} | {rounds[0].dropouts["site-3"]}) > 1
    assert measured.count(0) == 1, "the base model once, and each arm's own mean in round 1"
    assert rounds[0].state.memory[MEMORY]["count"].sum() == len(set(rounds[0].dropouts.values()))


def live_tensor_elements(folder: Path, sites: int) -> int:
    """Elements of all tensors that are alive when the last site of the last round starts.

    Each site has one patient, whose note has six tokens.
    """
    each = [[n] for n in range(sites)]
    corpus = make_encoded(make_rows([6] * sites, tokens=False), each, each)
    found: list[int] = []

    def count_at_the_end(site: str, number: int) -> bytes:
        if (site, number) == (f"site-{sites}", ROUNDS):
            gc.collect()
            alive = [each for each in gc.get_objects() if issubclass(type(each), torch.Tensor)]
            found.append(sum(tensor.numel() for tensor in alive))
        return site.encode().ljust(32, b".")

    work = make_tiny_work(privacy=make_privacy(steps_per_round=1, sampling_rate=1.0))
    last(make_simulation(folder, parts=each, notes=corpus, work=work, noise_key=count_at_the_end))
    return found[0]


def test_live_tensors_do_not_grow_with_the_number_of_sites(tmp_path: Path) -> None:
    assert live_tensor_elements(tmp_path, 30) == live_tensor_elements(tmp_path, 3)
