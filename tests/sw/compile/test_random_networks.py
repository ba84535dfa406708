"""Networks drawn at random: compiled program on the engine model, dense reference, and Python's integers agree."""

import numpy as np
import pytest

from eyrie.compile.certify import certify_network
from eyrie.compile.image import pack_image, unpack_image
from eyrie.compile.quantised import QuantisedNetwork
from eyrie.compile.random_network import draw_case, draw_inputs
from eyrie.compile.verify import verify_compiled
from eyrie.driver.schedule import run_network
from eyrie.eie.load_format import load_stream
from eyrie.golden.dense import forward

SEEDS = range(120)


def by_hand(network: QuantisedNetwork, x: np.ndarray) -> np.ndarray:
    """The network in Python's integers, which neither round nor overflow."""
    low, high = -(1 << network.activation_width - 1), (1 << network.activation_width - 1) - 1
    activations = x.astype(object)
    for layer in network.layers:
        biased = activations @ layer.weight.astype(object).T + layer.bias.astype(object)
        half = np.array([1 << int(shift) - 1 if shift else 0 for shift in layer.shift], object)
        rounded = (biased * layer.multiplier.astype(object) + half) >> layer.shift.astype(object)
        activations = np.clip(rounded, 0 if layer.relu else low, high)
    return activations.astype(np.int64)


@pytest.mark.parametrize("seed", SEEDS)
def test_engine_equals_dense_equals_by_hand(seed: int) -> None:
    case = draw_case(seed)
    x = draw_inputs(seed, case.network)
    dense = forward(case.network.layers, x, activation_width=case.config.activation_width)
    assert np.array_equal(dense, by_hand(case.network, x))
    assert np.array_equal(run_network(case.mapped().compiled, x), dense)


@pytest.mark.parametrize("seed", SEEDS[::4])
def test_what_is_compiled_is_certified_verified_and_loadable(seed: int) -> None:
    case = draw_case(seed)
    certify_network(case.network, case.config.accumulator_width)
    compiled = case.mapped().compiled
    verify_compiled(compiled)
    words = load_stream(compiled.config, compiled.packets())
    assert words[4] == 1 + sum(len(own) > 0 for own in compiled.entries) + compiled.config.n_pes


@pytest.mark.parametrize("seed", SEEDS[::4])
def test_image_gives_back_what_went_in(seed: int) -> None:
    compiled = draw_case(seed).mapped().compiled
    data = pack_image(compiled)
    again = unpack_image(data, compiled.config)
    assert pack_image(again) == data
    for field in ("config", "name", "layers", "input_scale", "output_scale", "clip", "host_operators"):
        assert getattr(again, field) == getattr(compiled, field), field
    for field in ("program", "counts", "bias", "scale"):
        assert getattr(again, field).dtype == getattr(compiled, field).dtype, field
        assert np.array_equal(getattr(again, field), getattr(compiled, field)), field
    assert len(again.entries) == len(compiled.entries)
    for own, other in zip(again.entries, compiled.entries, strict=True):
        assert own.dtype == other.dtype == np.uint16
        assert np.array_equal(own, other)


def test_the_draw_reaches_everything() -> None:
    """A draw that never needs a second pass would test none."""
    seen = set()
    for seed in SEEDS:
        case = draw_case(seed)
        mapped = case.mapped()
        for placed in mapped.layers:
            tiling = placed.tiling
            passes, batches = len(tiling.passes) > 1, len(tiling.batches) > 1
            seen |= {("passes", passes), ("batches", batches), ("both", passes and batches)}
            seen |= {("passes in the bank", passes and not tiling.emitted)}
            seen |= {("idle slots", placed.placement.n_slots > placed.placement.rows)}
            seen |= {("permuted", bool((np.diff(placed.placement.slot_of_row) < 0).any()))}
            seen |= {("scaled", placed.layer.scaled), ("relu", placed.layer.relu)}
            seen |= {("scaled by shifts", placed.layer.scaled and bool((placed.layer.multiplier == 1).all()))}
            vectors = (case.config.accumulator_depth, case.config.activation_depth if tiling.emitted else 1 << 12)
            seen |= {("cut for its slices", tiling.slots_per_pass < min(vectors) * case.config.n_pes)}
            seen |= {("no entries", not placed.entries.any()), ("fillers", placed.n_fillers > 0)}
            seen |= {("a PE without work", bool((placed.entries == 0).any() and placed.entries.any()))}
        seen |= {("round trip", mapped.compiled.schedule.n_round_trips > 0)}
        seen |= {("layers", len(mapped.layers)), ("PEs", case.config.n_pes), ("count bits", case.config.count_bits)}
        seen |= {(flag, getattr(case.config, flag)) for flag in ("skip_empty", "multipliers", "lut_ram")}
    flags = ("passes", "batches", "both", "passes in the bank", "idle slots", "permuted", "scaled", "relu")
    flags += ("no entries", "fillers", "a PE without work", "round trip", "scaled by shifts", "cut for its slices")
    flags += ("skip_empty", "multipliers", "lut_ram")
    expected = {(flag, value) for flag in flags for value in (False, True)}
    expected |= {("layers", count) for count in range(1, 5)} | {("PEs", count) for count in range(1, 10)}
    expected |= {("count bits", count) for count in range(1, 11)}
    assert seen == expected
