"""Which faults a bench can have: whom each concerns, who cannot have it, and which wait for a mark of the protocol.

Knows names and abilities of instruments. Does not know bytes or times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from sim_devices.faults import INNER_KINDS, PLUNGER_KINDS, FaultSpec, parse_fault
from sim_devices.instrument import Instrument
from sim_devices.interfaces import Disturbable
from sim_devices.presets.scenario import ScenarioPreset


def at_marks(scenario: ScenarioPreset | None) -> list[tuple[str, FaultSpec]]:
    """Return (mark, fault) of a scenario. Raises ValueError for a fault that cannot be read, or has no time."""
    found = [(one.mark, parse_fault(one.fault)) for one in scenario.faults_at_marks] if scenario else []
    for mark, spec in found:
        if spec.start_ns is None:
            raise ValueError(f"fault {spec.text!r} at the mark {mark!r}: write KIND@START, counted from the mark")
    return found


def concerns(spec: FaultSpec, name: str, part_of: str) -> bool:
    """Tell whether a fault is that of the instrument ``name``, or of the one that it is a port of."""
    return not spec.instrument or spec.instrument in (name, part_of)


def impossible(spec: FaultSpec, instrument: Instrument) -> str:
    """Say why an instrument cannot have this fault; empty if it can."""
    if spec.kind in PLUNGER_KINDS and instrument.plunger is None:
        return "has no plunger that could stall"
    able = instrument.firmware.disturbances if isinstance(instrument.firmware, Disturbable) else frozenset()
    if spec.kind in INNER_KINDS and spec.kind not in able:
        return f"cannot show this fault; it can: {', '.join(sorted(able)) or 'none of its kind'}"
    return ""


def keep_possible(instrument: Instrument, own_faults: Sequence[FaultSpec]) -> None:
    """Refuse faults that this instrument cannot have; one that names nobody passes it by. Raises ValueError."""
    possible = []
    for spec in instrument.faults.specs:
        why = impossible(spec, instrument)
        if why and (spec.instrument or spec in own_faults):
            raise ValueError(f"fault {spec.text!r}: {instrument.name} {why}")
        if not why:
            possible.append(spec)
    instrument.faults.keep(possible)


def check_names(specs: Iterable[FaultSpec], instruments: Mapping[str, Instrument], wholes: Collection[str]) -> None:
    """Refuse faults of instruments that are not on the bench. Raises ValueError."""
    names = instruments.keys() | set(wholes)
    for spec in specs:
        if spec.instrument and names and spec.instrument not in names:
            raise ValueError(
                f"fault {spec.text!r}: there is no instrument {spec.instrument!r}; there are: "
                f"{', '.join(sorted(names))}"
            )
        if spec.kind == "swap":
            pair = [instruments.get(name) for name in (spec.instrument, spec.value)]
            if None in pair or len({id(one) for one in pair}) < 2 or any(one and one.chained for one in pair):
                raise ValueError(f"fault {spec.text!r}: name two instruments of this bench, each on its own port")
