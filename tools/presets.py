"""Writes docs/reference/presets.md from the presets themselves: ``python -m tools.presets``.

Knows how the page looks. The numbers, units, ranges and marks are those of ``sim_devices.presets``.
"""

# ruff: noqa: INP001, E501 - a script of the project, not a package; its text is a page
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sim_devices.presets import shelf
from sim_devices.presets.parameter import Parameter, parameters

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "presets.md"
HEAD = """# Presets: animals, sensors, scenarios

Written by `python -m tools.presets` from the presets themselves; do not edit by hand.

What a `sim://` rig and a rehearsal simulate is chosen by name. **Every number is a knob of a SIMULATED animal, not a fact
about a real one.** Marks: [S] from a public source, [D] derived from such numbers, [A] assumed, [U] unverified.
[The simulated mouse](../explanation/simulated-mouse.md) says what the numbers do.

```console
amperfuse presets                                        # the list below
amperfuse presets depressed-mouse                        # one of them, or a file of your own, whole, as TOML
amperfuse rehearse protocol.toml --rig rig.toml --preset depressed-mouse --preset array-without-mpd
amperfuse rehearse protocol.toml --rig rig.toml --preset my-animal.toml
```

In a rig, the URL of a simulated instrument chooses: `sim://emstat?sensor=wire` for this potentiostat,
`?animal=NAME` and `?scenario=NAME` for the whole bench, at whichever instrument. `--preset` goes before the rig.
Without any, the animal is `awake-mouse` and the sensor is `array`, or `wire` where the rig's sensitivity is 0.1 nA/uM
and more. A glutamate channel with a sensitivity in the rig has that sensitivity.

A file of your own names its `kind`, a `title`, usually `based_on = "..."`, and only what differs. A key that there is not,
a word for a number or a value outside its range is refused with its line. The session keeps what was simulated, every
number of it with what was drawn for this animal, in `simulated.toml`.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    for kind, title in (("animal", "Animals"), ("sensor", "Sensors"), ("scenario", "Scenarios")):
        yield f"## {title}\n\n| name | what it is | other than |\n|---|---|---|"
        for name in (name for name, of in shelf.names().items() if of == kind):
            preset = shelf.load(name)
            yield f"| `{name}` | {preset.title} | {f'`{preset.based_on}`' if preset.based_on else ''} |"
        yield ""
    for name in ("awake-mouse", "array"):
        yield f"## Every number of `{name}`\n\n| key | value | unit | accepted | mark | what it is |\n|---|---|---|---|---|---|"
        yield from map(_row, parameters(shelf.load(name)))
        yield ""
    yield _SCENARIO


def _row(p: Parameter) -> str:
    value = ", ".join(map(str, p.value)) if isinstance(p.value, tuple) else p.value
    return f"| `{p.path}` | {value} | {p.unit} | {p.range_text} | [{p.mark}] | {p.says} |"


_SCENARIO = """## What a scenario may hold

`animal` and `sensor` name presets. What happens beside the pumps stands in lists; each entry says when, either by
`at_min` (minutes from the session's beginning) or by `mark` (the text of a mark of the protocol, or of the person; upper
and lower case are the same), and may be repeated with `every_min` and `times`.

| list | keys | what happens |
|---|---|---|
| `[[injections]]` | `drug`, `dose_mg_per_kg`, `route` (`ip`, `sc`, `im`, `iv_bolus`, `intracerebral`) | an injection by hand: the hand is felt, vehicle too |
| `[[stimuli]]` | `size` (1: the reference ejection) | a depolarisation that no pump gives |
| `[[beaker.additions]]` | `analyte` (`glutamate`, `ascorbate`, `dopamine`, `peroxide`, `buffer`), `volume_ul`, `stock_mm` | something is pipetted into the beaker that stands in the animal's place (`[beaker]`: `volume_ml`, `stirring_s`, `temperature_c`) |

`faults` is a list of [instrument faults](commands.md) as for `--fault`. `[[faults_at_marks]]` (`mark`, `fault`) counts the
START of a fault from a mark of the protocol. `not_primed` names pumps whose line is empty whatever the protocol says.
`[lesson]` (`task`, `notice`, `do`) makes of it a [lesson](../how-to/practise.md)."""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
