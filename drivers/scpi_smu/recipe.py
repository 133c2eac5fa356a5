"""What is set before a measurement, in order, and how each setting must read back (potentiostats.md 5). Pure.

``*RST`` comes first: it switches the output off and takes back what others may have left (triggers, filters, limits,
functions). Everything that the measurement rests on is set all the same, and asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from drivers.capabilities import AmperometrySettings
from drivers.scpi_smu.codec import decode_number, number
from drivers.scpi_smu.family import RANGE_READS_BACK_UP_TO, Model
from drivers.scpi_smu.timing import Timing

RESET: Final = "*RST"
_COMPLIANCE_AFTER_RESET_A = 105e-6  # a fixed range cannot be higher than the compliance's: manual of the 2400


@dataclass(frozen=True)
class Setting:
    """One setting: what is sent, what is asked afterwards, and which answers are right."""

    command: str
    query: str
    is_right: Callable[[str], bool]


def recipe(model: Model, used: AmperometrySettings, timing: Timing, *, autozero: bool) -> Iterator[Setting]:
    """Yield the settings in the order in which the instrument takes them."""
    if model.is_source_meter:
        yield _word(":SOUR:FUNC", "VOLT")
        yield _word(":OUTP:SMOD", "HIMP")  # off is disconnected, not 0 V
        yield _state(":SOUR:CLE:AUTO", on=False)  # the output stays on between readings
        yield _state(":SYST:RSEN", on=False)
    else:
        yield _state(":SOUR:VOLT:MCON", on=True)  # the source and the ammeter share their low end
    yield _range(":SOUR:VOLT:RANG", model.volt_range_for(used.potential_v))
    yield _near(":SOUR:VOLT", used.potential_v, model.volt_within_v(used.potential_v))
    if model.is_source_meter:
        yield _state(":SENS:FUNC:CONC", on=False)
    yield Setting(':SENS:FUNC "CURR"', ":SENS:FUNC?", lambda told: told.strip("\"'") in ("CURR", "CURR:DC"))
    yield from _current(model, used.electrodes[0].range_a)
    yield _near(":SENS:CURR:NPLC", timing.nplc, 0.001)
    if model.is_source_meter:
        yield _state(":SENS:AVER", on=False)
        yield _state(":SYST:AZER", on=autozero)
        yield _near(":ARM:COUN", 1, 0.0)
        yield _near(":TRIG:COUN", 1, 0.0)
    else:
        yield _state(":SYST:ZCH", on=False)
    elements = ",".join(model.elements)
    yield Setting(f":FORM:ELEM {elements}", ":FORM:ELEM?", lambda told: told.replace(" ", "") == elements)


def _current(model: Model, range_a: float) -> Iterator[Setting]:
    """Range, and compliance at its full scale: what the current cannot exceed. Each is limited by the other."""
    settings = [_state(":SENS:CURR:RANG:AUTO", on=False), _range(":SENS:CURR:RANG", range_a)]
    if model.is_source_meter:
        compliance = _near(":SENS:CURR:PROT", range_a, 1e-3 * range_a)
        settings.insert(0 if range_a > _COMPLIANCE_AFTER_RESET_A else 2, compliance)
    yield from settings


def _near(header: str, value: float, within: float) -> Setting:
    def is_right(told: str) -> bool:
        held = decode_number(told.encode())
        return held is not None and abs(held - value) <= within

    return Setting(f"{header} {number(value)}", f"{header}?", is_right)


def _range(header: str, value: float) -> Setting:
    def is_right(told: str) -> bool:
        held = decode_number(told.encode())
        return held is not None and value * (1 - 1e-6) <= held <= value * RANGE_READS_BACK_UP_TO

    return Setting(f"{header} {number(value)}", f"{header}?", is_right)


def _state(header: str, *, on: bool) -> Setting:
    return Setting(f"{header} {'ON' if on else 'OFF'}", f"{header}?", lambda told: told == str(int(on)))


def _word(header: str, word: str) -> Setting:
    return Setting(f"{header} {word}", f"{header}?", lambda told: told.startswith(word))
