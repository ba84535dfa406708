"""The array's sums and the psum banks: what a pass adds, and what a drain takes."""

import numpy as np
import numpy.typing as npt

from eyrie.errors import InputError
from eyrie.golden.memories import sign_extended
from eyrie.golden.requantise import requantise
from eyrie.golden.rowstat.contract import Pass
from eyrie.golden.rowstat.counts import Counts
from eyrie.golden.rowstat.delivery import Delivered
from eyrie.golden.rowstat.filters import PassFilters
from eyrie.golden.rowstat.memory import Memory
from eyrie.golden.rowstat.order import Known, SharedWords
from eyrie.golden.rowstat.tape import Command
from eyrie.rowstat.commands import Unit, unpack
from eyrie.rowstat.config import RowstatConfig

IntArray = npt.NDArray[np.int64]


class Psums:
    """The psum banks of all columns.

    Parameters
    ----------
    config : RowstatConfig
    counts : Counts
        Where accesses are counted.
    """

    def __init__(self, config: RowstatConfig, counts: Counts) -> None:
        self._config, self._counts = config, counts
        shape = (config.columns, 1 << config.psum_bank_address_width)
        self._bank = np.zeros(shape, np.int64)
        self._defined = np.zeros(shape, np.bool_)
        self._halves = SharedWords("half of the psum banks", 2, writer=Unit.COMPUTE, reader=Unit.DRAIN)

    def compute(
        self,
        one: Pass,
        number: int,
        known: Known,
        delivered: Delivered,
        loaded: PassFilters,
    ) -> None:
        """Execute pass ``number``.

        At most 2**18 products of 30 bits make a sum, and float64 holds integers up to 2**53: the fast product is
        exact in any order.

        Parameters
        ----------
        one : Pass
        number : int
        known : dict of Unit to int
            What is done before it begins.
        delivered : Delivered
        loaded : PassFilters
            A column whose set is none of those that have weights computes what no drain may take.

        Raises
        ------
        InputError
            If a drain may still read from its half of the banks.
        """
        self._halves.write(one.compute, number, known, self._half(one.compute))
        windows, used = delivered.windows, delivered.used
        columns, steps, slots, rows, window = windows.shape
        sets, _, filters = loaded.weights.shape
        own, is_own = loaded.columns, loaded.is_own
        operands = windows[own].reshape(sets, -1, slots * rows * window)
        products = (operands @ loaded.weights).reshape(*own.shape, steps, filters)
        sums = np.zeros((columns, steps, filters), np.int64)
        sums[own[is_own]] = products[is_own]
        # A place that takes no values holds old ones, which only a weight of zero keeps out of the sum.
        unused = (~used[own]).reshape(*own.shape, slots * rows).astype(np.float64)
        defined = np.zeros((columns, 1, filters), np.bool_)
        defined[own[is_own], 0] = (unused @ loaded.wanted)[is_own] == 0
        begin = one.compute["psum_base"]
        place = slice(begin, begin + steps * filters)
        flat = sums.reshape(columns, -1)
        sound = np.broadcast_to(defined, sums.shape).reshape(columns, -1)
        if not one.compute["first"]:
            flat = flat + self._bank[:, place]
            sound = sound & self._defined[:, place]
        self._bank[:, place] = sign_extended(flat, self._config.accumulator_width)
        self._defined[:, place] = sound
        self._count(one, delivered)

    def drain(self, command: Command, number: int, known: Known, memory: Memory) -> None:
        """Requantise psums and write them to external memory; the command is number ``number`` of its kind.

        Raises
        ------
        InputError
            If psums are undefined or passes may still change them, a multiplier is out of its range, or the memory has
            no such words or they may still be read.
        """
        self._halves.read(command, number, known, self._half(command))
        columns, steps, filters = command["columns"], command["steps"], command["filters"]
        first, stride = command["first_column"], command["filter_stride"]
        x, f = np.arange(steps), np.arange(filters)
        own = np.arange(first, first + columns)[:, None, None]
        place = command["psum_base"] + x[:, None] * stride + f
        if not (sound := self._defined[own, place]).all():
            column, step, number = (int(where[0]) for where in np.nonzero(~sound))
            raise InputError(
                f"{command}: the psum of column {first + column}, step {step}, filter {number} is undefined"
            )
        values = [unpack("requantise", [word]) for word in command.rest]
        bias, multiplier, shift = (
            np.array([value[field] for value in values], np.int64) for field in ("bias", "multiplier", "shift")
        )
        try:
            results = requantise(
                self._bank[own, place] + bias,
                multiplier,
                shift,
                relu=bool(command["relu"]),
                activation_width=self._config.activation_width,
            )
        except ValueError as error:
            raise InputError(f"{command}: {error}") from error
        self._counts.drain_reads += filters * columns * steps
        self._counts.map_writes += memory.write_rows(command, number, known, results.transpose(2, 0, 1))

    def _half(self, command: Command) -> IntArray:
        """The half of the banks that a command works on, int64 (1,)."""
        return np.array([command["psum_base"] >> self._config.psum_bank_address_width - 1])

    def _count(self, one: Pass, delivered: Delivered) -> None:
        config, counts = self._config, self._counts
        steps, slots, window = delivered.windows.shape[1], delivered.windows.shape[2], delivered.windows.shape[4]
        filters = one.compute_layer["filters"]
        per_place = steps * window * filters
        places = config.n_pes * slots
        n_used = int(delivered.used.sum())
        multiplies = int(np.count_nonzero(delivered.windows)) * filters
        sharing = delivered.windows.reshape(-1, config.filter_columns, *delivered.windows.shape[1:])
        sums = config.columns * steps * filters
        counts.passes += 1
        counts.multiplies += multiplies
        counts.gated += n_used * per_place - multiplies
        counts.unused += (places - n_used) * per_place
        counts.ifmap_reads += places * per_place
        counts.filter_reads += int(np.count_nonzero(sharing.any(axis=1))) * filters
        counts.psum_reads += config.n_pes * (slots - 1) * steps * filters
        counts.psum_writes += config.n_pes * (slots - 1) * steps * filters
        counts.psum_network += config.rows * sums
        counts.psum_bank_writes += sums
        counts.psum_bank_reads += 0 if one.compute["first"] else sums
