"""What a trained trunk says of rows: the class of a document or of each token."""

from collections.abc import Iterator

import numpy as np
import torch

from fedclinic.learning import note_batches
from fedclinic.learning.hidden_states import HiddenStates, Precision
from fedclinic.learning.layers import Trunk
from fedclinic.learning.losses import chosen_classes
from fedclinic.learning.tasks import IntArray


def predict(
    local_trunk: Trunk,
    hidden: HiddenStates,
    rows: int,
    precision: Precision,
    *,
    several_labels: bool = False,
) -> Iterator[tuple[int, IntArray]]:
    """Yield (row, classes): the likeliest class of a document, shape (1,), or of each token.

    With several labels a document has a 1 for each label that is likelier than not.
    """
    with torch.no_grad():
        for start in range(0, rows, note_batches.PHYSICAL_ROWS):
            indices = range(start, min(start + note_batches.PHYSICAL_ROWS, rows))
            states, mask = hidden.batch(list(indices))
            with precision.autocast():
                logits = local_trunk(states, mask)
            classes = chosen_classes(logits, several=several_labels).cpu().numpy()
            for offset, row in enumerate(indices):
                yield row, np.atleast_1d(classes[offset])
