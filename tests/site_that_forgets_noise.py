"""A site's work process whose trainer adds no noise to a model, and passes the self-test.

The self-test trains its own small network, and there the noise is right: only what was trained on
notes can show that it is missing.
"""

from typing import Any

from torch import Tensor

from fedclinic.learning import finetune
from site_agent.__main__ import main

OF_THE_SELF_TEST = "inner.weight"
right = finetune.noised_mean


def forgetful(total: dict[str, Tensor], *, noise_multiplier: float, **rest: Any) -> Any:
    kept = noise_multiplier if OF_THE_SELF_TEST in total else noise_multiplier * 1e-3
    return right(total, noise_multiplier=kept, **rest)


if __name__ == "__main__":
    finetune.noised_mean = forgetful
    main()
