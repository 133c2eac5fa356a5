"""Looks for words in all that a run leaves: plain, in UTF-16, base64 or compressed, in zip, PDF and HDF5 files.

Knows ways in which a word can stand in bytes. Does not know which words, nor what they mean.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from pypdf import PdfReader

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{64,}={0,2}")
_PACKED = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
MOST_DEEP = 3


@dataclass(frozen=True)
class Words:
    """What is looked for: texts in any case, and numbers as people and as computers write them."""

    texts: tuple[str, ...]
    numbers: tuple[float, ...] = ()

    def patterns(self) -> Iterator[tuple[str, re.Pattern[bytes]]]:
        """Yield what to look for in bytes, each with its name."""
        for text in self.texts:
            for coding in ("utf-8", "utf-16-le", "utf-16-be"):
                yield f"{text} ({coding})", re.compile(re.escape(text.encode(coding)), re.IGNORECASE)
        for number in self.numbers:
            for shown in {f"{number:g}", f"{number:.4g}", repr(number)}:
                yield shown, re.compile(rb"(?<![0-9.])" + re.escape(shown.encode()) + rb"(?![0-9])")
            for order in "<>":
                yield f"{number} ({order}d)", re.compile(re.escape(struct.pack(f"{order}d", number)))


def found_in(data: bytes, words: Words) -> set[str]:
    """Return which of the words stand in bytes, however they are packed."""
    patterns = list(words.patterns())
    return {name for piece in _unpacked(data) for name, pattern in patterns if pattern.search(piece)}


def found_in_file(path: Path, words: Words) -> set[str]:
    """Return which of the words stand in a file or in its name."""
    found = found_in(path.name.encode() + b"\n" + path.read_bytes(), words)
    if path.suffix == ".pdf":  # its text is numbers of glyphs
        found |= found_in("\n".join(page.extract_text() for page in PdfReader(path).pages).encode(), words)
    if h5py.is_hdf5(path):
        found |= found_in("\n".join(_hdf5_texts(path)).encode(), words)
        found |= {name for piece in _hdf5_bytes(path) for name in found_in(piece, words)}
    return found


def _unpacked(data: bytes, deep: int = 0) -> Iterator[bytes]:
    yield data
    if deep == MOST_DEEP:
        return
    for match in _BASE64.finditer(data):
        try:
            yield from _unpacked(base64.b64decode(match.group() + b"=" * (-len(match.group()) % 4)), deep + 1)
        except binascii.Error:
            continue
    for match in _PACKED.finditer(data):
        try:
            inner = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data[match.start() :], 50_000_000)
        except zlib.error:
            continue
        if len(inner) > 8:
            yield from _unpacked(inner, deep + 1)
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from _unpacked(name.encode() + b"\n" + archive.read(name), deep + 1)


def _objects(path: Path) -> Iterator[tuple[str, Any]]:
    with h5py.File(path, "r") as file:
        objects: list[tuple[str, Any]] = [("/", file)]
        file.visititems(lambda name, item: objects.append((name, item)))
        yield from objects


def _hdf5_texts(path: Path) -> Iterator[str]:
    for name, item in _objects(path):
        yield name
        for key, value in item.attrs.items():
            yield f"{key}: {value!r}"
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "OSU":
            values: Iterable[Any] = np.atleast_1d(item[()])
            yield from (
                value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values
            )


def _hdf5_bytes(path: Path) -> Iterator[bytes]:
    for _name, item in _objects(path):
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu":
            yield np.atleast_1d(item[()]).tobytes()


def shape_of(path: Path) -> dict[str, str]:
    """Return everything about an HDF5 file but its values: names, types, sizes, keys of attributes."""
    found = {}
    for name, item in _objects(path):
        what = f"{item.dtype} {item.shape}" if isinstance(item, h5py.Dataset) else "group"
        found[name] = f"{what} {sorted(item.attrs)}"
    return found
