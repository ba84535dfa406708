"""What the training tells while it runs."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EpochDone:
    """One epoch of one stage is done.

    Parameters
    ----------
    stage : str
        Name of the stage.
    epoch, epochs : int
        Epochs done in this stage, 1 and up, and all that it has.
    total_epochs : int
        Epochs of all stages together.
    validation_accuracy : float
        Of the network as it is now on the images set aside from the training set, 0 to 1.
    """

    stage: str
    epoch: int
    epochs: int
    total_epochs: int
    validation_accuracy: float


Progress = Callable[[EpochDone], None]


def silent(event: EpochDone) -> None:
    """Tell nobody."""
