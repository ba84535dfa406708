"""The image file's outer form: header, section table and sections, every byte of them checked.

::

    magic (8 bytes)   version   number of sections   configuration hash (8 bytes)   length of the file
    CRC-32 of the header before it and the section table
    section table, each:  kind   offset   length   CRC-32
    sections in the order of the table, each padded with zeros to a multiple of four bytes

All numbers are little-endian, 32 bits unless said otherwise.
"""

import struct
import zlib
from collections.abc import Mapping
from enum import IntEnum

from eyrie.eie.config import FORMAT_VERSION
from eyrie.errors import InputError

MAGIC = b"EYRIE\r\n\x1a"
"""First bytes of an image; a transfer that changes line ends breaks them."""

_HEADER = struct.Struct("<8sIIQI")
_CRC = struct.Struct("<I")
_SECTION = struct.Struct("<IIII")


class Section(IntEnum):
    """Sections, all of them present, in this order."""

    CONFIG = 1
    METADATA = 2
    PROGRAM = 3
    COUNTS = 4
    ENTRIES = 5
    BIAS = 6
    SCALE = 7


def pack_container(config_hash: int, sections: Mapping[Section, bytes]) -> bytes:
    """The whole file."""
    offset = _HEADER.size + _CRC.size + _SECTION.size * len(Section)
    table, body = b"", b""
    for kind in Section:
        data = sections[kind]
        table += _SECTION.pack(kind, offset + len(body), len(data), zlib.crc32(data))
        body += data + bytes(-len(data) % 4)
    header = _HEADER.pack(MAGIC, FORMAT_VERSION, len(Section), config_hash, offset + len(body))
    return header + _CRC.pack(zlib.crc32(header + table)) + table + body


def unpack_container(data: bytes) -> tuple[int, dict[Section, bytes]]:
    """Configuration hash and sections of a file that `pack_container` wrote.

    Raises
    ------
    InputError
        If anything is wrong, saying what: magic, version, length, header CRC, section table, section CRC or padding.
    """
    if not data.startswith(MAGIC):
        raise InputError("is not an Eyrie image: it does not start with the magic bytes")
    table_end = _HEADER.size + _CRC.size + _SECTION.size * len(Section)
    if len(data) < table_end:
        raise InputError(f"image is cut: {len(data)} bytes do not even hold its header of {table_end}")
    _, version, n_sections, config_hash, length = _HEADER.unpack_from(data)
    if version != FORMAT_VERSION:
        raise InputError(f"image has format version {version}; this version of Eyrie reads {FORMAT_VERSION}")
    (crc,) = _CRC.unpack_from(data, _HEADER.size)
    table = data[_HEADER.size + _CRC.size : table_end]
    if n_sections != len(Section) or crc != zlib.crc32(data[: _HEADER.size] + table):
        raise InputError("image header is damaged: its CRC is wrong")
    if length != len(data):
        raise InputError(f"image has {len(data)} bytes where its header says {length}; it is cut or has grown")
    sections = {}
    position = table_end
    for kind, entry in zip(Section, _SECTION.iter_unpack(table), strict=True):
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
