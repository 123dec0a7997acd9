"""The engines of per-sample gradients by name; each gives the same sums, or refuses the model.

Which one runs changes speed and memory only, so a site's administrator chooses it and no plan does.
"""

from collections.abc import Callable, Mapping

from torch import nn

from fedclinic.privacy.bookkeeping import BookKeeping
from fedclinic.privacy.engine_names import EngineName
from fedclinic.privacy.per_sample import PerSampleEngine


def make_engine(name: EngineName, model: nn.Module) -> PerSampleEngine:
    """Attach an engine to a model.

    Raises:
        ModelError: if the engine does not cover the model.
    """
    return _ENGINES[name](model)


def _opacus_hooks(model: nn.Module) -> PerSampleEngine:
    from fedclinic.privacy.opacus_hooks import OpacusHooks  # noqa: PLC0415 - slow, rarely needed

    return OpacusHooks(model)


def _opacus_functorch(model: nn.Module) -> PerSampleEngine:
    from fedclinic.privacy.opacus_hooks import OpacusHooks  # noqa: PLC0415 - slow, rarely needed

    return OpacusHooks(model, functorch=True)


_ENGINES: Mapping[EngineName, Callable[[nn.Module], PerSampleEngine]] = {
    "book_keeping": BookKeeping,
    "opacus_hooks": _opacus_hooks,
    "opacus_functorch": _opacus_functorch,
}
