"""The sealed folder of a study: the sequence, what is in every syringe, and the key to both.

Knows how a drawn sequence is hidden, and how a change of it shows: the sequence is committed to by an HMAC in the
study's book, the sealed solutions by a hash. An animal gets its code and its sealed solution without anybody opening
the sequence; that is done for the pharmacist's sheet and for unblinding alone. Who has this folder has the key: it
keeps a secret from eyes, not from intent.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acquisition.books import seals
from acquisition.books.places import seal_key_place
from acquisition.books.seals import SealUnopened
from analysis.study import allocation
from analysis.study.allocation import Slot
from analysis.study.study_book import Drawn
from analysis.study.study_file import Study
from drivers.os_support import durable_directory, durable_sync

FOLDER = "sealed"
SEQUENCE, SOLUTIONS, KEY = "sequence.sealed", "solutions.json", "study.key"
MAX_BYTES = 2_000_000
METHOD = "permuted blocks, numpy PCG64 from a seed of 128 bits of the operating system"


class SealBroken(Exception):
    """The sealed folder is not as it was when the study was drawn. Says what, and what to do."""


@dataclass(frozen=True)
class SealedSlot:
    """One place of the sequence as everybody may know it."""

    number: int
    code: str
    sealed: Mapping[str, str]
    """By blinded pump."""


@dataclass(frozen=True)
class Opened:
    """The sequence, open."""

    slots: tuple[Slot, ...]
    seed: int

    def group_of(self, code: str) -> str:
        """Return the group of a syringe. Raises KeyError."""
        return {slot.code: slot.group for slot in self.slots}[code]


def draw(study: Study, seed: int, key: bytes, salt: bytes) -> dict[str, str]:
    """Draw the sequence and seal it into the study's folder; return what the book commits to.

    ``seed``, ``key`` and ``salt`` are secret and new. The folder is there whole or not at all. Raises OSError,
    FileExistsError when there is one, ValueError when this many animals cannot be drawn.
    """
    design = study.file.design
    names = [group.name for group in study.groups]
    slots = allocation.draw_sequence(names, design.animals_per_group, seed, design.groups_per_block)
    body = json.dumps({"seed": str(seed), "slots": allocation.sealed_bytes(slots).decode()}, sort_keys=True).encode()
    solutions = json.dumps([[slot.number, slot.code, _sealed(study, slot, key)] for slot in slots]).encode()
    target = study.folder / FOLDER
    if target.exists():
        raise FileExistsError(f"{target} is there already")
    building = study.folder / f"{FOLDER}.new"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(mode=0o700)
    for name, data in (
        (SEQUENCE, seals.locked(salt.hex().encode() + b"\n" + body, key)),
        (SOLUTIONS, solutions),
        (KEY, key),
    ):
        _write(building / name, data)
    building.rename(target)
    durable_directory(study.folder)
    return committed(study.folder, key)


def committed(folder: Path, key: bytes) -> dict[str, str]:
    """Return what the book commits to, of a folder that is sealed. Raises SealBroken."""
    salt, body = _sequence(folder, key)
    sequence, solutions = (_read(folder / FOLDER / name) for name in (SEQUENCE, SOLUTIONS))
    return {
        "commitment": allocation.commitment(body, salt),
        "sequence_sha256": hashlib.sha256(sequence).hexdigest(),
        "solutions_sha256": hashlib.sha256(solutions).hexdigest(),
        "method": f"{METHOD}; numpy {np.__version__}",
    }


def slots_of(study: Study, drawn: Drawn) -> tuple[SealedSlot, ...]:
    """Return codes and sealed solutions in their order; nothing is opened, a change of the folder is noticed.

    Raises SealBroken.
    """
    data = b""
    for name, sha256 in ((SEQUENCE, drawn.sequence_sha256), (SOLUTIONS, drawn.solutions_sha256)):
        data = _read(study.folder / FOLDER / name)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise _broken(study.folder / FOLDER / name)
    return tuple(SealedSlot(int(number), str(code), dict(sealed)) for number, code, sealed in json.loads(data))


def key_of(study: Study) -> bytes:
    """Return the study's key; one from the sealed folder is kept for this user, so that limits can be checked here.

    Where it cannot be kept it opens all the same: a full disk keeps nobody from an answer in an emergency, and who runs
    an animal without a kept key is refused there. Raises SealBroken.
    """
    with suppress(OSError):  # none, or another user's
        return seal_key_place(study.study_id).read_bytes()
    key = _read(study.folder / FOLDER / KEY)
    _sequence(study.folder, key)  # a key that opens nothing is not kept
    with suppress(OSError):
        seals.keep_key(study.study_id, key)
    return key


def open_sequence(study: Study, drawn: Drawn) -> Opened:
    """Return the whole sequence, held against what the book committed to and against every sealed solution.

    Whoever calls this writes into the book first who wants to know. Raises SealBroken.
    """
    salt, body = _sequence(study.folder, key_of(study))
    if not allocation.is_untouched(body, salt, drawn.commitment):
        raise _broken(study.folder / FOLDER / SEQUENCE)
    sequence = _opened(body)
    for slot, sealed in zip(sequence.slots, slots_of(study, drawn), strict=True):
        _check(study, slot, sealed)
    return sequence


def open_unproved(study: Study) -> Opened:
    """Return the sequence without its proof: for an emergency in which the book cannot be read.

    Raises SealBroken.
    """
    return _opened(_sequence(study.folder, key_of(study))[1])


def _opened(body: bytes) -> Opened:
    found = json.loads(body)
    return Opened(allocation.opened(found["slots"].encode()), int(found["seed"]))


def _sealed(study: Study, slot: Slot, key: bytes) -> dict[str, str]:
    solutions = study.group(slot.group).solutions
    return {
        pump: seals.seal(study.study_id, barrel, solutions[pump], key)
        for pump, barrel in study.barrels(slot.code).items()
    }


def _check(study: Study, slot: Slot, sealed: SealedSlot) -> None:
    """Raise SealBroken when a syringe of this animal was sealed with anything else than its group gets."""
    solutions = study.group(slot.group).solutions
    for pump, barrel in study.barrels(slot.code).items():
        try:
            inside = seals.opened(sealed.sealed[pump], barrel)
        except (SealUnopened, KeyError) as error:
            raise SealBroken(f"{error}. Restore the sealed folder from your backup.") from error
        if inside != solutions[pump]:
            raise SealBroken(f"syringe {barrel} was sealed with another solution than the study file has for it now.")


def design_sha256(study: Study) -> str:
    """Return the hash of all that a sealed folder is made from: groups, solutions, numbers, blinded pumps."""
    design = study.file.design
    facts: list[object] = [
        [group.name, {pump: vars(solution) for pump, solution in sorted(group.solutions.items())}]
        for group in study.groups
    ]
    facts += [[one.pump for one in study.file.blinded]]
    facts += [design.control, design.animals_per_group, design.groups_per_block]
    return hashlib.sha256(json.dumps(facts, allow_nan=False).encode()).hexdigest()


def _sequence(folder: Path, key: bytes) -> tuple[bytes, bytes]:
    """Return salt and body of the sealed sequence."""
    path = folder / FOLDER / SEQUENCE
    try:
        salt, _, body = seals.unlocked(_read(path), key).partition(b"\n")
        return bytes.fromhex(salt.decode("ascii")), body
    except (SealUnopened, ValueError) as error:
        raise _broken(path) from error


def _broken(path: Path) -> SealBroken:
    return SealBroken(f"{path} is not as it was sealed when the study was drawn. Restore it from your backup.")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SealBroken(f"{path} cannot be read: {error.strerror or error}. Restore it from your backup.") from error
    if len(data) > MAX_BYTES:
        raise _broken(path)
    return data


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        durable_sync(handle)
