"""Images for the row-stationary engine: a segment of convolutions as one file's bytes, and back."""

import json
from dataclasses import asdict
from typing import Final

import numpy as np
import numpy.typing as npt

from eyrie.compile.container import ROWSTAT_FORM, ConvolutionSection, pack_container, unpack_container
from eyrie.compile.network.fields import Fields
from eyrie.compile.network.segmented import ConvolutionSegment
from eyrie.compile.rowstat.layer import MAX_EXTENT
from eyrie.compile.rowstat.maps import MapPlace
from eyrie.errors import InputError
from eyrie.golden.rowstat.contract import CheckedTape
from eyrie.rowstat.config import RowstatConfig

MAX_WORDS: Final = 1 << 28
"""Words of an external memory that a reader makes room for."""

_WORD = np.dtype("<u8")


def pack_convolutions(segment: ConvolutionSegment) -> bytes:
    """The file's bytes, which depend on nothing but the segment."""
    maps = {"name": segment.name, "inputs": asdict(segment.inputs), "outputs": asdict(segment.outputs)}
    return pack_container(
        ROWSTAT_FORM,
        segment.config.hash,
        {
            ConvolutionSection.CONFIG: segment.config.as_json().encode(),
            ConvolutionSection.MAPS: json.dumps(maps, sort_keys=True, separators=(",", ":")).encode(),
            ConvolutionSection.TAPE: segment.tape.astype(_WORD).tobytes(),
            ConvolutionSection.FILTERS: segment.filters.astype(_WORD).tobytes(),
        },
    )


def unpack_convolutions(data: bytes, expected: RowstatConfig | None = None) -> ConvolutionSegment:
    """What `pack_convolutions` wrote, all of it checked but what only a run can tell.

    Parameters
    ----------
    data : bytes
    expected : RowstatConfig or None
        The hardware that it must be for, if that is known.

    Raises
    ------
    InputError
        Saying what is wrong: magic, engine, version, length, a CRC, the hardware hash, or contents that do not fit the
        configuration or each other.
    """
    config_hash, sections = unpack_container(ROWSTAT_FORM, data)
    if expected is not None and config_hash != expected.hash:
        raise InputError(
            f"image is for hardware {config_hash:016x}, not {expected.hash:016x}; compile the network for this hardware"
        )
    try:
        config = RowstatConfig.from_json(sections[ConvolutionSection.CONFIG].decode())
    except ValueError as error:
        raise InputError(f"image section CONFIG: {error}") from error
    if config_hash != config.hash:
        raise InputError(f"image has hardware hash {config_hash:016x}, but its configuration has {config.hash:016x}")
    maps = Fields.parse(sections[ConvolutionSection.MAPS], "image section MAPS")
    inputs, outputs = (_place(maps.inner(where)) for where in ("inputs", "outputs"))
    tape, filters = (_words(sections, kind) for kind in (ConvolutionSection.TAPE, ConvolutionSection.FILTERS))
    CheckedTape.parse(config, tape)
    return ConvolutionSegment(
        name=maps.text("name"), config=config, tape=tape, filters=filters, inputs=inputs, outputs=outputs
    )


def _place(fields: Fields) -> MapPlace:
    place = MapPlace(
        base=fields.integer("base", 0, MAX_WORDS),
        batch=fields.integer("batch", 1, MAX_EXTENT),
        channels=fields.integer("channels", 1, MAX_EXTENT),
        height=fields.integer("height", 1, MAX_EXTENT),
        width=fields.integer("width", 1, MAX_EXTENT),
        coded=fields.truth("coded"),
    )
    if place.end > MAX_WORDS:
        raise InputError(f"{fields.what}: feature maps up to word {place.end - 1}, beyond {MAX_WORDS} words")
    return place


def _words(sections: dict[ConvolutionSection, bytes], kind: ConvolutionSection) -> npt.NDArray[np.uint64]:
    data = sections[kind]
    if len(data) % _WORD.itemsize:
        raise InputError(f"image section {kind.name} has {len(data)} bytes, no whole number of 64-bit words")
    return np.frombuffer(data, _WORD).astype(np.uint64)
