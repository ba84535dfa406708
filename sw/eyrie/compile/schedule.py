"""What the host sends to the engine and receives from it during one run."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eyrie.errors import InputError

MAX_SIZE = 2**24
"""Most elements of a tensor: far beyond any layer."""


@dataclass(frozen=True, kw_only=True)
class Send:
    """Elements ``start`` to ``start + count - 1`` of a tensor go to the input stream, in order."""

    tensor: int
    start: int
    count: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Receive:
    """Activations come from the output stream.

    Parameters
    ----------
    tensor : int
    elements : int64 (count,)
        Which element of the tensor each of them is; -1 for one that fills up and is dropped.
    """

    tensor: int
    elements: npt.NDArray[np.int64]

    @property
    def count(self) -> int:
        """Activations to take."""
        return self.elements.size


@dataclass(frozen=True, kw_only=True, eq=False)
class HostSchedule:
    """Transfers in the order in which the engine asks for them.

    Tensor 0 is the network's input and the last one its output. A tensor between them appears only if it does not fit
    the engine's activation memories: it comes out whole and goes in again, a round trip.

    Parameters
    ----------
    sizes : tuple of int
        Elements of each tensor.
    transfers : tuple of Send and Receive

    Raises
    ------
    InputError
        If a transfer leaves its tensor, an element is sent before it was received or received twice, or an
        element of the output never comes.
    """

    sizes: tuple[int, ...]
    transfers: tuple[Send | Receive, ...]

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or min(self.sizes) < 1 or max(self.sizes) > MAX_SIZE:
            raise InputError(f"a schedule needs two tensors or more of 1 to {MAX_SIZE} elements, not {self.sizes}")
        known: dict[int, npt.NDArray[np.bool_]] = {0: np.ones(self.sizes[0], bool)}
        for number, transfer in enumerate(self.transfers):
            where = f"transfer {number} of the host schedule"
            if not 0 <= transfer.tensor < len(self.sizes) or transfer.count < 1:
                raise InputError(f"{where} has {transfer.count} elements of tensor {transfer.tensor}")
            if isinstance(transfer, Send):
                begin, end = transfer.start, transfer.start + transfer.count
                if begin < 0 or end > self.sizes[transfer.tensor]:
                    raise InputError(f"{where} sends elements {begin} to {end - 1} of {self.sizes[transfer.tensor]}")
                if transfer.tensor not in known or not known[transfer.tensor][begin:end].all():
                    raise InputError(f"{where} sends elements of tensor {transfer.tensor} that were not received")
            else:
                _note_received(transfer, self.sizes[transfer.tensor], known, where)
        if not known.get(len(self.sizes) - 1, np.zeros(1, bool)).all():
            raise InputError("the host schedule does not receive every output")

    @property
    def n_sent(self) -> int:
        """Activations that one run takes in."""
        return sum(transfer.count for transfer in self.transfers if isinstance(transfer, Send))

    @property
    def n_received(self) -> int:
        """Activations that one run puts out, fillings included."""
        return sum(transfer.count for transfer in self.transfers if isinstance(transfer, Receive))

    @property
    def n_round_trips(self) -> int:
        """Hidden tensors that go through the host."""
        return len({transfer.tensor for transfer in self.transfers if isinstance(transfer, Send)} - {0})


def _note_received(transfer: Receive, size: int, known: dict[int, npt.NDArray[np.bool_]], where: str) -> None:
    elements = transfer.elements
    if elements.min() < -1 or elements.max() >= size:
        raise InputError(f"{where} receives elements {elements.min()} to {elements.max()} of {size}")
    elements = elements[elements >= 0]
    if np.unique(elements).size != elements.size:
        raise InputError(f"{where} receives an element of tensor {transfer.tensor} twice")
    seen = known.setdefault(transfer.tensor, np.zeros(size, bool))
    if seen[elements].any():
        raise InputError(f"{where} receives an element of tensor {transfer.tensor} that is already there")
    seen[elements] = True
