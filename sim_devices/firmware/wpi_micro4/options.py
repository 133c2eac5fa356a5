"""What differs between Micro4 controllers, or is not known for sure: every doubtful behaviour is a switch here.

Marks are those of the wire-format reference: [M] maker's manual, [D] the one public driver, used on a real unit,
[I] inferred, [?] unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Micro4Options:
    """State as the controller leaves the shelf, and switches for what the references leave open."""

    plunger_line: int = 1
    """On which of the four lines the pump with the syringe of this simulation is; the others push air."""
    address: int = 0
    """The same, as a rig says it: several pumps on one port are lines of one controller; 0 leaves ``plunger_line``."""
    selected: int = 1
    """Which line the front panel shows after power-on [?]."""
    terminator: Literal["both", "cr", "semicolon"] = "both"
    """A number ends with ``;`` and a letter with nothing [M], or every command ends with CR [D]."""
    ok: Literal["mixed", "plain", "prompt"] = "mixed"
    r"""Ends of answers: ``\n\rOK\n\r`` after V, R, C and ``\n\r>OK\n\r`` after others [D], or one of the two always."""
    echo: Literal["prompt", "on", "off"] = "prompt"
    """Answers begin with ``>`` as the driver on a real unit reads them, with the command too as it notes, or not."""
    told: bool = True
    """V, R, C and others are answered with the new value as a question would be; otherwise with OK alone [?]."""
    wrong_r: bool = True
    """The answer to R tells the value from before: it is said to be wrong [D]."""
    unknown: Literal["silent", "ok", "error"] = "silent"
    """What is said to a command that is not known [?]."""
    running_text: str = "Running"
    paused_text: str = "Paused"
    stopped_text: str = "Stopped"
    """Motor states: only Stopped was seen on a unit [D]; the others are guesses [?]."""
    out_of_range: Literal["clamp", "keep"] = "clamp"
    """What is kept instead of a value that the controller cannot do [?]."""
    resumes: bool = True
    """G goes on to the target after a halt, by the counter [?]; otherwise each G is a whole target."""
    counter_clears: bool = False
    """The counter begins at zero with each G [?]."""
    remembers: bool = True
    """Settings survive a loss of power [?]."""
    grouped: bool = False
    """The lines are left in grouped mode: G starts them all [M]."""
    remaining: bool = False
    """The counter is left showing what remains instead of what was delivered [D]."""
    syringe_type: str = "A"
    """Left selected on every line."""
    decimals: int = 1
    """Digits printed after the point [D]."""

    @property
    def line(self) -> int:
        """Return the line that has the syringe."""
        return self.address or self.plunger_line

    def __post_init__(self) -> None:
        if not 0 <= self.address <= 4:
            raise ValueError("option 'address' of simulated wpi-micro4 is 1, 2, 3 or 4")
        for name in ("plunger_line", "selected"):
            if getattr(self, name) not in (1, 2, 3, 4):
                raise ValueError(f"option {name!r} of simulated wpi-micro4 is 1, 2, 3 or 4")
        if not 0 <= self.decimals <= 3:
            raise ValueError(f"option 'decimals' of simulated wpi-micro4 is 0..3, not {self.decimals}")
