"""What a rig may say about the digital pins of an 8401-HR. Checks and names; sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from drivers.capabilities import OptionValue, OutputUse
from drivers.errors import NotEncodable
from drivers.pinnacle_8401.digital import BITS, EdgeKind, InputUse

DEBOUNCE_MAX_MS: Final = 1000
OUTPUTS: Final = ("ttl1", "ttl2", "ttl3", "ttl4")
_OUT = "{}_out"
_EDGE, _DEBOUNCE = "{}_edge", "{}_debounce_ms"
PIN_OPTIONS: Final = {
    **{name: f"name of what is connected to {name.upper()}; its changes are recorded as marks" for name in BITS},
    **{_EDGE.format(name): f"which changes of {name.upper()} are marks: both, rising or falling" for name in BITS},
    **{_DEBOUNCE.format(name): f"how long a level of {name.upper()} stands before it counts, ms" for name in BITS},
    **{
        _OUT.format(name): f"what {name.upper()} is driven for: infusion or mark; tried at each start"
        for name in OUTPUTS
    },
}


def input_uses(given: Mapping[str, OptionValue]) -> dict[str, InputUse]:
    """Return the inputs that have a name. Raises NotEncodable."""
    uses: dict[str, InputUse] = {}
    for name in BITS:
        label = given.get(name)
        if label is None:
            if extra := {_EDGE.format(name), _DEBOUNCE.format(name)} & set(given):
                raise NotEncodable(f"{sorted(extra)[0]} is given, but {name} has no name and is not reported")
            continue
        if not isinstance(label, str) or not label.strip() or len(label) > 40 or not label.isprintable():
            raise NotEncodable(f"{name} is called by a text of 1 to 40 characters, not {label!r}")
        if label in {use.label for use in uses.values()}:
            raise NotEncodable(f"two digital inputs are called {label!r}")
        uses[name] = InputUse(label, _edge(given, name), _debounce_ns(given, name))
    return uses


def _edge(given: Mapping[str, OptionValue], name: str) -> EdgeKind:
    wanted = given.get(_EDGE.format(name), "both")
    for kind in get_args(EdgeKind):
        if wanted == kind:
            return kind  # type: ignore[no-any-return] # one of the literals
    raise NotEncodable(f"{_EDGE.format(name)} is both, rising or falling, not {wanted!r}")


def _debounce_ns(given: Mapping[str, OptionValue], name: str) -> int:
    wanted = given.get(_DEBOUNCE.format(name), 0)
    if isinstance(wanted, bool) or not isinstance(wanted, int | float) or not 0 <= wanted <= DEBOUNCE_MAX_MS:
        raise NotEncodable(f"{_DEBOUNCE.format(name)} is a number of ms from 0 to {DEBOUNCE_MAX_MS}, not {wanted!r}")
    return round(wanted * 1_000_000)


def output_uses(given: Mapping[str, OptionValue]) -> dict[str, OutputUse]:
    """Return the pins that are driven. Raises NotEncodable."""
    uses: dict[str, OutputUse] = {}
    for name in OUTPUTS:
        wanted = given.get(_OUT.format(name))
        if wanted is None:
            continue
        if name in given:
            raise NotEncodable(f"{name} is an input, called {given[name]!r}; it cannot be driven too")
        if wanted not in get_args(OutputUse):
            raise NotEncodable(f"{_OUT.format(name)} is infusion or mark, not {wanted!r}")
        uses[name] = "infusion" if wanted == "infusion" else "mark"
    return uses
