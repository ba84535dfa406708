"""What the configurations of all engines need: limits of their fields, and widths of addresses.

Nothing here imports Amaranth.
"""

from collections.abc import Mapping


def require_integers(config: object, ranges: Mapping[str, tuple[int, int]]) -> None:
    """Check that fields are integers, no flags, within their lowest and highest values.

    Raises
    ------
    ValueError
        Naming the field, its range and its value.
    """
    for name, (low, high) in ranges.items():
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{name} must be an integer from {low} to {high}, not {value!r}")


def address_width(depth: int) -> int:
    """Bits of an address into ``depth`` words, at least one."""
    return max(1, (depth - 1).bit_length())
