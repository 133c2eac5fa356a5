"""The rig file: which instruments stand on the bench, on which port, with which syringe, channels and roles.

Knows what a rig file means. Does not know what will be infused, opens no port, and takes nothing for simulated but
what says so in its URL (``sim://``, and ``replay://``: a recording is no instrument either).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from acquisition.experiment import syringes
from acquisition.experiment.problems import Problem, RefusedInput, Source, read_toml, relative_path, validated
from acquisition.experiment.rig_checks import rig_problems
from acquisition.experiment.rig_tables import ChannelTable, PotentiostatTable, PumpTable, RigFile
from acquisition.experiment.syringes import Syringe
from acquisition.plan import ChannelSetup, PotentiostatSetup
from drivers.capabilities import OptionValue
from drivers.replay import ANY_POLLS, SCHEME, is_replay_url, replay_path

DAY_S = 24 * 3600.0


@dataclass(frozen=True)
class RigPump:
    """A pump on the bench with the syringe in it."""

    name: str
    driver: str
    url: str
    address: int
    expected_model: str
    expected_serial_number: str
    syringe: str
    diameter_mm: float
    syringe_volume_ul: float
    syringe_note: str
    watchdog_s: int
    line_dead_volume_ul: float
    baud: int | None
    options: Mapping[str, OptionValue]


@dataclass(frozen=True)
class Rig:
    """A rig file, read."""

    name: str
    description: str
    pumps: tuple[RigPump, ...]
    potentiostats: tuple[PotentiostatSetup, ...]
    limits_path: Path | None
    """None: the limits that came with the program."""
    source: Source = field(compare=False)
    syringes_source: Source | None = field(default=None, compare=False)
    """The file of own syringes, where the rig names one."""

    @property
    def simulated(self) -> Literal["all", "none", "mixed"]:
        """Tell which of its instruments are simulated; "mixed" is refused for a real run (R24)."""
        urls = [*(pump.url for pump in self.pumps), *(p.url for p in self.potentiostats)]
        flags = {is_simulated(url) for url in urls}
        return "mixed" if len(flags) == 2 else "all" if flags == {True} else "none"

    def pump(self, name: str) -> RigPump | None:
        """Return the pump called ``name``."""
        return next((pump for pump in self.pumps if pump.name == name), None)


def load_rig(path: Path, *, as_run: bool = False) -> Rig:
    """Read a rig file. Raises RefusedInput with everything that is wrong in it.

    ``as_run``: it is the copy in a session's folder, and what it names lies beside it under the session's names.
    """
    values, source = read_toml(path)
    file = validated(RigFile, values, source)
    problems: list[Problem] = []
    limits_path = _beside(path, file, "limits", source, problems, as_run=as_run)
    try:
        known = syringes.library(_beside(path, file, "syringes", source, problems, as_run=as_run))
    except RefusedInput as refused:
        raise RefusedInput([*problems, *refused.problems]) from None
    problems += rig_problems(file, source, known.rows)
    if problems:
        raise RefusedInput(problems)
    return Rig(
        name=file.rig.name,
        description=file.rig.description,
        pumps=tuple(_pump(name, pump, path.parent, known.rows) for name, pump in file.pumps.items()),
        potentiostats=tuple(
            _potentiostat(name, table, path.parent, file.rig.calibration_max_age / DAY_S)
            for name, table in file.potentiostats.items()
        ),
        limits_path=limits_path,
        source=source,
        syringes_source=known.source,
    )


def _beside(
    path: Path,
    file: RigFile,
    key: Literal["limits", "syringes"],
    source: Source,
    problems: list[Problem],
    *,
    as_run: bool,
) -> Path | None:
    """Return the path of another file that the rig names, None if it names none; what is wrong joins ``problems``."""
    named = file.rig.limits if key == "limits" else file.rig.syringes
    if named is None:
        return None
    if as_run:
        return path.parent / f"{key}.toml"
    try:
        return path.parent / relative_path(named)
    except ValueError as error:
        problems.append(source.problem(("rig", key), f"{error}."))
        return None


def is_simulated(url: str) -> bool:
    """Tell whether a URL names a simulated or replayed instrument; of several ports, one makes it simulated."""
    return any(port.startswith("sim://") for port in url.split()) or is_replayed(url)


def is_replayed(url: str) -> bool:
    """Tell whether a URL names a recording that plays an instrument."""
    return any(is_replay_url(port) for port in url.split())


def _pump(name: str, table: PumpTable, folder: Path, known: Mapping[str, Syringe]) -> RigPump:
    row = known[table.syringe] if table.syringe is not None else None
    if row is not None and table.diameter is not None:
        row = row.chosen(table.diameter)
    diameter_mm, volume_ul = (row.diameter_mm, row.volume_ul) if row else (table.diameter, table.syringe_volume)
    if diameter_mm is None or volume_ul is None:
        raise AssertionError("checked by _syringes")
    return RigPump(
        name=name,
        driver=table.driver,
        url=_from(folder, table.url),
        address=table.address,
        expected_model=table.model,
        expected_serial_number=table.serial_number,
        syringe=table.syringe or f"own, {diameter_mm:g} mm",
        diameter_mm=diameter_mm,
        syringe_volume_ul=volume_ul,
        syringe_note="; ".join(row.remarks(was_chosen=table.diameter is not None)) if row else "",
        watchdog_s=round(table.watchdog),
        line_dead_volume_ul=table.line_dead_volume,
        baud=table.baud,
        options=table.options,
    )


def _from(folder: Path, url: str) -> str:
    """Return ``url``; the file of a replay:// URL that is not absolute lies beside the rig file."""
    if not is_replay_url(url):
        return url
    suffix = ANY_POLLS if url.endswith(ANY_POLLS) else ""
    return SCHEME + quote(str((folder / replay_path(url)).absolute())) + suffix


def _sentinel(channel: ChannelTable, table: PotentiostatTable) -> str:
    beside = [other.name for other in table.channels if other.role == "sentinel"]
    return channel.sentinel or (beside[0] if len(beside) == 1 else "")


def _potentiostat(name: str, table: PotentiostatTable, folder: Path, max_age_d: float) -> PotentiostatSetup:
    return PotentiostatSetup(
        name=name,
        driver=table.driver,
        url=" ".join(_from(folder, port) for port in table.ports),
        expected_model=table.model,
        expected_serial_number=table.serial_number,
        potential_v=table.potential,
        interval_s=table.interval,
        channels=tuple(
            ChannelSetup(
                c.name,
                c.electrode,
                c.role,
                c.range,
                c.sensitivity,
                c.options,
                c.calibrated or "",
                max_age_d,
                probe=c.probe or "",
                site=(c.site or c.name) if c.probe else "",
                sentinel=_sentinel(c, table) if c.role == "glutamate" else "",
            )
            for c in table.channels
        ),
        baud=table.baud,
        options=table.options,
    )
