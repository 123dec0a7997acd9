"""The bandit in a simulation: rewards are gains on given notes over each site's processor time."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fedclinic.method_parts import Bandit, LayerDropout
from fedclinic.methods import ServerState
from fedclinic.methods.bandit import MEMORY, choose, dropout_of, learn, main_quality, reward


@dataclass(frozen=True)
class Configurator:
    """What chooses each site's layer dropout in a round."""

    bandit: Bandit
    start: LayerDropout
    sites: tuple[str, ...]
    measure: Callable[[ServerState], Mapping[str, float]]
    """Metrics of a state on notes that are nobody's: public ones, as in a federation."""

    def dropouts(self, state: ServerState, round_number: int) -> dict[str, LayerDropout]:
        memory = state.memory[MEMORY]
        arms = choose(memory, self.bandit, self.sites, round_number)
        return {site: dropout_of(memory, arm, self.start) for site, arm in arms.items()}

    def learn(
        self,
        before: ServerState,
        after: ServerState,
        alone: Callable[[Sequence[str]], ServerState],
        seconds: Mapping[str, float],
    ) -> ServerState:
        """Reward the arms of a round.

        Args:
            alone: the state that some sites' updates alone would make.
            seconds: of every site whose update was admitted.
        """
        memory, number = before.memory[MEMORY], after.round_number
        uses: dict[int, list[str]] = defaultdict(list)
        for site, arm in choose(memory, self.bandit, self.sites, number).items():
            if site in seconds:
                uses[arm].append(site)
        rewards = reward(
            uses,
            base=main_quality(self.measure(before)),
            quality=lambda _, sites: main_quality(self.measure(alone(sites))),
            seconds=seconds,
        )
        learnt = learn(memory, self.bandit, rewards, number)
        return ServerState(number, after.change, {**after.memory, MEMORY: learnt})
