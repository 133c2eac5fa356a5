"""Is this HDF5 file one of ours to work on? Looks at what a file is made of before anything in it is read or changed.

Knows the ways in which an HDF5 file leads out of itself or claims more than it holds: links to other files, raw data
kept in other files, arrays put together from other files, filters that are loaded as code, arrays larger than the
file could ever hold (X5). Opens for reading only. Does not know what a recording contains.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py

MAX_OBJECTS = 100_000
MAX_DEPTH = 40
MAX_CHUNK_BYTES = 64 * 1024 * 1024
"""A chunk is read as a whole, however little of it is asked for; ours have less than one."""
SPARE_BYTES = 64 * 1024 * 1024
"""By how much an array may claim to be larger than its file; ours are stored as they are, without compression."""
_KNOWN_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
_LINKS_WITHIN = (h5py.HardLink, h5py.SoftLink)


class ForeignFile(ValueError):
    """The file does more than hold a recording; the message says what, and nothing of it was followed."""


def refuse_foreign(path: Path) -> None:
    """Look at every object of ``path``. Raises ForeignFile, OSError when HDF5 cannot read it."""
    spare = path.stat().st_size + SPARE_BYTES
    with h5py.File(path, "r") as file:
        waiting: list[tuple[h5py.Group, int]] = [(file["/"], 0)]
        seen: set[Any] = set()
        while waiting:
            group, depth = waiting.pop()
            if depth > MAX_DEPTH:
                raise ForeignFile(f"{path.name} is nested deeper than {MAX_DEPTH} groups")
            for name in group:
                _check_link(path, group, name)
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    continue  # a name for something that is looked at where it lies
                member = group[name]
                where = h5py.h5o.get_info(member.id).addr
                if where in seen:  # groups may contain each other
                    continue
                seen.add(where)
                if len(seen) > MAX_OBJECTS:
                    raise ForeignFile(f"{path.name} has more than {MAX_OBJECTS} objects")
                if isinstance(member, h5py.Dataset):
                    _check_dataset(path, member, spare)
                elif isinstance(member, h5py.Group):
                    waiting.append((member, depth + 1))


def _check_link(path: Path, group: h5py.Group, name: str) -> None:
    try:
        link = group.get(name, getlink=True)
    except TypeError:  # a kind of link that a program defined for itself
        link = None
    if not isinstance(link, _LINKS_WITHIN):
        raise ForeignFile(f"{path.name} leads to another file at {group.name!r}: {name!r}")


def _check_dataset(path: Path, dataset: h5py.Dataset, spare: int) -> None:
    made = dataset.id.get_create_plist()
    if dataset.is_virtual or dataset.external:
        raise ForeignFile(f"{path.name} keeps {dataset.name!r} in other files")
    filters = {made.get_filter(number)[0] for number in range(made.get_nfilters())}
    if filters - _KNOWN_FILTERS:
        raise ForeignFile(f"{path.name} wants a filter to be loaded for {dataset.name!r}")
    chunk = math.prod(dataset.chunks or (0,)) * dataset.dtype.itemsize
    if chunk > MAX_CHUNK_BYTES or math.prod(dataset.shape or (0,)) * dataset.dtype.itemsize > spare:
        raise ForeignFile(f"{path.name} claims that {dataset.name!r} is larger than the file")
