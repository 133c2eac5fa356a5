"""WPI Micro4 (SYS-MICRO4, UMC4) nanolitre controllers with UMP2 or UMP3 pumps: one of their four lines each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from drivers.capabilities import DriverOptions, OptionValue
from drivers.clock import Clock
from drivers.errors import NotEncodable
from drivers.shared_line import join
from drivers.transport import TransportOpener
from drivers.wpi_micro4 import codec
from drivers.wpi_micro4.driver import Micro4Choices, Micro4Pump
from drivers.wpi_micro4.link import Micro4Link
from drivers.wpi_micro4.probes import probes

__all__ = ["Micro4Pump", "build"]


class _Factory:
    kind: Final[Literal["pump", "potentiostat"]] = "pump"
    shares_line: Final = True
    options: Final[Mapping[str, str]] = {
        "line": "which line (syringe 1 to 4) of the controller this pump is",
        "syringe_type": "syringe type to select on the controller: A, B, C or 1 to 9; left as it is if not given",
        "running_text": "what the controller's motor state says while the pump runs",
        "paused_text": "what it says while the pump is paused",
    }
    probes = staticmethod(probes)

    def __call__(self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions) -> Micro4Pump:
        """Build the driver; opens nothing until ``connect`` or ``stop``. Raises NotEncodable for a wrong setting."""
        if options.baud not in (None, 9600):
            raise NotEncodable("a Micro4 speaks at 9600 baud only", port=url)
        choices = _choices(options.settings, options.address, url)
        shared = join(opener, url, "wpi-micro4", choices.line)
        return Micro4Pump(Micro4Link(shared, url, clock, options, choices.line), choices)


def _choices(given: Mapping[str, OptionValue], address: int, url: str) -> Micro4Choices:
    line = given.get("line", address or 1)
    if isinstance(line, bool) or line not in codec.LINES:
        raise NotEncodable("the line of a Micro4, as its option or address says it, is a number from 1 to 4", port=url)
    if address not in (0, line):
        raise NotEncodable(f"the address of a Micro4 pump is its line: leave it out, or write {line}", port=url)
    syringe_type = str(given.get("syringe_type", ""))
    if syringe_type not in ("", *codec.TYPES):
        raise NotEncodable(f"the option syringe_type is one of {', '.join(codec.TYPES)}", port=url)
    texts = {key: str(given[key]).strip() for key in ("running_text", "paused_text") if key in given}
    choices = Micro4Choices(int(line), syringe_type, **texts)
    told = {choices.running_text, choices.paused_text, codec.STOPPED}
    if len(told) < 3 or "" in told:
        raise NotEncodable(
            f"running_text and paused_text are not empty, and differ from each other and {codec.STOPPED!r}",
            port=url,
        )
    return choices


build: Final = _Factory()
