"""The image file's outer form: header, section table and sections, every byte of them checked.

::

    magic (8 bytes)   version   number of sections   configuration hash (8 bytes)   length of the file
    CRC-32 of the header before it and the section table
    section table, each:  kind   offset   length   CRC-32
    sections in the order of the table, each padded with zeros to a multiple of four bytes

All numbers are little-endian, 32 bits unless said otherwise. The version's upper 16 bits say which engine the image is
for; every engine has its own sections, see `ImageForm`.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Generic, TypeVar

from eyrie.eie import config as eie
from eyrie.errors import InputError
from eyrie.rowstat import config as rowstat

MAGIC = b"EYRIE\r\n\x1a"
"""First bytes of an image; a transfer that changes line ends breaks them."""

_FIXED = struct.Struct("<8sII")
_HEADER = struct.Struct("<8sIIQI")
_CRC = struct.Struct("<I")
_SECTION = struct.Struct("<IIII")


class Section(IntEnum):
    """Sections of an image for the EIE engine, all of them present, in this order."""

    CONFIG = 1
    METADATA = 2
    PROGRAM = 3
    COUNTS = 4
    ENTRIES = 5
    BIAS = 6
    SCALE = 7


class ConvolutionSection(IntEnum):
    """Sections of an image for the row-stationary engine, likewise."""

    CONFIG = 17
    MAPS = 18
    TAPE = 19
    FILTERS = 20


AnySection = TypeVar("AnySection", bound=IntEnum)


@dataclass(frozen=True, kw_only=True)
class ImageForm(Generic[AnySection]):
    """What the images for an engine hold.

    Parameters
    ----------
    engine : str
        Name of the engine.
    number : int
        Its number, the upper 16 bits of the version.
    version : int
        Format version, the lower 16 bits.
    sections : type
        Enumeration of the sections.
    """

    engine: str
    number: int
    version: int
    sections: type[AnySection]

    @property
    def word(self) -> int:
        """Number and version as they stand in the header."""
        return self.number << 16 | self.version


EIE_FORM: Final = ImageForm(engine="EIE", number=0, version=eie.FORMAT_VERSION, sections=Section)
ROWSTAT_FORM: Final = ImageForm(
    engine="row-stationary", number=1, version=rowstat.FORMAT_VERSION, sections=ConvolutionSection
)

_ENGINES = {form.number: form.engine for form in (EIE_FORM, ROWSTAT_FORM)}


def pack_container(form: ImageForm[AnySection], config_hash: int, sections: Mapping[AnySection, bytes]) -> bytes:
    """The whole file."""
    offset = _HEADER.size + _CRC.size + _SECTION.size * len(form.sections)
    table, body = b"", b""
    for kind in form.sections:
        data = sections[kind]
        table += _SECTION.pack(kind, offset + len(body), len(data), zlib.crc32(data))
        body += data + bytes(-len(data) % 4)
    header = _HEADER.pack(MAGIC, form.word, len(form.sections), config_hash, offset + len(body))
    return header + _CRC.pack(zlib.crc32(header + table)) + table + body


def unpack_container(form: ImageForm[AnySection], data: bytes) -> tuple[int, dict[AnySection, bytes]]:
    """Configuration hash and sections of a file that `pack_container` wrote in the same form.

    Raises
    ------
    InputError
        If anything is wrong, saying what: magic, engine, version, length, header CRC, section table, section CRC or
        padding.
    """
    if not data.startswith(MAGIC):
        raise InputError("is not an Eyrie image: it does not start with the magic bytes")
    table_end = _HEADER.size + _CRC.size + _SECTION.size * len(form.sections)
    if len(data) < _FIXED.size:
        raise InputError(f"image is cut: {len(data)} bytes do not even hold its header of {table_end}")
    _, word, n_sections = _FIXED.unpack_from(data)
    engine, version = _ENGINES.get(word >> 16), word & 0xFFFF
    if word >> 16 != form.number and engine is not None:
        raise InputError(f"image is for the {engine} engine, not for the {form.engine} engine")
    if word != form.word:
        raise InputError(
            f"image has format version {version if engine else word}; this version of Eyrie reads {form.version}"
        )
    if len(data) < table_end:
        raise InputError(f"image is cut: {len(data)} bytes do not even hold its header of {table_end}")
    _, _, _, config_hash, length = _HEADER.unpack_from(data)
    (crc,) = _CRC.unpack_from(data, _HEADER.size)
    table = data[_HEADER.size + _CRC.size : table_end]
    if n_sections != len(form.sections) or crc != zlib.crc32(data[: _HEADER.size] + table):
        raise InputError("image header is damaged: its CRC is wrong")
    if length != len(data):
        raise InputError(f"image has {len(data)} bytes where its header says {length}; it is cut or has grown")
    sections = {}
    position = table_end
    for kind, entry in zip(form.sections, _SECTION.iter_unpack(table), strict=True):
        number, offset, size, crc = entry
        padded_end = offset + size + -size % 4
        if number != kind or offset != position or padded_end > len(data):
            raise InputError(f"image section table is wrong at section {kind.name}")
        content = data[offset : offset + size]
        if crc != zlib.crc32(content):
            raise InputError(f"image section {kind.name} is damaged: its CRC is wrong")
        if any(data[offset + size : padded_end]):
            raise InputError(f"image section {kind.name} is damaged: its padding is not zero")
        sections[kind] = content
        position = padded_end
    if position != len(data):
        raise InputError(f"image goes on after its last section, at byte {position}")
    return config_hash, sections
