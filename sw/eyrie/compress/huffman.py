"""Canonical Huffman codes of bounded length, for the codes and the runs of sparse columns.

Deep Compression (Han et al., ICLR 2016), section 4, codes weights and indices with tables of their own. The codes here
are canonical: among codewords of equal length the lower symbol has the lower codeword, and shorter codewords come
first, so that the lengths alone are the table. Lengths are optimal under their bound (package-merge; Larmore and
Hirschberg, 1990).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from eyrie.compress.checks import require_integer
from eyrie.errors import InputError

MAX_SYMBOLS = 256
"""Symbols are uint8."""

MAX_LENGTH = 15
"""Longest codeword: a length fits in four bits, and a codeword at any bit offset in three bytes."""

MAX_COUNT = 2**48
"""Most occurrences of a symbol; all sums of the construction then fit in 64 bits."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HuffmanCode:
    """A prefix code given by its codeword lengths.

    Parameters
    ----------
    lengths : uint8 (n_symbols,), at most 256 symbols
        Bits of each symbol's codeword, 1 to 15; 0 for a symbol that does not occur. A read-only copy is kept.

    Raises
    ------
    InputError
        If the lengths are not those of a complete prefix code. Two incomplete ones are accepted: no symbol at all, and
        a single symbol of length 1.
    """

    lengths: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        lengths = np.array(self.lengths)
        if lengths.dtype != np.uint8 or lengths.ndim != 1 or lengths.size > MAX_SYMBOLS:
            raise InputError(
                f"codeword lengths must be uint8 for at most {MAX_SYMBOLS} symbols, not {lengths.dtype} {lengths.shape}"
            )
        used = lengths[lengths > 0].astype(np.int64)
        if used.size and used.max() > MAX_LENGTH:
            raise InputError(f"a codeword has at most {MAX_LENGTH} bits, not {used.max()}")
        filled = int(np.sum(2**MAX_LENGTH >> used))
        if used.size and filled != 2**MAX_LENGTH and used.tolist() != [1]:
            state = "too short" if filled > 2**MAX_LENGTH else "longer than needed"
            raise InputError(f"codeword lengths {used[:8].tolist()}... are {state} for a complete prefix code")
        lengths.setflags(write=False)
        object.__setattr__(self, "lengths", lengths)

    @classmethod
    def from_counts(cls, counts: np.ndarray, max_length: int = MAX_LENGTH) -> Self:
        """The code of fewest bits for symbols that occur as often as ``counts`` says.

        Parameters
        ----------
        counts : integers (n_symbols,), 0 to ``MAX_COUNT``
            At most 256 symbols. Those that do not occur get no codeword; a lone symbol gets one of one bit.
        max_length : int
            Longest codeword, 1 to 15.

        Raises
        ------
        InputError
            If an argument is out of range or ``max_length`` bits cannot tell the symbols apart.
        """
        max_length = require_integer(max_length, "max_length", 1, MAX_LENGTH)
        counts = _checked_counts(counts)
        lengths = np.zeros(counts.size, dtype=np.uint8)
        symbols = np.flatnonzero(counts)
        if symbols.size > 2**max_length:
            raise InputError(f"{symbols.size} symbols need codewords of more than {max_length} bits")
        if symbols.size == 1:
            lengths[symbols] = 1
        elif symbols.size:
            ascending = symbols[np.argsort(counts[symbols], kind="stable")]
            lengths[ascending] = _package_merge(counts[ascending], max_length)
        return cls(lengths=lengths)

    @property
    def n_symbols(self) -> int:
        """Size of the alphabet, symbols that do not occur included."""
        return self.lengths.size

    @cached_property
    def codewords(self) -> npt.NDArray[np.int64]:
        """Codeword of each symbol in its low bits, int64 (n_symbols,); 0 where the length is 0."""
        codewords = np.zeros(self.n_symbols, dtype=np.int64)
        order = self._canonical_order
        lengths = self.lengths[order].astype(np.int64)
        shares = 2**MAX_LENGTH >> lengths
        codewords[order] = (np.cumsum(shares) - shares) >> (MAX_LENGTH - lengths)
        return codewords

    @cached_property
    def _canonical_order(self) -> npt.NDArray[np.int64]:
        """Symbols that have a codeword, shortest first, then by symbol."""
        order = np.argsort(self.lengths, kind="stable")
        return order[self.lengths[order] > 0]

    def bits(self, counts: np.ndarray) -> int:
        """Bits of a stream in which the symbols occur as often as ``counts`` says, without padding or table.

        Raises
        ------
        InputError
            If ``counts`` is not accepted by `from_counts`, has another size, or counts a symbol without codeword.
        """
        counts = _checked_counts(counts)
        if counts.size != self.n_symbols:
            raise InputError(f"{counts.size} counts do not fit an alphabet of {self.n_symbols} symbols")
        missing = np.flatnonzero((counts > 0) & (self.lengths == 0))
        if missing.size:
            raise InputError(f"symbol {missing[0]} occurs but has no codeword")
        return int(np.sum(counts * self.lengths))

    def encode(self, symbols: np.ndarray) -> bytes:
        """Concatenate the codewords of ``symbols``, integers (n,): first bit highest, zero bits up to a whole byte.

        Raises
        ------
        InputError
            If a symbol is outside the alphabet or has no codeword.
        """
        if symbols.ndim != 1 or (symbols.size and symbols.dtype.kind not in "iu"):
            raise InputError(f"symbols must be a vector of integers, not {symbols.dtype} {symbols.shape}")
        if symbols.size == 0:
            return b""
        if symbols.min() < 0 or symbols.max() >= self.n_symbols:
            raise InputError(f"symbols must lie in 0 to {self.n_symbols - 1}, not {symbols.min()} to {symbols.max()}")
        lengths = self.lengths[symbols]
        if not lengths.all():
            raise InputError(f"symbol {symbols[np.argmin(lengths)]} has no codeword")
        codewords = self.codewords[symbols]
        ends = np.cumsum(lengths, dtype=np.int64)
        bits = np.zeros(ends[-1], dtype=np.uint8)
        for place in range(int(lengths.max())):
            present = lengths > place
            bits[ends[present] - 1 - place] = (codewords[present] >> place) & 1
        return np.packbits(bits).tobytes()

    def decode(self, data: bytes, count: int) -> npt.NDArray[np.uint8]:
        """The first ``count`` symbols of a stream, uint8 (count,).

        Zero bits may follow the last symbol, as many as there are; anything else may not.

        Raises
        ------
        InputError
            If the stream ends too early, has a codeword that is not in the table, or goes on after the last symbol.
        """
        # Every symbol takes a bit, so that a count that passes here is no excuse for a large allocation.
        n_bits = 8 * len(data)
        count = require_integer(count, "count", 0, 2**63 - 1)
        if count > n_bits:
            raise InputError(f"{count} symbols do not fit in a stream of {len(data)} bytes")
        stream = np.frombuffer(data + bytes(2), dtype=np.uint8).astype(np.int64)
        triples = (stream[:-2] << 16) | (stream[1:-1] << 8) | stream[2:]
        symbol_of_window, length_of_window = self._windows
        length_at = np.zeros(n_bits + MAX_LENGTH, dtype=np.uint8)
        for offset in range(8):
            length_at[offset:n_bits:8] = length_of_window[_window(triples, offset)]
        positions = np.array(_follow(length_at.tobytes(), count), dtype=np.int64)
        starts, end = positions[:-1], int(positions[-1])
        stuck = starts[length_at[starts] == 0]
        if stuck.size and stuck[0] < n_bits:
            raise InputError(f"the bits at {stuck[0]} of the stream are no codeword")
        if end > n_bits or stuck.size:
            raise InputError(f"the stream of {len(data)} bytes ends before {count} symbols are complete")
        if np.unpackbits(np.frombuffer(data, dtype=np.uint8))[end:].any():
            raise InputError(f"the stream goes on after its {count} symbols, at bit {end}; only zeros may follow")
        return symbol_of_window[_window(triples[starts >> 3], starts & 7)]

    @cached_property
    def _windows(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """Symbol and codeword length (0 for none) by the next ``MAX_LENGTH`` bits of the stream."""
        order = self._canonical_order
        shares = 2**MAX_LENGTH >> self.lengths[order].astype(np.int64)
        symbols = np.zeros(2**MAX_LENGTH, dtype=np.uint8)
        lengths = np.zeros(2**MAX_LENGTH, dtype=np.uint8)
        filled = int(shares.sum())
        symbols[:filled] = np.repeat(order, shares)
        lengths[:filled] = np.repeat(self.lengths[order], shares)
        return symbols, lengths


def _window(triples: np.ndarray, offset: int | np.ndarray) -> np.ndarray:
    """The ``MAX_LENGTH`` bits that start ``offset`` bits into three bytes."""
    return (triples >> (24 - MAX_LENGTH - offset)) & (2**MAX_LENGTH - 1)


def _follow(length_at: bytes, count: int) -> list[int]:
    """Positions of ``count`` codewords and of the end; stays where there is no codeword."""
    position = 0
    positions = [0]
    for _ in range(count):
        position += length_at[position]
        positions.append(position)
    return positions


def _checked_counts(counts: np.ndarray) -> npt.NDArray[np.int64]:
    if counts.ndim != 1 or counts.size > MAX_SYMBOLS or (counts.size and counts.dtype.kind not in "iu"):
        raise InputError(
            f"counts must be integers for at most {MAX_SYMBOLS} symbols, not {counts.dtype} {counts.shape}"
        )
    if counts.size and (counts.min() < 0 or counts.max() > MAX_COUNT):
        raise InputError(f"counts must lie in 0 to {MAX_COUNT}, not {counts.min()} to {counts.max()}")
    return counts.astype(np.int64)


def _package_merge(counts: np.ndarray, max_length: int) -> npt.NDArray[np.uint8]:
    """Optimal lengths, at most ``max_length``, for two or more ascending counts.

    Each level merges the leaves with pairs of the level below. Taking the cheapest ``2 * n - 2`` items of the top
    level takes, level by level, a prefix of the items; a symbol's length is the number of levels that take its leaf.
    """
    merged = counts
    leaf_masks = [np.ones(counts.size, dtype=bool)]
    for _ in range(max_length - 1):
        n_pairs = merged.size // 2
        items = np.concatenate([counts, merged[: 2 * n_pairs].reshape(n_pairs, 2).sum(axis=1)])
        order = np.argsort(items, kind="stable")
        merged = items[order]
        leaf_masks.append(order < counts.size)
    lengths = np.zeros(counts.size, dtype=np.uint8)
    n_taken = 2 * counts.size - 2
    for is_leaf in reversed(leaf_masks):
        n_leaves = int(np.count_nonzero(is_leaf[:n_taken]))
        lengths[:n_leaves] += 1
        n_taken = 2 * (n_taken - n_leaves)
    return lengths
