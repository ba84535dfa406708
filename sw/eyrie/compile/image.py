"""Image files: a compiled network as one file, written and read back."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from eyrie.compile.compiled import CompiledNetwork
from eyrie.compile.container import EIE_FORM, Section, pack_container, unpack_container
from eyrie.compile.entry_coding import pack_counts, pack_entries, unpack_counts, unpack_entries
from eyrie.compile.metadata import pack_metadata, unpack_metadata
from eyrie.compile.verify import verify_compiled
from eyrie.eie.config import EieConfig
from eyrie.errors import InputError
from eyrie.files import read_bytes, write_atomic

IntArray = npt.NDArray[np.int64]


def pack_image(compiled: CompiledNetwork) -> bytes:
    """The file's bytes, which depend on nothing but the network."""
    config = compiled.config
    column_bases = [layer.column_base for layer in compiled.layers]
    return pack_container(
        EIE_FORM,
        config.hash,
        {
            Section.CONFIG: config.as_json().encode(),
            Section.METADATA: pack_metadata(compiled),
            Section.PROGRAM: compiled.program.astype("<u4").tobytes(),
            Section.COUNTS: pack_counts(compiled.counts),
            Section.ENTRIES: pack_entries(compiled.entries, compiled.counts, column_bases, config),
            Section.BIAS: compiled.bias.astype(_bias_type(config)).tobytes(),
            Section.SCALE: compiled.scale.astype("<u4").tobytes(),
        },
    )


def unpack_image(data: bytes, expected: EieConfig | None = None) -> CompiledNetwork:
    """What `pack_image` wrote; errors are those of `read_image`, without the path."""
    config_hash, sections = unpack_container(EIE_FORM, data)
    if expected is not None and config_hash != expected.hash:
        raise InputError(
            f"image is for hardware {config_hash:016x}, not {expected.hash:016x}; compile the network for this hardware"
        )
    try:
        config = EieConfig.from_json(sections[Section.CONFIG])
    except ValueError as error:
        raise InputError(f"image {error}") from error
    if config_hash != config.hash:
        raise InputError(f"image has hardware hash {config_hash:016x}, but its configuration has {config.hash:016x}")
    metadata = unpack_metadata(sections[Section.METADATA], config)
    program = _numbers(sections, Section.PROGRAM, "<u4")
    if program.size > config.program_depth:
        raise InputError(f"image has a program of {program.size} words, more than program_depth {config.program_depth}")
    counts = unpack_counts(sections[Section.COUNTS], config)
    column_bases = [layer.column_base for layer in metadata.layers]
    if column_bases[-1] >= counts.shape[1]:
        raise InputError(f"image has {counts.shape[1]} columns, but a layer begins at {column_bases[-1]}")
    bias = _rows(sections, Section.BIAS, _bias_type(config), config)
    scale = _rows(sections, Section.SCALE, "<u4", config)
    low, high = config.accumulator_range
    if bias.min(initial=0) < low or bias.max(initial=0) > high:
        raise InputError(f"image has biases from {bias.min()} to {bias.max()}; they must be {low} to {high}")
    if scale.max(initial=0) >> config.scale_width or not (scale & config.max_multiplier).all():
        raise InputError("image has a scale word with a multiplier of 0 or more bits than there are")
    compiled = CompiledNetwork(
        config=config,
        name=metadata.name,
        layers=metadata.layers,
        schedule=metadata.schedule,
        program=program,
        counts=counts,
        entries=unpack_entries(sections[Section.ENTRIES], counts, column_bases, config),
        bias=bias,
        scale=scale,
        input_scale=metadata.input_scale,
        output_scale=metadata.output_scale,
        clip=metadata.clip,
        host_operators=metadata.host_operators,
    )
    verify_compiled(compiled)
    return compiled


def write_image(path: Path, compiled: CompiledNetwork) -> None:
    """Write a compiled network; the file is whole or not there.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    write_atomic(path, pack_image(compiled))


def read_image(path: Path, expected: EieConfig | None = None) -> CompiledNetwork:
    """Read a compiled network back and check all of it.

    Parameters
    ----------
    path : Path
    expected : EieConfig or None
        The hardware that it must be for, if that is known.

    Raises
    ------
    InputError
        With the path and what is wrong: magic, version, length, a CRC, the hardware hash, or contents that do not fit
        the configuration or each other.
    """
    data = read_bytes(path)
    try:
        return unpack_image(data, expected)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _bias_type(config: EieConfig) -> str:
    return "<i4" if config.accumulator_width <= 32 else "<i8"


def _numbers(sections: dict[Section, bytes], section: Section, dtype: str) -> IntArray:
    data = sections[section]
    if len(data) % np.dtype(dtype).itemsize:
        raise InputError(f"image section {section.name} has {len(data)} bytes, no whole number of elements")
    return np.frombuffer(data, dtype).astype(np.int64)


def _rows(sections: dict[Section, bytes], section: Section, dtype: str, config: EieConfig) -> IntArray:
    """As many rows for every PE, int64 (n_pes, rows)."""
    numbers = _numbers(sections, section, dtype)
    n_rows, rest = divmod(numbers.size, config.n_pes)
    if rest or n_rows > config.table_depth:
        raise InputError(
            f"image section {section.name} has {numbers.size} elements; {config.n_pes} PEs have up to "
            f"{config.table_depth} each"
        )
    return numbers.reshape(config.n_pes, n_rows)
