"""Finds and halts a line of the controller that our start may have set going instead of ours.

Somebody can select another line on the front panel between our selection and our G. Then ours stands still, and
another one runs that stood before. Knows the other lines' motor states only. Leaves those alone that are pumps of the
rig themselves: they may be started in the same moment, and their drivers see them move.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.errors import DeviceRefused, DriverError
from drivers.wpi_micro4 import codec
from drivers.wpi_micro4.link import Micro4Link

_TRIES = 3


@dataclass
class Strays:
    """What the other three lines did before the start."""

    link: Micro4Link
    may_run: bool = False
    """A start went out and no look has shown yet which line it reached."""
    _stood: tuple[int, ...] = field(default=(), init=False)

    def note_before_start(self) -> None:
        """Note which other lines stand still. Raises ExchangeError, PortError."""
        watched = self.link.siblings  # a run there that nobody ordered is found by who drives that line
        others = [line for line in codec.LINES if line != self.link.syringe_line and line not in watched]
        self._stood = tuple(line for line in others if self._stands(line))

    def halt_if_any(self, *, ours_stands: bool) -> None:
        """Halt what our start has set going elsewhere. Raises DeviceRefused that names it."""
        if ours_stands:
            moving = [line for line in self._stood if not self._stands(line)]
            if moving:
                halted = [line for line in moving if self._halt(line)]
                self.may_run = len(halted) < len(moving)
                raise DeviceRefused(
                    f"G was for line {self.link.syringe_line} and reached line {', '.join(map(str, moving))}: another "
                    "line was selected on the front panel in the same moment; "
                    + ("it was halted" if halted == moving else "it COULD NOT BE HALTED, stop it at the controller"),
                    port=self.link.url,
                    command="G",
                )
        self.may_run = False

    def _stands(self, line: int) -> bool:
        return self.link.text("G", line=line).value == codec.STOPPED

    def _halt(self, line: int) -> bool:
        for _try in range(_TRIES):
            try:
                self.link.act("H", line=line)
                if self._stands(line) and self._stands(line):
                    return True
            except DriverError:  # asked and sent again: halting may be repeated
                continue
        return False
