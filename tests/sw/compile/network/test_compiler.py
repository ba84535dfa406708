"""Whole networks: programs on the golden models against plain integers, and these against floats."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.image import pack_image
from eyrie.compile.network.compiler import SegmentedResult, compile_segments
from eyrie.compile.network.integers import Convolutions, FullyConnected, enter_dense
from eyrie.compile.network.pooling import MeanPool
from eyrie.compile.network.segmented import ConvolutionSegment, DenseSegment
from eyrie.compress.balance import balanced_placement
from eyrie.driver.segments import GoldenSegments
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.model.dense import DenseLayer
from eyrie.model.flatten import Flatten
from eyrie.model.network import Network
from eyrie.model.pool import Pool
from eyrie.rowstat.config import TINY
from tests.sw.compile.network.network_cases import conv, draw_network, draw_samples

CONFIGS = (
    replace(TINY, rows=4, columns=7, ifmap_ahead=10, filter_depth=60, max_slots=8),
    replace(TINY, accumulator_width=40),
    replace(TINY, activation_width=8, weight_width=8, accumulator_width=24),
)


def small(*, relu: bool = True, clip: float | None = None) -> Network:
    """Two convolutions in a row, a mean, two fully connected layers."""
    rng = np.random.default_rng(7)
    return Network(
        name="small",
        input_shape=(2, 6, 6),
        layers=(
            conv(rng.normal(size=(3, 2, 3, 3)), rng.normal(size=3), name="a", relu=True),
            conv(rng.normal(size=(4, 3, 1, 1)), rng.normal(size=4), name="b", relu=relu, clip=clip),
            Pool(name="mean", kind="average", kernel=(2, 2), stride=(2, 2)),
            Flatten(name="flatten"),
            DenseLayer(name="c", weight=np.eye(16)[:5] * 0.5, bias=np.ones(5), relu=True),
            DenseLayer(name="d", weight=np.eye(5)[:3], bias=np.zeros(3), relu=False),
        ),
        host_operators=("Softmax",),
    )


def compiled(network: Network, x: np.ndarray, **options: object) -> SegmentedResult:
    return compile_segments(network, calibration=x, rowstat=CONFIGS[1], **({"eie": EieConfig(n_pes=3)} | options))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(30))
def test_programs_compute_what_the_integers_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = draw_network(rng)
    x = draw_samples(rng, network, 5)
    batch = 1 + seed % 3
    config = CONFIGS[seed % len(CONFIGS)]
    result = compile_segments(
        network,
        calibration=None if seed % 5 == 0 else x,
        rowstat=config,
        eie=EieConfig(n_pes=1 + seed % 4, activation_width=config.activation_width),
        balance=seed % 4 > 0,
        batch=batch,
    )
    i = result.compiled.interface.quantise_input(x)
    y = result.quantisation.integers.forward(i)
    run = GoldenSegments(result.compiled).run(i, timed=seed % 2 == 0)
    assert np.array_equal(run.outputs, y)
    assert y.shape == (5, *network.output_shape)
    for segment in run.segments:
        assert (segment.cycles is None) == (segment.place == "host" or seed % 2 == 1)


@pytest.mark.parametrize("seed", range(100, 140))
def test_integers_follow_the_floats(seed: int) -> None:
    """Weights of 16 bits and wide psums: outputs differ by no more than a hundredth of their range."""
    rng = np.random.default_rng(seed)
    network = draw_network(rng)
    x = draw_samples(rng, network, 40)
    result = compiled(network, x)
    interface = result.compiled.interface
    y = interface.dequantise_output(result.quantisation.integers.forward(interface.quantise_input(x)))
    wanted = network.forward(x)
    assert np.abs(y - wanted).max() <= 0.01 * np.abs(wanted).max()


def test_stages_and_segments() -> None:
    network = small()
    x = draw_samples(np.random.default_rng(0), network, 8)
    result = compiled(network, x)
    stages = result.quantisation.integers.stages
    assert [type(stage) for stage in stages] == [Convolutions, MeanPool, FullyConnected]
    assert [stage.name for stage in stages] == ["a, b", "mean", "c, d"]
    assert [segment.name for segment in result.compiled.segments] == ["a, b, mean", "c, d"]
    interface = result.compiled.interface
    assert (interface.input_shape, interface.output_shape) == ((2, 6, 6), (3,))
    assert interface.host_operators == ("Softmax",)
    assert result.dense_report is not None
    run = GoldenSegments(result.compiled).run(interface.quantise_input(x), timed=True)
    assert [(segment.name, segment.place) for segment in run.segments] == [
        ("a, b, mean", "rowstat"),
        ("c, d", "eie"),
    ]


def test_the_dense_part_takes_integers_as_they_are() -> None:
    """Of any scale, a power of two or a part of an upper limit; negative ones only where there can be any."""
    for network, lowest in ((small(), 0), (small(relu=False), -32767), (small(clip=0.75), 0)):
        result = compiled(network, draw_samples(np.random.default_rng(0), network, 8))
        last = result.quantisation.integers.stages[-1]
        assert isinstance(last, FullyConnected)
        assert (last.network.scales[0], last.network.clip) == (1.0, (lowest, 32767))


def test_maps_enter_the_dense_part_in_order_and_clipped() -> None:
    x = np.array([[[[-32768, 2], [3, 4]], [[5, 6], [7, 32767]]]])
    assert enter_dense(x, (-32767, 32767)).tolist() == [[-32767, 2, 3, 4, 5, 6, 7, 32767]]


def test_rows_are_placed_by_what_is_measured() -> None:
    """The dense part's inputs on all calibration samples decide which PE has which row."""
    rng = np.random.default_rng(3)
    weight = np.where(rng.random((40, 16)) < 0.5, 0.5, 0.0)
    network = Network(
        name="net",
        input_shape=(1, 4, 4),
        layers=(
            conv([[[[1.0]]]], relu=True),
            Flatten(name="flatten"),
            DenseLayer(name="fc", weight=weight, bias=np.zeros(40), relu=False),
        ),
    )
    x = rng.uniform(-1, 1, (30, 1, 4, 4)) + np.linspace(-0.8, 0.8, 16).reshape(4, 4)
    placed = {}
    for balance in (True, False):
        segment = compiled(network, x, balance=balance).compiled.segments[-1]
        assert isinstance(segment, DenseSegment)
        placed[balance] = segment.compiled.layers[0].slot_of_row
    density = np.count_nonzero(x.reshape(30, 16) > 2.0**-17, axis=0) / 30
    expected = balanced_placement((weight != 0).astype(np.uint8), 3, activation_density=density)
    assert placed[True] == tuple(expected.slot_of_row.tolist())
    assert placed[False] == tuple(range(40))


def test_a_batch_that_is_not_full() -> None:
    network = small()
    x = draw_samples(np.random.default_rng(0), network, 8)
    result = compiled(network, x, batch=3)
    i = result.compiled.interface.quantise_input(x)
    golden = GoldenSegments(result.compiled)
    for n in (1, 3, 7):
        run = golden.run(i[:n], timed=True)
        assert np.array_equal(run.outputs, result.quantisation.integers.forward(i[:n]))
        assert run.segments[0].cycles == -(-n // 3) * (golden.run(i[:3], timed=True).segments[0].cycles or 0)
    assert golden.run(i[:0]).outputs.shape == result.quantisation.integers.forward(i[:0]).shape == (0, 3)


def test_the_same_network_gives_the_same_programs() -> None:
    network = small()
    x = draw_samples(np.random.default_rng(0), network, 8)
    one, two = (compiled(network, x).compiled for _ in range(2))
    assert one.interface == two.interface
    first, again = one.segments[0], two.segments[0]
    assert isinstance(first, ConvolutionSegment)
    assert isinstance(again, ConvolutionSegment)
    assert first.tape.tobytes() == again.tape.tobytes()
    assert first.filters.tobytes() == again.filters.tobytes()
    last, again_last = one.segments[-1], two.segments[-1]
    assert isinstance(last, DenseSegment)
    assert isinstance(again_last, DenseSegment)
    assert pack_image(last.compiled) == pack_image(again_last.compiled)


def test_what_does_not_fit_is_refused() -> None:
    network = small()
    x = draw_samples(np.random.default_rng(0), network, 8)
    dense = Network(name="dense", layers=(network.layers[-1],))
    with pytest.raises(InputError, match="network 'dense' has fully connected layers alone, which need no segments"):
        compile_segments(dense)
    with pytest.raises(InputError, match=r"the same width, not 16 bits \(row-stationary\) and 8 bits \(EIE\)"):
        compiled(network, x, eie=EieConfig(n_pes=2, activation_width=8))
    with pytest.raises(InputError, match="entry_depth"):
        compiled(network, x, eie=EieConfig(n_pes=1, entry_depth=2), sized=False)
    result = compiled(network, x)
    golden, i = GoldenSegments(result.compiled), result.compiled.interface.quantise_input(x)
    for run in (golden.run, result.quantisation.integers.forward):
        with pytest.raises(InputError, match=r"inputs must have shape \(samples, 2, 6, 6\), not \(8, 72\)"):
            run(i.reshape(8, -1))
        low, high = result.compiled.interface.clip
        with pytest.raises(InputError, match=f"inputs must be {low} to {high}, not {low} to {high + 1}"):
            run(np.where(np.arange(36).reshape(6, 6) % 2, low, high + 1) + 0 * i)
    with pytest.raises(InputError, match=r"outputs must have shape \(samples, 3\), not \(8, 2\)"):
        result.compiled.interface.dequantise_output(np.zeros((8, 2), np.int64))
