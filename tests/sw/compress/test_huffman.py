"""Huffman codes: optimal, canonical, exact in both directions."""

from heapq import heapify, heappop, heappush
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyrie.compress.huffman import MAX_COUNT, MAX_LENGTH, HuffmanCode
from eyrie.errors import InputError

PROPERTY = settings(derandomize=True, deadline=None, max_examples=200)

counts_of_symbols = st.lists(st.one_of(st.just(0), st.integers(1, 9), st.integers(1, 10**6)), min_size=0, max_size=256)


def reference_bits(counts: list[int]) -> tuple[int, int]:
    """Bits of an optimal code of any length, the sum of all merges of Huffman's algorithm; and its longest codeword."""
    heap = [(count, 0) for count in counts if count]
    if len(heap) == 1:
        return heap[0][0], 1
    heapify(heap)
    total = 0
    while len(heap) > 1:
        (first, first_depth), (second, second_depth) = heappop(heap), heappop(heap)
        total += first + second
        heappush(heap, (first + second, max(first_depth, second_depth) + 1))
    return total, heap[0][1] if heap else 0


def reference_codewords(lengths: list[int]) -> dict[int, str]:
    """Canonical codewords as text, counted upwards from the shortest."""
    codewords: dict[int, str] = {}
    following, length_before = 0, 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(lengths) if length):
        following <<= length - length_before
        codewords[symbol] = format(following, f"0{length}b")
        following, length_before = following + 1, length
    return codewords


def reference_stream(codewords: dict[int, str], symbols: list[int]) -> bytes:
    bits = "".join(codewords[symbol] for symbol in symbols)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[start : start + 8], 2) for start in range(0, len(bits), 8))


def stream_of(seed: int, counts: list[int], size: int) -> np.ndarray:
    """Symbols drawn from those that occur; every one of them at least possible."""
    occurring = np.flatnonzero(counts)
    return np.random.default_rng(seed).choice(occurring, size) if occurring.size else np.zeros(0, dtype=np.int64)


@PROPERTY
@given(counts=counts_of_symbols)
def test_lengths_are_optimal(counts: list[int]) -> None:
    code = HuffmanCode.from_counts(np.array(counts, dtype=np.int64))
    assert code.n_symbols == len(counts)
    assert [length > 0 for length in code.lengths] == [count > 0 for count in counts]
    bits = sum(count * int(length) for count, length in zip(counts, code.lengths, strict=True))
    assert code.bits(np.array(counts, dtype=np.int64)) == bits
    optimum, longest = reference_bits(counts)
    assert bits == optimum if longest <= MAX_LENGTH else bits >= optimum


@PROPERTY
@given(counts=st.lists(st.integers(1, 60), min_size=2, max_size=6), max_length=st.integers(3, 4))
def test_lengths_are_optimal_under_their_bound(counts: list[int], max_length: int) -> None:
    """Against every assignment of lengths that satisfies Kraft's inequality."""
    best = min(
        sum(count * length for count, length in zip(counts, lengths, strict=True))
        for lengths in product(range(1, max_length + 1), repeat=len(counts))
        if sum(2.0**-length for length in lengths) <= 1
    )
    code = HuffmanCode.from_counts(np.array(counts), max_length)
    assert code.lengths.max() <= max_length
    assert code.bits(np.array(counts)) == best


@pytest.mark.parametrize("max_length", range(5, 16))
def test_bound_holds_where_the_optimum_is_longer(max_length: int) -> None:
    """Fibonacci counts make the longest codewords that Huffman's algorithm can give: 31 bits here."""
    fibonacci = [1, 1]
    while len(fibonacci) < 32:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    code = HuffmanCode.from_counts(np.array(fibonacci), max_length)
    assert code.lengths.max() == max_length
    assert code.bits(np.array(fibonacci)) > reference_bits(fibonacci)[0]
    symbols = np.arange(32)
    assert np.array_equal(code.decode(code.encode(symbols), 32), symbols)


@PROPERTY
@given(counts=counts_of_symbols)
def test_codewords_are_canonical_and_prefix_free(counts: list[int]) -> None:
    code = HuffmanCode.from_counts(np.array(counts, dtype=np.int64))
    expected = reference_codewords(code.lengths.tolist())
    words = {s: format(int(code.codewords[s]), f"0{code.lengths[s]}b") for s in range(len(counts)) if code.lengths[s]}
    assert words == expected
    assert not any(second.startswith(first) for first, second in pairwise(sorted(words.values())))


@PROPERTY
@given(counts=counts_of_symbols, seed=st.integers(0, 2**32), size=st.integers(0, 400), max_length=st.integers(8, 15))
def test_decode_inverts_encode(counts: list[int], seed: int, size: int, max_length: int) -> None:
    code = HuffmanCode.from_counts(np.array(counts, dtype=np.int64), max_length)
    symbols = stream_of(seed, counts, size)
    data = code.encode(symbols)
    assert data == reference_stream(reference_codewords(code.lengths.tolist()), symbols.tolist())
    assert len(data) == -(-code.bits(np.bincount(symbols, minlength=len(counts))) // 8)
    decoded = code.decode(data, symbols.size)
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, symbols)
    assert np.array_equal(HuffmanCode(lengths=code.lengths).decode(data, symbols.size), symbols)
    assert np.array_equal(code.decode(data + bytes(3), symbols.size), symbols)


def test_a_code_by_hand() -> None:
    """Lengths 2 1 3 3 give codewords 10 0 110 111."""
    code = HuffmanCode.from_counts(np.array([2, 5, 1, 1]))
    assert code.lengths.tolist() == [2, 1, 3, 3]
    assert code.codewords.tolist() == [0b10, 0b0, 0b110, 0b111]
    assert code.encode(np.array([3, 1, 0, 2])) == bytes([0b11101011, 0b00000000])
    assert code.bits(np.array([2, 5, 1, 1])) == 15


def test_alphabet_of_one_symbol_takes_one_bit() -> None:
    code = HuffmanCode.from_counts(np.array([0, 0, 9]))
    assert code.lengths.tolist() == [0, 0, 1]
    assert code.encode(np.full(9, 2)) == bytes(2)
    assert code.decode(bytes(2), 9).tolist() == [2] * 9
    assert code.bits(np.array([0, 0, 9])) == 9


@pytest.mark.parametrize("counts", [[], [0], [0, 0, 0]])
def test_empty_input(counts: list[int]) -> None:
    code = HuffmanCode.from_counts(np.array(counts, dtype=np.int64))
    assert code.lengths.tolist() == counts
    assert code.encode(np.zeros(0, dtype=np.uint8)) == b""
    assert code.decode(b"", 0).size == 0
    assert code.bits(np.array(counts, dtype=np.int64)) == 0


def test_all_256_symbols_alike_take_a_byte_each() -> None:
    code = HuffmanCode.from_counts(np.full(256, MAX_COUNT))
    assert code.encode(np.arange(256)) == bytes(range(256))
    assert code.bits(np.full(256, MAX_COUNT)) == 256 * 8 * MAX_COUNT


def test_lengths_are_a_read_only_copy() -> None:
    lengths = np.array([1, 1], dtype=np.uint8)
    code = HuffmanCode(lengths=lengths)
    lengths[0] = 7
    assert code.lengths.tolist() == [1, 1]
    with pytest.raises(ValueError, match="read-only"):
        code.lengths[0] = 7


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([1, 1, 1], "too short for a complete prefix code"),
        ([1, 2, 2, 15], "too short for a complete prefix code"),
        ([1, 2], "longer than needed for a complete prefix code"),
        ([2], "longer than needed"),
        ([0, 3, 3], "longer than needed"),
        ([1, MAX_LENGTH + 1], "a codeword has at most 15 bits, not 16"),
        ([1, 255], "a codeword has at most 15 bits, not 255"),
        ([[1], [1]], "must be uint8 for at most 256 symbols"),
        ([8] * 256 + [0], "must be uint8 for at most 256 symbols"),
    ],
)
def test_impossible_lengths_are_refused(lengths: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        HuffmanCode(lengths=np.array(lengths, dtype=np.uint8))


def test_lengths_of_another_type_are_refused() -> None:
    with pytest.raises(InputError, match=r"must be uint8 .* not int64"):
        HuffmanCode(lengths=np.array([1, 1]))


@pytest.mark.parametrize(
    ("counts", "max_length", "message"),
    [
        ([1] * 17, 4, "17 symbols need codewords of more than 4 bits"),
        ([1, 2], 16, "max_length must be an integer from 1 to 15, not 16"),
        ([1, 2], 0, "max_length must be an integer from 1 to 15, not 0"),
        ([1, -1], 15, "counts must lie in 0 to"),
        ([1, MAX_COUNT + 1], 15, "counts must lie in 0 to"),
        ([1.0, 2.0], 15, "counts must be integers"),
        ([1] * 257, 15, "at most 256 symbols"),
        ([[1, 2]], 15, "counts must be integers"),
    ],
)
def test_counts_that_give_no_code_are_refused(counts: list, max_length: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        HuffmanCode.from_counts(np.array(counts), max_length)


def test_symbols_without_codeword_are_refused() -> None:
    code = HuffmanCode.from_counts(np.array([3, 0, 3]))
    with pytest.raises(InputError, match="symbol 1 has no codeword"):
        code.encode(np.array([0, 1, 2]))
    for symbols in ([0, 3], [-1]):
        with pytest.raises(InputError, match="symbols must lie in 0 to 2"):
            code.encode(np.array(symbols))
    for malformed in (np.array([0.0]), np.array([[0]])):
        with pytest.raises(InputError, match="vector of integers"):
            code.encode(malformed)
    with pytest.raises(InputError, match="symbol 1 occurs but has no codeword"):
        code.bits(np.array([1, 1, 1]))
    with pytest.raises(InputError, match="2 counts do not fit an alphabet of 3 symbols"):
        code.bits(np.array([1, 0]))


def test_stream_cut_anywhere_is_refused() -> None:
    code = HuffmanCode.from_counts(np.array([1, 2, 4, 8, 16, 32]))
    symbols = stream_of(0, [1] * 6, 100)
    data = code.encode(symbols)
    for size in range(len(data)):
        with pytest.raises(InputError, match=r"ends before 100 symbols|100 symbols do not fit"):
            code.decode(data[:size], 100)


def test_codeword_that_ends_past_the_stream_is_refused() -> None:
    """Seven bits are there; the eighth starts a codeword of two."""
    code = HuffmanCode(lengths=np.array([1, 2, 2], dtype=np.uint8))
    with pytest.raises(InputError, match="the stream of 1 bytes ends before 8 symbols are complete"):
        code.decode(bytes([0b00000001]), 8)


def test_count_beyond_the_stream_is_refused_before_it_is_allocated() -> None:
    code = HuffmanCode(lengths=np.array([1, 1], dtype=np.uint8))
    with pytest.raises(InputError, match="9 symbols do not fit in a stream of 1 bytes"):
        code.decode(bytes(1), 9)
    with pytest.raises(InputError, match="do not fit"):
        code.decode(bytes(1), 2**62)
    with pytest.raises(InputError, match="count must be an integer"):
        code.decode(bytes(1), -1)


def test_stream_that_goes_on_is_refused() -> None:
    code = HuffmanCode(lengths=np.array([1, 1], dtype=np.uint8))
    assert code.decode(bytes([0b11100000]), 3).tolist() == [1, 1, 1]
    for data in (bytes([0b11110000]), bytes([0b11100001]), bytes([0b11100000, 1])):
        with pytest.raises(InputError, match="goes on after its 3 symbols, at bit 3"):
            code.decode(data, 3)


def test_bits_that_are_no_codeword_are_refused() -> None:
    code = HuffmanCode.from_counts(np.array([0, 5]))
    with pytest.raises(InputError, match="the bits at 3 of the stream are no codeword"):
        code.decode(bytes([0b00010000]), 8)
    nothing = HuffmanCode(lengths=np.zeros(4, dtype=np.uint8))
    with pytest.raises(InputError, match="the bits at 0 of the stream are no codeword"):
        nothing.decode(bytes(1), 1)


@PROPERTY
@given(data=st.binary(max_size=40), counts=counts_of_symbols, count=st.integers(0, 60))
def test_random_streams_are_refused_or_encode_again_to_the_same(data: bytes, counts: list[int], count: int) -> None:
    code = HuffmanCode.from_counts(np.array(counts, dtype=np.int64))
    try:
        symbols = code.decode(data, count)
    except InputError:
        return
    again = code.encode(symbols)
    assert symbols.size == count
    assert again + bytes(len(data) - len(again)) == data
