"""How a layer's values lie in the external memory."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Coding:
    """How the maps and the weights of a layer lie in the external memory.

    Parameters
    ----------
    inputs : float or None
        None if the input maps are plain. Otherwise they are run-length coded, and this is what is expected of them:
        words of the coded maps for each word of the plain ones.
    outputs : float or None
        The same for the output maps.
    codes : bool
        Weights come as 8-bit codes of a codebook.
    """

    inputs: float | None = None
    outputs: float | None = None
    codes: bool = False


PLAIN = Coding()
"""Plain maps, plain weights."""
