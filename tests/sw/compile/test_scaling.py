"""Samples to integers and back."""

from dataclasses import replace

import numpy as np
import pytest

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.random_network import draw_case
from eyrie.compile.scaling import dequantise_output, quantise_input, require_samples
from eyrie.errors import InputError


def compiled(scale: float = 0.25, clip: tuple[int, int] = (-8, 12)) -> CompiledNetwork:
    """Some network with other scales."""
    network = draw_case(0).mapped().compiled
    return replace(network, input_scale=scale, output_scale=0.5, clip=clip)


def samples(network: CompiledNetwork, values: list[float]) -> np.ndarray:
    """One sample for each value, which stands in its first element."""
    x = np.zeros((len(values), network.inputs))
    x[:, 0] = values
    return x


def quantised(values: list[float], **arguments: object) -> list[int]:
    network = compiled(**arguments)  # type: ignore[arg-type]
    y = quantise_input(network, samples(network, values))
    assert y.dtype == np.int64
    assert not y[:, 1:].any()
    return y[:, 0].tolist()


def test_rounds_halves_to_even() -> None:
    assert quantised([0.125, 0.375, 0.25, 0.26, -0.125, -0.375, -0.63]) == [0, 2, 1, 1, 0, -2, -3]


def test_clips_to_the_certified_range() -> None:
    assert quantised([3.0, 3.2, 1e300, -2.0, -2.2, -1e300]) == [12, 12, 12, -8, -8, -8]


@pytest.mark.parametrize("scale", [1 / 3, 0.1, 1.7e-5, 12345.678])
def test_no_rounding_leads_out_of_the_range(scale: float) -> None:
    assert quantised([1e30, -1e30], scale=scale, clip=(-32768, 32767)) == [32767, -32768]


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8, np.uint16, bool])
def test_takes_all_real_types(dtype: type) -> None:
    network = compiled()
    x = samples(network, [1, 0]).astype(dtype)
    assert quantise_input(network, x)[:, 0].tolist() == [4, 0]


@pytest.mark.parametrize(
    ("shape", "message"),
    [((0, None), "inputs have no samples"), ((2, 1000), "inputs must have shape"), ((None,), "inputs must have shape")],
)
def test_refuses_shapes(shape: tuple[int | None, ...], message: str) -> None:
    network = compiled()
    x = np.zeros([network.inputs if side is None else side for side in shape])
    with pytest.raises(InputError, match=message):
        quantise_input(network, x)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_refuses_what_is_not_finite_and_says_where(value: float) -> None:
    network = compiled()
    with pytest.raises(InputError, match=f"inputs: element 0 of sample 1 is {value}"):
        quantise_input(network, samples(network, [0.0, value]))


@pytest.mark.parametrize("x", [np.array([["1"]]), np.array([[1j]]), np.array([[None]]), [[1.0]]], ids=repr)
def test_refuses_what_is_no_number(x: np.ndarray) -> None:
    with pytest.raises(InputError, match="inputs must be an array of real numbers"):
        quantise_input(compiled(), x)


def test_outputs_are_scaled() -> None:
    network = compiled()
    y = np.arange(3 * network.outputs).reshape(3, -1) - 4
    assert np.array_equal(dequantise_output(network, y), (np.arange(3 * network.outputs).reshape(3, -1) - 4) / 2)


def test_outputs_of_another_shape_are_refused() -> None:
    network = compiled()
    for shape in ((3, network.outputs + 1), (network.outputs,)):
        with pytest.raises(InputError, match="outputs must have shape"):
            dequantise_output(network, np.zeros(shape, np.int64))


def test_flat_samples_of_maps_are_taken_by_channel_row_and_column() -> None:
    maps = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    assert (require_samples(maps.reshape(2, 60), (3, 4, 5)) == maps).all()
    with pytest.raises(InputError, match=r"must have shape \(samples, 3, 4, 5\), not \(2, 59\)"):
        require_samples(maps.reshape(2, 60)[:, :59], (3, 4, 5))
