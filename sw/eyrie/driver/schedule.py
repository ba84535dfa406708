"""The host's part of a run, the same for golden model, simulation and board."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.schedule import HostSchedule, Receive, Send
from eyrie.errors import InputError
from eyrie.golden.engine import EngineModel
from eyrie.golden.run import Counts

IntArray = npt.NDArray[np.int64]
Exchange = Callable[[IntArray, int], IntArray]
"""What a device offers: ``exchange(to_send, n_receive)`` puts int64 (..., n) on the input stream, in order, and returns
int64 (..., n_receive) from the output stream."""

_SAMPLES = 2048
"""Samples that the golden model runs at a time, which bounds its memory."""


def run_schedule(schedule: HostSchedule, x: IntArray, exchange: Exchange) -> IntArray:
    """Send and receive what one run of the program needs.

    Consecutive sends, and the receives that follow them, become one exchange; the engine takes all that an exchange
    sends before or while it puts out what the exchange receives, so that no exchange can wait for the next.

    Parameters
    ----------
    schedule : HostSchedule
    x : int64 (..., inputs)
        Input activations. A device takes one sample, ``(inputs,)``; the golden model as many as there are.
    exchange : callable
        See `Exchange`.

    Returns
    -------
    int64 (..., outputs)
        Output activations.

    Raises
    ------
    InputError
        If ``x`` has another number of inputs.
    """
    if x.shape[-1:] != schedule.sizes[:1]:
        raise InputError(f"inputs must have {schedule.sizes[0]} elements, not shape {x.shape}")
    tensors = {0: x}
    to_send: list[IntArray] = []
    to_receive: list[Receive] = []

    def flush() -> None:
        received = exchange(np.concatenate(to_send or [x[..., :0]], axis=-1), sum(part.count for part in to_receive))
        begin = 0
        for part in to_receive:
            wanted = part.elements >= 0
            shape = (*x.shape[:-1], schedule.sizes[part.tensor])
            tensor = tensors.setdefault(part.tensor, np.zeros(shape, np.int64))
            tensor[..., part.elements[wanted]] = received[..., begin : begin + part.count][..., wanted]
            begin += part.count
        to_send.clear()
        to_receive.clear()

    for transfer in schedule.transfers:
        if isinstance(transfer, Send):
            if to_receive:
                flush()
            to_send.append(tensors[transfer.tensor][..., transfer.start : transfer.start + transfer.count])
        else:
            to_receive.append(transfer)
    flush()
    return tensors[len(schedule.sizes) - 1]


def run_network(
    compiled: CompiledNetwork, x: IntArray, model: EngineModel | None = None, counts: Counts | None = None
) -> IntArray:
    """Run integer samples on the golden model of the engine.

    Parameters
    ----------
    compiled : CompiledNetwork
    x : int64 (samples, inputs)
        Input activations, as `eyrie.compile.scaling.quantise_input` makes them.
    model : EngineModel or None
        One that was made from ``compiled.packets()`` before, to save decoding again.
    counts : Counts or None
        The work that this run takes is added here.

    Returns
    -------
    int64 (samples, outputs)

    Raises
    ------
    InputError
        If ``x`` does not fit or the program breaks its contract.
    """
    if x.ndim != 2:
        raise InputError(f"inputs must be (samples, {compiled.schedule.sizes[0]}), not shape {x.shape}")
    model = model or EngineModel(compiled.config, compiled.packets())
    outputs = [np.zeros((0, compiled.schedule.sizes[-1]), np.int64)]
    for begin in range(0, len(x), _SAMPLES):
        part = x[begin : begin + _SAMPLES]
        run = model.start(len(part))
        outputs.append(run_schedule(compiled.schedule, part, run.exchange))
        run.finish()
        if counts is not None:
            counts += run.counts
    return np.concatenate(outputs)
