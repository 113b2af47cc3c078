"""Training: any estimator that back-propagates, any network, any loss, any optimiser of optax.

`fit` trains in one call, with a bar that says how far it is; `train` is the same as a generator, for a page or a loop of
one's own. Both stop where one wishes, and go on from a checkpoint to the last bit.
"""

from sgtheory.training._checkpoints import CheckpointError as CheckpointError, Checkpoints as Checkpoints
from sgtheory.training._fit import (
    Fitted as Fitted,
    Report as Report,
    TrainingState as TrainingState,
    begin as begin,
    fit as fit,
    train as train,
)
from sgtheory.training._smorms3 import smorms3 as smorms3
