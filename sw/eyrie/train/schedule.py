"""How long and how hard each stage trains."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from eyrie.compress.interleave import MAX_PES
from eyrie.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Settings of the training.

    Parameters
    ----------
    train_epochs, prune_epochs, retrain_epochs, tune_epochs : int
        Passes over the training images in each stage, 1 or more.
    batch_size : int
        Images a step, 1 or more.
    learning_rate : float
        Of the float network at the start; it falls to zero along half a cosine.
    weight_decay : float
        Of the float network, decoupled from the gradient. None applies later, when few weights are left.
    retraining_rate : float
        Learning rate of the later stages at their start.
    densities : tuple of 3 floats
        Weights that each layer keeps, 0 to 1, first layer first. The default are the figures that Deep Compression
        (Han et al., ICLR 2016), table 2, gives for LeNet-300-100.
    codebook_bits : int
        Width of a weight's code, 1 to 8; entry 0 is zero and the others are shared values.
    balanced_pes : int or None
        PEs on which each layer keeps as many weights, see `eyrie.compress.prune.prune_balanced`; None prunes a layer as
        a whole.

    Raises
    ------
    InputError
        If a value is outside its range.
    """

    train_epochs: int = 15
    prune_epochs: int = 10
    retrain_epochs: int = 10
    tune_epochs: int = 5
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    retraining_rate: float = 1e-3
    densities: tuple[float, ...] = (0.08, 0.09, 0.26)
    codebook_bits: int = 4
    balanced_pes: int | None = None

    def __post_init__(self) -> None:
        for name in ("train_epochs", "prune_epochs", "retrain_epochs", "tune_epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be 1 or more, not {getattr(self, name)}")
        for name in ("learning_rate", "retraining_rate"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be above 0, not {getattr(self, name)}")
        if not self.weight_decay >= 0:
            raise InputError(f"weight_decay must be 0 or more, not {self.weight_decay}")
        if len(self.densities) != 3:
            raise InputError(f"there must be 3 densities, one a layer, not {len(self.densities)}")
        for density in self.densities:
            if not 0 < density <= 1:
                raise InputError(f"a density must be above 0 and at most 1, not {density}")
        if not 1 <= self.codebook_bits <= 8:
            raise InputError(f"codebook_bits must be from 1 to 8, not {self.codebook_bits}")
        if self.balanced_pes is not None and not 1 <= self.balanced_pes <= MAX_PES:
            raise InputError(f"balanced_pes must be from 1 to {MAX_PES}, not {self.balanced_pes}")

    @property
    def epochs(self) -> int:
        """Passes over the training images in all stages together."""
        return sum(getattr(self, field.name) for field in fields(self) if field.name.endswith("_epochs"))

    def as_json(self) -> dict[str, Any]:
        """All settings; ``balanced_pes`` only where pruning is balanced."""
        values = asdict(self) | {"densities": list(self.densities)}
        return values if self.balanced_pes is not None else {k: v for k, v in values.items() if k != "balanced_pes"}


FULL = Schedule()
"""Trains the shipped model."""

QUICK = Schedule(train_epochs=1, prune_epochs=1, retrain_epochs=1, tune_epochs=1)
"""One epoch a stage: shows that everything works, in a few seconds and some points below `FULL`."""
