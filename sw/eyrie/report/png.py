"""Small grey images for a page that needs no second file."""

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt


def grey_png_uri(pixels: npt.NDArray[np.uint8]) -> str:
    """A ``data:`` URI of an 8-bit grey PNG.

    Parameters
    ----------
    pixels : uint8 array (height, width)
        0 is black.
    """
    height, width = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels], axis=1)  # filter type 0 before each row

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
    return "data:image/png;base64," + base64.b64encode(png + chunk(b"IEND", b"")).decode()
