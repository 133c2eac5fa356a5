"""Which animal gets what: random in blocks from one seed, and concealed.

Knows permuted blocks, codes for syringes and a commitment to them. Does not know drugs: groups are names. The sequence
is sealed in one file; everything else knows an animal's code only. The code says nothing about the group: each animal
has one of its own, so opening one (an emergency) opens no other. The commitment, an HMAC kept in another place, shows
later that nobody changed the sealed sequence (recording.md [P]: own ~80 lines, no library).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""No I, O, 0, 1: a code is read from a barrel by tired eyes."""
CODE_LENGTH = 3


@dataclass(frozen=True)
class Slot:
    """One place in the sequence. ``code`` is what stands on the syringe."""

    number: int
    code: str
    group: str


def draw_sequence(groups: Sequence[str], per_group: int, seed: int, blocks_of: int = 1) -> tuple[Slot, ...]:
    """Return ``per_group`` slots of each group in random order, balanced after every block.

    A block holds each group ``blocks_of`` times; the last one may be smaller. PCG64 from ``seed`` (numpy SeedSequence),
    with streams of their own for order and codes: codes say nothing about the order. Raises ValueError for fewer than
    two groups, groups of one name, or nothing to draw.
    """
    if len(groups) < 2 or len(set(groups)) != len(groups) or not all(groups):
        raise ValueError("a study needs at least two groups with names of their own")
    if per_group < 1 or blocks_of < 1 or seed < 0:
        raise ValueError("animals per group and groups per block must be at least 1, the seed at least 0")
    order_rng, code_rng = (np.random.default_rng(one) for one in np.random.SeedSequence(seed).spawn(2))
    order: list[str] = []
    left = per_group
    while left:
        block = [group for group in groups for _ in range(min(blocks_of, left))]
        order += [block[place] for place in order_rng.permutation(len(block))]
        left -= min(blocks_of, left)
    if len(order) > len(LETTERS) ** CODE_LENGTH // 10:
        raise ValueError(f"{len(order)} animals are more than there are codes for")
    codes = _codes(len(order), code_rng)
    return tuple(Slot(number, code, group) for number, (code, group) in enumerate(zip(codes, order, strict=True), 1))


def _codes(count: int, rng: np.random.Generator) -> list[str]:
    """Return different codes, none one typing slip from another."""
    codes: list[str] = []
    while len(codes) < count:
        code = "".join(LETTERS[place] for place in rng.integers(len(LETTERS), size=CODE_LENGTH))
        if all(sum(a != b for a, b in zip(code, other, strict=True)) >= 2 for other in codes):
            codes.append(code)
    return codes


def sealed_bytes(slots: Sequence[Slot]) -> bytes:
    """Return the sequence as it is sealed: canonical JSON."""
    return json.dumps([[s.number, s.code, s.group] for s in slots], sort_keys=True, separators=(",", ":")).encode()


def opened(sealed: bytes) -> tuple[Slot, ...]:
    """Return the sequence of ``sealed_bytes``. Raises ValueError for anything else."""
    try:
        rows = json.loads(sealed)
        slots = tuple(Slot(int(number), str(code), str(group)) for number, code, group in rows)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError("this is no sealed allocation") from error
    if sealed_bytes(slots) != sealed:
        raise ValueError("this is no sealed allocation")
    return slots


def commitment(sealed: bytes, key: bytes) -> str:
    """Return the HMAC-SHA256 of a sealed sequence; ``key`` is random and lies with the sequence, not with this."""
    return hmac.new(key, sealed, hashlib.sha256).hexdigest()


def is_untouched(sealed: bytes, key: bytes, committed: str) -> bool:
    """Return whether the sequence is the one that was committed to."""
    return hmac.compare_digest(commitment(sealed, key), committed)
