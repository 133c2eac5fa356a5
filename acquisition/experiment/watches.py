"""From the thresholds and steady baselines of a protocol to those of a plan: channels that exist, levels in amperes.

Knows which of them need a calibration. Does not know how a signal is watched (``acquisition.signal``), or what follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from acquisition.experiment import quantities
from acquisition.experiment.problems import Source, did_you_mean
from acquisition.experiment.quantities import CURRENT, MOLARITY, QuantityError
from acquisition.experiment.setups import Findings
from acquisition.experiment.toml_lines import Key
from acquisition.experiment.watch_tables import SteadyTable, WatchTable
from acquisition.plan import ChannelSetup, PotentiostatSetup, SignalWatch, SteadyRule

MOST_BASELINE_S = 3600.0


def plan_watches(
    tables: Sequence[WatchTable], source: Source, potentiostats: Sequence[PotentiostatSetup], found: Findings
) -> tuple[SignalWatch, ...]:
    """Return the watches, every level in amperes; those that could be made out."""
    channels = _channels(potentiostats)
    watches = []
    for number, table in enumerate(tables):
        here: tuple[Key, ...] = ("watches", number)
        channel = _channel(table.channel, (*here, "channel"), channels, source, found)
        if channel is None:
            continue
        watch = _watch(table, here, channel, source, found)
        if watch is not None:
            watches.append(watch)
    return tuple(watches)


def plan_steady(
    tables: Sequence[SteadyTable], source: Source, potentiostats: Sequence[PotentiostatSetup], found: Findings
) -> tuple[SteadyRule, ...]:
    """Return the baselines that a start waits for."""
    channels = _channels(potentiostats)
    rules = []
    for number, table in enumerate(tables):
        place: tuple[Key, ...] = ("arming", "steady", number, "channel")
        if _channel(table.channel, place, channels, source, found) is not None:
            rules.append(SteadyRule(table.channel, table.slope, table.over))
    return tuple(dict.fromkeys(rules))


def _channels(potentiostats: Sequence[PotentiostatSetup]) -> dict[str, ChannelSetup]:
    return {f"{setup.name}.{channel.name}": channel for setup in potentiostats for channel in setup.channels}


def _channel(
    name: str, place: tuple[Key, ...], channels: dict[str, ChannelSetup], source: Source, found: Findings
) -> ChannelSetup | None:
    if name not in channels:
        known = f"this rig has {', '.join(channels)}" if channels else "this rig has none"
        sentence = f'there is no channel "{name}"; {known}.{did_you_mean(name, list(channels))}'
        found.problem(source.problem(place, sentence))
    return channels.get(name)


def _watch(
    table: WatchTable, here: tuple[Key, ...], channel: ChannelSetup, source: Source, found: Findings
) -> SignalWatch | None:
    problems = list(_spelling(table, channel))
    if not problems:
        key = "above" if table.above else "below"
        enter_a, leave_a = _level_a(getattr(table, key), channel), _level_a(table.clear_at, channel)
        if leave_a > enter_a if key == "above" else leave_a < enter_a:
            problems.append(("clear_at", f"a signal that went {key} its threshold comes back on the other side of it."))
    for key, sentence in problems:
        found.problem(source.problem((*here, key), sentence))
    if problems:
        return None
    told = f"{channel.name} {key} {getattr(table, key)}" + (" from its baseline" if table.from_baseline else "")
    return SignalWatch(
        name=table.name,
        channel=table.channel,
        told=told,
        enter_a=enter_a,
        leave_a=leave_a,
        above=key == "above",
        dwell_s=table.lasting,
        baseline_s=table.from_baseline,
        then=table.then,
    )


def _spelling(table: WatchTable, channel: ChannelSetup) -> Iterator[tuple[str, str]]:
    """Yield each key that is wrong, with a sentence."""
    if bool(table.above) == bool(table.below):
        yield "above", "give either above or below, a level that the signal must not pass unnoticed."
        return
    if table.from_baseline is not None and table.from_baseline > MOST_BASELINE_S:
        yield "from_baseline", "a running baseline over more than an hour follows nothing; give less."
    if not table.clear_at:
        yield "clear_at", "say at which level the signal counts as back: at the threshold itself, noise rings for ever."
        return
    for key in ("above", "below", "clear_at"):
        text = getattr(table, key)
        if not text:
            continue
        try:
            _level_a(text, channel)
        except QuantityError as error:
            yield key, f"{error}."
            continue
        if not _is_molar(text):
            continue
        if channel.sensitivity_a_per_um is None:
            yield key, f"{channel.name} has no calibration, so it has no micromolars; give a current."
        elif table.from_baseline is None:
            yield key, "a background is in every current: in micromolars only a change is known; give from_baseline."


def _is_molar(text: str) -> bool:
    return text.rstrip().endswith("M")


def _level_a(text: str, channel: ChannelSetup) -> float:
    """Return a level in amperes. Raises QuantityError. Levels may be negative: written with a minus in front."""
    sign, size = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
    if _is_molar(size):
        return sign * quantities.parse(size, MOLARITY) * (channel.sensitivity_a_per_um or 1.0)
    return sign * quantities.parse(size, CURRENT)
