"""Makes an HDF5 file openable again whose writer was killed: clears its "being written" mark.

Knows 48 bytes of HDF5's superblock (version 2 or 3) and its checksum, nothing else. The official tool leaves a stale
end-of-file address behind, which then refuses to open; the size of the file is the right one. [M] reference
"recording", 1a and 1b.
"""

from __future__ import annotations

import struct
from pathlib import Path

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_FLAGS_AT, _END_AT, _CHECKSUM_AT = 11, 28, 44
_MASK = 0xFFFFFFFF


def clear(path: Path) -> bool:
    """Clear the mark of ``path``, which nobody may have open; return whether it was set.

    Raises ValueError for a file that is not HDF5 with superblock 2 or 3, OSError if it cannot be read or written.
    """
    with path.open("r+b") as file:
        block = bytearray(file.read(_CHECKSUM_AT + 4))
        if len(block) < _CHECKSUM_AT + 4 or block[:8] != _SIGNATURE or block[8] not in (2, 3):
            raise ValueError(f"{path.name} does not begin like the HDF5 files that are written here")
        was_set = block[_FLAGS_AT] != 0
        block[_FLAGS_AT] = 0
        struct.pack_into("<Q", block, _END_AT, path.stat().st_size)
        struct.pack_into("<I", block, _CHECKSUM_AT, lookup3(bytes(block[:_CHECKSUM_AT])))
        file.seek(0)
        file.write(block)
    return was_set


def lookup3(data: bytes) -> int:
    """Return Bob Jenkins' public-domain hash ``hashlittle`` (lookup3, 2006) with seed 0, HDF5's metadata checksum."""
    a = b = c = (0xDEADBEEF + len(data)) & _MASK
    position = 0
    while len(data) - position > 12:
        a, b, c = _mix(*_added(a, b, c, data[position : position + 12]))
        position += 12
    if not data:
        return c
    return _final(*_added(a, b, c, data[position:].ljust(12, b"\0")))


def _added(a: int, b: int, c: int, block: bytes) -> tuple[int, int, int]:
    x, y, z = struct.unpack("<III", block)
    return (a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK


def _turned(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _MASK


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (4, 6, 8, 16, 19, 4):
        a = ((a - c) & _MASK) ^ _turned(c, bits)
        c = (c + b) & _MASK
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    for first, second, third in ((14, 11, 25), (16, 4, 14)):
        c = ((c ^ b) - _turned(b, first)) & _MASK
        a = ((a ^ c) - _turned(c, second)) & _MASK
        b = ((b ^ a) - _turned(a, third)) & _MASK
    return ((c ^ b) - _turned(b, 24)) & _MASK
