"""What the rig file may say about an Ultra pump beside its line: read once, refused if it makes no sense. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.capabilities import OptionValue
from drivers.errors import NotEncodable

OPTIONS: Final = {
    "power_resume": '"off", and better who saw it when: that "Resume run on power loss" is off on the pump\'s screen',
    "force_percent": "clamping force, 1 to 100, written and read back before each infusion; else left as it is",
    "limits": '"both" (default): its own rate limits must agree with the mechanics of its model; "pump": they count',
}
_OFF = re.compile(r"off\b.*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class UltraSettings:
    """The settings of one pump."""

    resume_seen_off: bool = False
    """A person has looked: the pump does not go on by itself when its power comes back."""
    force_percent: int | None = None
    trusts_pump: bool = False
    """Its own rate limits count alone."""

    @classmethod
    def read(cls, given: Mapping[str, OptionValue]) -> UltraSettings:
        """Return the settings. Raises NotEncodable."""
        resume, force, limits = given.get("power_resume"), given.get("force_percent"), given.get("limits", "both")
        if resume is not None and not (isinstance(resume, str) and _OFF.fullmatch(resume)):
            raise NotEncodable(
                f'power_resume is "off", not {resume!r}: a pump that resumes after a power failure is not used'
            )
        if force is not None and (isinstance(force, bool) or not isinstance(force, int) or not 1 <= force <= 100):
            raise NotEncodable(f"force_percent is a whole number from 1 to 100, not {force!r}")
        if limits not in ("both", "pump"):
            raise NotEncodable(f'limits is "both" or "pump", not {limits!r}')
        return cls(resume is not None, force, limits == "pump")

    def cautions(self) -> tuple[str, ...]:
        """Return what a person must see to."""
        if self.resume_seen_off:
            return ()
        sentence = (
            'look at its screen: "Resume run on power loss" must be off, and nothing may be plugged into its trigger '
            'socket; then write power_resume = "off" with name and date under its options in the rig'
        )
        return (sentence,)
