"""Names of the engines of per-sample gradients, for configurations; see `engines`."""

from typing import Literal

EngineName = Literal["book_keeping", "opacus_hooks", "opacus_functorch"]
