"""What the loader in hardware takes: the container of an image file, with sections in the form for a link.

The container is that of `eyrie.compile.container`, word for word: header, section table and sections, little-endian.
All sections are whole words here, so that a CRC covers every bit. `docs/host.md` sets the sections against the file's.

::

    CONFIG, METADATA   usually empty; checked and skipped, whatever they hold
    PROGRAM            words of the program memory
    COUNTS             number of columns (a multiple of four), number of symbols, then bits:
                       lengths of the symbols' codewords, then a codeword for each column of PE 0, PE 1, ...
    ENTRIES            bits: lengths of the codewords of the codes, and of the runs; then for each entry of PE 0, PE 1,
                       ... the codeword of its code and that of its run
    BIAS               number of rows, then a word (two for accumulators wider than 32 bits) for each of PE 0, PE 1, ...
    SCALE              likewise, one word each; empty where no layer is scaled

Bits lie in bytes from the highest down, as in the file's Huffman streams; a codeword's length takes four. Zeros fill up
the last word.
"""

from enum import IntEnum

from eyrie.eie.config import FORMAT_VERSION

FORM_NUMBER = 0x100
"""Upper 16 bits of the version: that of files is another one, since some sections differ."""

VERSION_WORD = FORM_NUMBER << 16 | FORMAT_VERSION
"""Third word of an image."""

MAGIC = b"EYRIE\r\n\x1a"
"""First bytes of an image."""

HEADER_WORDS = 8
"""Magic (two words), version, number of sections, hash (two words), length, CRC-32 of the rest and of the table."""

TABLE_WORDS = 4
"""Words of a section in the table: kind, offset, length, CRC-32; offset and length count bytes."""

LENGTH_BITS = 4
"""Bits of a codeword's length in the stream."""

MAX_LENGTH = 15
"""Longest codeword."""


class Section(IntEnum):
    """Sections, all of them in the table, in this order."""

    CONFIG = 1
    METADATA = 2
    PROGRAM = 3
    COUNTS = 4
    ENTRIES = 5
    BIAS = 6
    SCALE = 7


FIRST_LOADED = Section.PROGRAM
"""The first section that the hardware does not skip."""
