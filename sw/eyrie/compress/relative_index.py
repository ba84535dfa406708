"""Relative-index coding: from a matrix of codes to the sparse columns of one PE or of all, and back.

The coding is one to one: `decode` refuses every stream that `encode` would not have written.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eyrie.compress.checks import require_integer
from eyrie.compress.interleave import Placement
from eyrie.compress.sparse_columns import MAX_COLUMNS, MAX_ROWS, SparseColumns
from eyrie.errors import InputError

MAX_ENTRIES = 2**31
"""Most entries of a stream that is written, and of a dense matrix that is read back."""

Coordinates = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8]]
"""Rows, columns and codes of non-zeros, each (n_nonzeros,)."""


def encode(codes: np.ndarray, index_bits: int) -> SparseColumns:
    """Encode a dense matrix of codes, uint8 (rows, columns), as one PE would hold it.

    Raises
    ------
    InputError
        If ``codes`` is not a uint8 matrix or ``index_bits`` is not 0 to 8.
    """
    rows, columns = _nonzeros(codes)
    return encode_coordinates(rows, columns, codes[rows, columns], codes.shape, index_bits)


def encode_coordinates(
    rows: np.ndarray, columns: np.ndarray, codes: np.ndarray, shape: tuple[int, ...], index_bits: int
) -> SparseColumns:
    """Encode a matrix given by the coordinates of its non-zeros, in any order.

    Parameters
    ----------
    rows, columns : integers (n,)
        Zero-based coordinates; no pair twice.
    codes : uint8 (n,)
        Their codes, 1 to 255.
    shape : (rows, columns)
    index_bits : int
        0 to 8.

    Raises
    ------
    InputError
        If lengths or types disagree, a coordinate is outside ``shape`` or given twice, or a code is 0.
    """
    n_rows, n_columns = _checked_shape(shape)
    placement = Placement.interleaved(n_rows, 1)
    return encode_array_coordinates(rows, columns, codes, (n_rows, n_columns), placement, index_bits)[0]


def decode(part: SparseColumns) -> npt.NDArray[np.uint8]:
    """The dense matrix of codes, uint8 (n_rows, n_columns).

    Raises
    ------
    InputError
        If the stream is not valid, or the matrix would have more than ``MAX_ENTRIES`` entries.
    """
    rows, columns, codes = decode_coordinates(part)
    dense = _zeros(part.n_rows, part.n_columns)
    dense[rows, columns] = codes
    return dense


def decode_coordinates(part: SparseColumns) -> Coordinates:
    """Rows (int64), columns (int64) and codes (uint8) of the non-zeros, column by column, each (n_nonzeros,).

    Raises
    ------
    InputError
        If the stream is not valid.
    """
    rows = part.rows_of_entries()
    columns = np.repeat(np.arange(part.n_columns), np.diff(part.pointers))
    nonzero = part.codes != 0
    return rows[nonzero], columns[nonzero], part.codes[nonzero]


def encode_array(codes: np.ndarray, placement: Placement, index_bits: int) -> tuple[SparseColumns, ...]:
    """Encode a dense matrix of codes, uint8 (rows, columns), for all PEs of a placement in one pass.

    Returns
    -------
    One `SparseColumns` a PE, each with ``placement.local_rows`` rows and all columns.

    Raises
    ------
    InputError
        If ``codes`` is not a uint8 matrix with the placement's rows, or ``index_bits`` is not 0 to 8.
    """
    rows, columns = _nonzeros(codes)
    return encode_array_coordinates(rows, columns, codes[rows, columns], codes.shape, placement, index_bits)


def encode_array_coordinates(
    rows: np.ndarray,
    columns: np.ndarray,
    codes: np.ndarray,
    shape: tuple[int, ...],
    placement: Placement,
    index_bits: int,
) -> tuple[SparseColumns, ...]:
    """Encode non-zeros given by coordinates for all PEs: `encode_array` without the dense matrix.

    Parameters and errors are those of `encode_coordinates`; ``shape`` must have the placement's rows.
    """
    index_bits = require_integer(index_bits, "index_bits", 0, 8)
    n_rows, n_columns = _checked_shape(shape)
    if n_rows != placement.rows:
        raise InputError(f"a placement of {placement.rows} rows does not fit a matrix of {n_rows} rows")
    rows, columns, codes = _checked_coordinates(rows, columns, codes, n_rows, n_columns)
    n_pes, local_rows = placement.n_pes, placement.local_rows
    _require_size(n_pes * n_columns, "pointers")

    # A slice is one column's part on one PE; the keys order the slices and the local rows within them.
    keys = (placement.pe_of_row[rows] * n_columns + columns) * local_rows + placement.local_row_of_row[rows]
    order = np.argsort(keys)
    keys, codes = keys[order], codes[order]
    repeated = np.flatnonzero(keys[1:] == keys[:-1])
    if repeated.size:
        first = order[repeated[0]]
        raise InputError(f"row {rows[first]}, column {columns[first]} is given twice; a non-zero has one code")
    slices, local = np.divmod(keys, max(local_rows, 1))

    above = np.concatenate([[-1], local[:-1]])
    above[1:][slices[1:] != slices[:-1]] = -1
    gaps = local - above - 1
    longest = 2**index_bits - 1
    ends = np.cumsum((gaps >> index_bits) + 1)
    n_entries = int(ends[-1]) if ends.size else 0
    _require_size(n_entries, "entries")
    all_codes = np.zeros(n_entries, dtype=np.uint8)
    all_runs = np.full(n_entries, longest, dtype=np.uint8)
    all_codes[ends - 1] = codes
    all_runs[ends - 1] = gaps & longest

    first_of_slice = np.searchsorted(slices, np.arange(n_pes * n_columns + 1))
    pointers = np.concatenate([[0], ends])[first_of_slice]
    parts = []
    for pe in range(n_pes):
        own = pointers[pe * n_columns : (pe + 1) * n_columns + 1]
        parts.append(
            SparseColumns(
                n_rows=local_rows,
                n_columns=n_columns,
                index_bits=index_bits,
                pointers=own - own[0],
                codes=all_codes[own[0] : own[-1]],
                runs=all_runs[own[0] : own[-1]],
            )
        )
    return tuple(parts)


def decode_array(parts: Sequence[SparseColumns], placement: Placement) -> npt.NDArray[np.uint8]:
    """The dense matrix of codes, uint8 (rows, columns), that `encode_array` took.

    Raises
    ------
    InputError
        If the number or the shapes of the parts do not fit the placement, a part is not valid, an idle slot has an
        entry, or the matrix would have more than ``MAX_ENTRIES`` entries.
    """
    if len(parts) != placement.n_pes:
        raise InputError(f"{len(parts)} parts do not fit a placement on {placement.n_pes} PEs")
    n_columns = parts[0].n_columns
    row_of_slot = placement.row_of_slot
    decoded = []
    for pe, part in enumerate(parts):
        if (part.n_rows, part.n_columns) != (placement.local_rows, n_columns):
            raise InputError(
                f"the part of PE {pe} is {part.n_rows} x {part.n_columns}, not {placement.local_rows} x {n_columns}"
            )
        local, columns, codes = decode_coordinates(part)
        rows = row_of_slot[local * placement.n_pes + pe]
        idle = np.flatnonzero(rows < 0)
        if idle.size:
            raise InputError(f"PE {pe} has an entry at local row {local[idle[0]]}, where the placement has no row")
        decoded.append((rows, columns, codes))
    dense = _zeros(placement.rows, n_columns)
    for rows, columns, codes in decoded:
        dense[rows, columns] = codes
    return dense


def _nonzeros(codes: np.ndarray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    if codes.dtype != np.uint8 or codes.ndim != 2:
        raise InputError(f"codes must be a uint8 matrix, not {codes.dtype} {codes.shape}")
    rows, columns = np.nonzero(codes)
    return rows, columns


def _checked_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) != 2:
        raise InputError(f"shape must be (rows, columns), not {tuple(shape)}")
    return require_integer(shape[0], "rows", 0, MAX_ROWS), require_integer(shape[1], "columns", 0, MAX_COLUMNS)


def _checked_coordinates(
    rows: np.ndarray, columns: np.ndarray, codes: np.ndarray, n_rows: int, n_columns: int
) -> Coordinates:
    for name, values, limit in (("rows", rows, n_rows), ("columns", columns, n_columns)):
        if values.dtype.kind not in "iu" or values.shape != (codes.size,):
            raise InputError(f"{name} must be {codes.size} integers, not {values.dtype} {values.shape}")
        if values.size and (values.min() < 0 or values.max() >= limit):
            raise InputError(f"{name} must lie in 0 to {limit - 1}, not {values.min()} to {values.max()}")
    if codes.dtype != np.uint8 or codes.ndim != 1:
        raise InputError(f"codes must be a uint8 vector, not {codes.dtype} {codes.shape}")
    if not codes.all():
        raise InputError(f"code {np.argmin(codes)} is 0; coordinates are for non-zeros")
    return rows.astype(np.int64), columns.astype(np.int64), codes


def _require_size(size: int, what: str) -> None:
    if size > MAX_ENTRIES:
        raise InputError(f"{size} {what} are too many; the most is {MAX_ENTRIES}")


def _zeros(n_rows: int, n_columns: int) -> npt.NDArray[np.uint8]:
    _require_size(n_rows * n_columns, "dense entries")
    return np.zeros((n_rows, n_columns), dtype=np.uint8)
