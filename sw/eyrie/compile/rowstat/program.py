"""A compiled chain of convolutions and pools: tape, filter words, and where the feature maps lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from eyrie.compile.rowstat.certificate import PsumCertificate, require_numbers
from eyrie.compile.rowstat.coding import Coding
from eyrie.compile.rowstat.filters import filter_stream
from eyrie.compile.rowstat.loops import Loops
from eyrie.compile.rowstat.mapper import choose_mapping
from eyrie.compile.rowstat.mapping import Mapping, require_mapping, require_shape
from eyrie.compile.rowstat.maps import MapPlace
from eyrie.compile.rowstat.packets import Tape
from eyrie.compile.rowstat.pool import PoolLayer, require_pool
from eyrie.compile.rowstat.pools import write_pool
from eyrie.compile.rowstat.reference import Layer
from eyrie.compile.rowstat.tape import write_layer
from eyrie.errors import InputError
from eyrie.rowstat.config import RowstatConfig

IntArray = npt.NDArray[np.int64]
WordArray = npt.NDArray[np.uint64]

MAX_MEMORY_WORDS = 1 << 32
"""Words that the external memory's addresses reach."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RowstatProgram:
    """Layers back to back for one configuration of the engine.

    Parameters
    ----------
    config : RowstatConfig
    tape, filters : uint64 (words,)
        What goes to the two streams.
    maps : tuple of MapPlace
        Input maps of the first layer, then the output maps of each.
    mappings : tuple of Mapping, one a convolution
    reasons : tuple of str, one a convolution
        Why it runs under its mapping, in one line.
    certificates : tuple of PsumCertificate, one a convolution
    """

    config: RowstatConfig
    tape: WordArray
    filters: WordArray
    maps: tuple[MapPlace, ...]
    mappings: tuple[Mapping, ...]
    reasons: tuple[str, ...]
    certificates: tuple[PsumCertificate, ...]

    @property
    def memory_words(self) -> int:
        """Words of the external memory that the feature maps take, from address 0 on."""
        return self.maps[-1].end

    def memory(self, inputs: IntArray) -> WordArray:
        """External memory before a run, uint64 (memory_words,); outputs are zero.

        Parameters
        ----------
        inputs : integers (batch, channels, height, width)

        Raises
        ------
        InputError
            If the shape is another, or a value is no activation.
        """
        low, high = self.config.activation_range
        if inputs.size and (inputs.min() < low or inputs.max() > high):
            raise InputError(f"activations must be {low} to {high}, not {inputs.min()} to {inputs.max()}")
        memory = np.zeros(self.memory_words, np.uint64)
        self.maps[0].write(memory, inputs)
        return memory

    def outputs(self, memory: WordArray) -> IntArray:
        """Output maps of the last layer, int64 (batch, filters, out_height, out_width), from the memory after a run."""
        return self.maps[-1].read(memory)


def compile_layers(
    layers: Sequence[Layer],
    config: RowstatConfig,
    mappings: Sequence[Mapping | None] | None = None,
    *,
    coded: Sequence[float | None] | None = None,
) -> RowstatProgram:
    """Map layers that take each other's outputs, and write tape and filter words.

    Parameters
    ----------
    layers : sequence of ConvLayer or PoolLayer
    config : RowstatConfig
    mappings : sequence of Mapping or None, one a layer, or None
        How a convolution runs; None chooses with `eyrie.compile.rowstat.mapper.choose_mapping`. Pools have none.
    coded : sequence of float or None, one a map, or None
        For the input maps and the output maps of each layer: None if they are plain; if they are run-length coded, what
        `eyrie.compile.rowstat.coding.Coding` says of them. None if all are plain.

    Raises
    ------
    InputError
        If there is no layer, a layer does not take what the one before makes, a number is out of range, sums could
        overflow, a layer or its mapping does not fit the engine, or the maps do not fit the external memory.
    """
    if not layers:
        raise InputError("a program needs at least one layer")
    chosen = [None] * len(layers) if mappings is None else list(mappings)
    if len(chosen) != len(layers):
        raise InputError(f"{len(layers)} layers need as many mappings, not {len(chosen)}")
    shares = [None] * (len(layers) + 1) if coded is None else list(coded)
    if len(shares) != len(layers) + 1:
        raise InputError(f"{len(layers)} layers have {len(layers) + 1} maps that may be coded, not {len(shares)}")
    for before, after in pairwise(layers):
        if before.shape.output_maps != after.shape.input_maps:
            raise InputError(
                f"layer {after.name} takes maps of shape {after.shape.input_maps}, {before.name} makes "
                f"{before.shape.output_maps}"
            )
    maps = place_maps(layers, shares)
    tape = Tape()
    streams, certificates, used, reasons = [], [], [], []
    for number, (layer, wanted) in enumerate(zip(layers, chosen, strict=True)):
        if isinstance(layer, PoolLayer):
            require_pool(layer, config, Coding(inputs=shares[number], outputs=shares[number + 1]))
            write_pool(tape, layer, config, maps[number], maps[number + 1])
            continue
        certificates.append(require_numbers(layer, config))
        coding = Coding(inputs=shares[number], outputs=shares[number + 1], codes=layer.codebook is not None)
        require_shape(layer.shape, config, coding)
        if wanted is None:
            choice = choose_mapping(layer.shape, config, coding=coding)
            mapping, reason = choice.mapping, choice.reason
        else:
            mapping, reason = wanted, "the mapping was given"
        require_mapping(layer.shape, config, mapping, coding)
        loops = Loops(shape=layer.shape, mapping=mapping)
        write_layer(tape, layer, loops, config, maps[number], maps[number + 1])
        streams.append(filter_stream(layer, config, loops))
        used.append(mapping)
        reasons.append(reason)
    return RowstatProgram(
        config=config,
        tape=tape.end(),
        filters=np.concatenate([np.zeros(0, np.uint64), *streams]),
        maps=maps,
        mappings=tuple(used),
        reasons=tuple(reasons),
        certificates=tuple(certificates),
    )


def place_maps(layers: Sequence[Layer], coded: Sequence[float | None]) -> tuple[MapPlace, ...]:
    """Lay input maps and all output maps behind each other, run-length coded where ``coded`` is not None.

    Raises
    ------
    InputError
        If they are more than the addresses reach.
    """
    places: list[MapPlace] = []
    shapes = (layers[0].shape.input_maps, *(layer.shape.output_maps for layer in layers))
    for (batch, channels, height, width), share in zip(shapes, coded, strict=True):
        base = places[-1].end if places else 0
        place = MapPlace(base=base, batch=batch, channels=channels, height=height, width=width, coded=share is not None)
        places.append(place)
    if places[-1].end > MAX_MEMORY_WORDS:
        raise InputError(f"the feature maps take {places[-1].end} words of a memory of {MAX_MEMORY_WORDS}")
    return tuple(places)
