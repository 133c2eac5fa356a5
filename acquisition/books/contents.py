"""What is truly in a syringe, for those few who must reckon with it: the only way from a sealed text to a solution.

Knows that a blinded syringe is what its sealed text opens to, and any other what stands on it. What it returns stays in
memory: nobody writes it, shows it, or puts it into a text. Who may ask is a contract in ``pyproject.toml``: the limits,
a simulated syringe, a container's check, and a person in an emergency.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from acquisition.books.seals import Solution, opened


class Holder(Protocol):
    """A syringe, or a dose out of one."""

    @property
    def drug(self) -> str: ...
    @property
    def drug_form(self) -> str: ...
    @property
    def concentration_mg_per_ml(self) -> float | None: ...
    @property
    def code(self) -> str: ...
    @property
    def sealed(self) -> str: ...


def content_of(holder: Holder) -> Solution:
    """Return the true solution. Raises SealUnopened for a blinded one whose seal does not open: nothing is guessed."""
    if not (holder.sealed or holder.code):
        return Solution(holder.drug, holder.drug_form, holder.concentration_mg_per_ml)
    return opened_once(holder.sealed, holder.code)


@lru_cache(maxsize=10_000)
def opened_once(sealed: str, code: str) -> Solution:
    """Return a sealed solution, opened once per process. Raises SealUnopened.

    A key that is gone later (a lost drive) must not end an anaesthetic or a plan.
    """
    return opened(sealed, code)
