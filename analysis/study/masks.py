"""Names for groups that say nothing: A, B, C, ... in an order drawn from the study's sealed seed.

Knows labels. While a study is blind, everything that is shown of a group bears its mask; who knows the sealed seed, and
nobody else, can tell which group it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

import numpy as np

STREAM = 2
"""Of the seed's streams: 0 and 1 are the order's and the codes' (``analysis.study.allocation``)."""


def masks(groups: Sequence[str], seed: int) -> dict[str, str]:
    """Return the mask of each group, the same for the same seed. Raises ValueError for more than there are letters."""
    if len(groups) > len(ascii_uppercase):
        raise ValueError(f"{len(groups)} groups are more than there are letters for")
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(STREAM,)))
    order = rng.permutation(len(groups))
    return {group: f"group {ascii_uppercase[place]}" for group, place in zip(groups, order, strict=True)}
