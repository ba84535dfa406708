"""How long and how hard each stage trains."""

from dataclasses import asdict, dataclass, fields, replace
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
    densities : tuple of float
        Weights that each layer keeps, 0 to 1, first layer first. The default are the figures that Deep Compression
        (Han et al., ICLR 2016), table 2, gives for LeNet-300-100.
    codebook_bits : int or tuple of int
        Width of a weight's code, 1 to 8, of all layers or of each; entry 0 is zero and the others are shared values.
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
    codebook_bits: int | tuple[int, ...] = 4
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
        for density in self.densities:
            if not 0 < density <= 1:
                raise InputError(f"a density must be above 0 and at most 1, not {density}")
        for bits in self.codebook_bits if isinstance(self.codebook_bits, tuple) else (self.codebook_bits,):
            if not 1 <= bits <= 8:
                raise InputError(f"codebook_bits must be from 1 to 8, not {bits}")
        if self.balanced_pes is not None and not 1 <= self.balanced_pes <= MAX_PES:
            raise InputError(f"balanced_pes must be from 1 to {MAX_PES}, not {self.balanced_pes}")

    @property
    def epochs(self) -> int:
        """Passes over the training images in all stages together."""
        return sum(getattr(self, field.name) for field in fields(self) if field.name.endswith("_epochs"))

    def bits_of(self, n_layers: int) -> tuple[int, ...]:
        """Width of a weight's code in each of ``n_layers`` layers."""
        return self.codebook_bits if isinstance(self.codebook_bits, tuple) else (self.codebook_bits,) * n_layers

    def require_layers(self, n_layers: int) -> None:
        """Check that the settings are those of a network of ``n_layers`` layers.

        Raises
        ------
        InputError
            If there are more or fewer densities or widths of codes.
        """
        if len(self.densities) != n_layers:
            raise InputError(f"there must be {n_layers} densities, one a layer, not {len(self.densities)}")
        if len(self.bits_of(n_layers)) != n_layers:
            raise InputError(f"there must be {n_layers} codebook_bits, one a layer, not {len(self.bits_of(n_layers))}")

    def as_json(self) -> dict[str, Any]:
        """All settings; ``balanced_pes`` only where pruning is balanced."""
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return values if self.balanced_pes is not None else {k: v for k, v in values.items() if k != "balanced_pes"}


FULL = Schedule()
"""Trains the shipped LeNet-300-100."""

FULL_LENET_5 = Schedule(
    train_epochs=10,
    prune_epochs=5,
    retrain_epochs=5,
    tune_epochs=3,
    densities=(0.66, 0.12, 0.08, 0.19),
    codebook_bits=(8, 8, 4, 4),
)
"""Trains the shipped LeNet-5.

The densities, and 8 bits for the codes of convolutions, are those of Deep Compression, table 3; fully connected layers
have 4 bits here, as the engine's codebooks, and 5 there.
"""

QUICK = Schedule(train_epochs=1, prune_epochs=1, retrain_epochs=1, tune_epochs=1)
"""One epoch a stage: shows that everything works, in a few seconds and some points below `FULL`."""

QUICK_LENET_5 = replace(FULL_LENET_5, train_epochs=1, prune_epochs=1, retrain_epochs=1, tune_epochs=1)
"""The same of `FULL_LENET_5`, in a minute."""
