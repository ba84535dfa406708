"""Run-length coded rows, one value after the other, and those that are named."""


def word(*pairs: tuple[int, int], last: bool = False) -> int:
    """A word of pairs of a run and a level."""
    bits = sum((run | (level & 0xFFFF) << 5) << 21 * place for place, (run, level) in enumerate(pairs))
    return bits | last << 63


def pairs_of(row: list[int]) -> list[tuple[int, int]]:
    """A row's pairs."""
    pairs = []
    run = 0
    for value in row:
        if value or run == 31:
            pairs.append((run, value))
            run = 0
        else:
            run += 1
    return pairs


def code(row: list[int]) -> list[int]:
    """A row's words."""
    pairs = pairs_of(row)
    starts = range(0, max(len(pairs), 1), 3)
    return [word(*pairs[start : start + 3], last=start == starts[-1]) for start in starts]


def values_of_row(words: list[int], width: int) -> list[int]:
    """The values that a row's words stand for; what comes behind the last word is not looked at."""
    row: list[int] = []
    for one in words:
        for place in range(3):
            pair = one >> 21 * place & (1 << 21) - 1
            if pair:
                row += [0] * (pair & 31) + [(pair >> 5) - (1 << 16) * (pair >> 20)]
        if one >> 63:
            break
    return row + [0] * (width - len(row))


NAMED: dict[str, tuple[list[int], list[int]]] = {
    "zeros": ([0] * 5, [word(last=True)]),
    "one zero": ([0], [word(last=True)]),
    "one value": ([-7], [word((0, -7), last=True)]),
    "dense": ([1, 2, 3, 4], [word((0, 1), (0, 2), (0, 3)), word((0, 4), last=True)]),
    "the last value fills a word": ([1, 0, 2, 0, 0, 3], [word((0, 1), (1, 2), (2, 3), last=True)]),
    "zeros behind a full word": ([1, 2, 3, 0, 0], [word((0, 1), (0, 2), (0, 3), last=True)]),
    "run of 31": ([0] * 31 + [5], [word((31, 5), last=True)]),
    "run of 32": ([0] * 32 + [5], [word((31, 0), (0, 5), last=True)]),
    "run of 33": ([0] * 33 + [5], [word((31, 0), (1, 5), last=True)]),
    "run of 64": ([0] * 64 + [5], [word((31, 0), (31, 0), (0, 5), last=True)]),
    "31 zeros": ([0] * 31, [word(last=True)]),
    "32 zeros": ([0] * 32, [word((31, 0), last=True)]),
    "a value and 31 zeros": ([5] + [0] * 31, [word((0, 5), last=True)]),
    "run of 128": ([0] * 128 + [5], [word((31, 0), (31, 0), (31, 0)), word((31, 0), (0, 5), last=True)]),
    "most negative": ([-(1 << 15)] * 2, [word((0, -(1 << 15)), (0, -(1 << 15)), last=True)]),
}
"""Rows and their words."""
