"""All the engine knows about one potentiostat, and what each report of its lane means.

Knows the way of a block: guard first, then the recording, then the live feed; and the alarms of a stream. Does not
know pumps or the plan. Nothing here can stop a recording.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acquisition.engine.fact_groups import fact_groups
from acquisition.engine.guards import Gap, StreamGuard
from acquisition.engine.lane_messages import (
    Closed,
    Connected,
    Crashed,
    Driven,
    Edges,
    FactsTold,
    Failed,
    LaneReport,
    Lost,
    OutputsTold,
    PartsTold,
    Samples,
    SamplingStarted,
    StartSampling,
    Wire,
)
from acquisition.engine.parts import Desk
from acquisition.engine.sensor_lane import PotentiostatLane
from acquisition.engine.signal_watch import WatchedSignal, clear
from acquisition.events import EventKind, Scalar
from acquisition.experiment.devices import amperometry
from acquisition.messages import ChannelSamples, Link
from acquisition.plan import PotentiostatSetup, StableStep, SteadyRule
from acquisition.recording.records import RecordingFailed
from acquisition.signal.drift import DriftWatch
from drivers.capabilities import AmperometrySettings, Identity, SampleBlock, SampleFlag
from drivers.clock import NS_PER_S

CLEAR_GAPS_AFTER_NS = 10 * NS_PER_S
EDGES_SHOWN = 10
"""So many changes of digital inputs are shown from one reading; a stimulus train would flood every screen. All are
recorded."""


@dataclass
class SensorDesk:
    """One potentiostat's facts."""

    setup: PotentiostatSetup
    lane: PotentiostatLane
    guard: StreamGuard
    desk: Desk
    link: Link = "connecting"
    identity: Identity | None = None
    settings: AmperometrySettings | None = None
    gaps: int = 0
    closed: Closed | None = None
    watched: list[tuple[int, WatchedSignal]] = field(default_factory=list)
    """What the plan wants watched, each with the channel's number."""
    _drifts: dict[StableStep | SteadyRule, tuple[int, DriftWatch]] = field(default_factory=dict)
    """What waits for a channel's baseline, with the channel's number."""
    _last_gap_ns: int | None = None
    _closing: bool = False
    _troubles: dict[str, str] = field(default_factory=dict)
    _handlers: dict[type, Callable[[Any, int], None]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        plan = self.desk.plan
        numbers = {f"{self.name}.{channel.name}": number for number, channel in enumerate(self.setup.channels)}
        waits = [step for step in plan.steps if isinstance(step, StableStep)]
        wanted: list[StableStep | SteadyRule] = [*waits, *plan.must_be_steady]
        for one in wanted:
            if one.channel in numbers:
                self._drifts[one] = numbers[one.channel], DriftWatch(one.over_s)
        self.watched = [(numbers[w.channel], WatchedSignal(w, self.desk)) for w in plan.watches if w.channel in numbers]
        self._handlers = {
            Connected: self._connected,
            SamplingStarted: self._started,
            FactsTold: self._facts_told,
            Edges: self._edges,
            Samples: lambda what, now_ns: self._samples(what.block, now_ns),
            PartsTold: self._parts_told,
            OutputsTold: self._outputs_told,
            Driven: self._driven,
            Failed: self._failed,
            Lost: self._lost,
            Closed: self._closed,
            Crashed: self._crashed,
            Wire: lambda _what, _now_ns: None,  # the samples are the record; R57 asks for the raw bytes of pumps
        }

    @property
    def name(self) -> str:
        """Return its name in the rig."""
        return self.setup.name

    @property
    def ready(self) -> bool:
        """Tell whether samples have arrived."""
        return self.link == "online" and self.guard.samples > 0

    def slopes_a_per_min(self, now_ns: int) -> dict[SteadyRule, float]:
        """Return the drift of every baseline that a start waits for, A/min; NaN where it is not known."""
        rules = {rule: watch for rule, (_, watch) in self._drifts.items() if isinstance(rule, SteadyRule)}
        hears = self.link == "online" and self.guard.silent_s(now_ns) is None
        return {rule: watch.slope_a_per_min(now_ns) if hears else nan for rule, watch in rules.items()}

    def is_steady(self, step: StableStep, now_ns: int) -> bool:
        """Tell whether the baseline that a step waits for is there; of an instrument that is silent it is not."""
        hears = self.link == "online" and self.guard.silent_s(now_ns) is None
        return hears and self._drifts[step][1].is_steady(now_ns, step.slope_a_per_min)

    def close(self) -> None:
        """Expect the port to be closed: silence is in order from now on."""
        self._closing = True

    def take(self, report: LaneReport) -> None:
        """Take a report of the lane."""
        self._handlers[type(report.what)](report.what, report.t_ns)

    def tick(self, now_ns: int) -> None:
        """Look at what time alone brings: silence, and gaps that have not come again."""
        if self._closing or self.link != "online":
            return
        silent_s = self.guard.silent_s(now_ns)
        if silent_s is not None:
            self.desk.alarms.on("sensor-silent", now_ns, self.name, f"nothing for {silent_s:.1f} s")
        elif self.guard.last_seen_ns is not None:
            self.desk.alarms.off("sensor-silent", self.name)
        if self._last_gap_ns is not None and now_ns - self._last_gap_ns > CLEAR_GAPS_AFTER_NS:
            self._last_gap_ns = None
            self.desk.alarms.off("samples-missing", self.name)

    def _connected(self, what: Connected, now_ns: int) -> None:
        self.link, self.identity = "online", what.identity
        self.desk.alarms.off("not-connected", self.name)
        self.desk.alarms.off("sensor-lost", self.name)
        identity = what.identity
        self.desk.say(
            EventKind.CONNECTION,
            now_ns,
            self.name,
            f"{'Found again' if what.again else 'Connected'}: {identity.model} firmware {identity.firmware}",
            {
                "family": identity.family,
                "model": identity.model,
                "firmware": identity.firmware,
                "serial_number": identity.serial_number,
            },
        )
        if not what.again:
            self.lane.request(StartSampling(amperometry(self.setup)))

    def _started(self, what: SamplingStarted, now_ns: int) -> None:
        self.settings = what.settings
        self.desk.alarms.off("sensor-error", self.name)
        for electrode in what.settings.electrodes:
            self.desk.say(
                EventKind.SETTING,
                now_ns,
                self.name,
                f"{electrode.channel}: {what.settings.potential_v:g} V, range {electrode.range_a:g} A, "
                f"every {what.settings.interval_s:g} s",
                {
                    "channel": electrode.channel,
                    "electrode": electrode.electrode,
                    "potential_v": what.settings.potential_v,
                    "range_a": electrode.range_a,
                    "interval_s": what.settings.interval_s,
                },
            )

    def _facts_told(self, what: FactsTold, now_ns: int) -> None:
        for title, facts in fact_groups(what.facts):
            text = f"{title}: what is done to its samples" if title else "What is done to the samples"
            self.desk.say(EventKind.SETTING, now_ns, self.name, text, facts)

    def _edges(self, what: Edges, now_ns: int) -> None:
        for number, edge in enumerate(what.edges):
            text = f"{edge.input} {'high' if edge.is_high else 'low'}"
            data: dict[str, Scalar] = {"input": edge.input, "is_high": edge.is_high}
            self.desk.say(EventKind.MARK, edge.t_ns, self.name, text, data, tell=number < EDGES_SHOWN)
        if (more := len(what.edges) - EDGES_SHOWN) > 0:
            text = f"{more} more changes of its digital inputs, not shown here, are in the recording"
            self.desk.say(EventKind.SYSTEM, now_ns, self.name, text, {"not_shown": more})

    def _outputs_told(self, what: OutputsTold, now_ns: int) -> None:
        text = f"TTL outputs are NOT driven: {what.problem}" if what.problem else "TTL outputs are driven: it answers"
        self.desk.say(EventKind.SYSTEM, now_ns, self.name, text, {"outputs": not what.problem})

    def _driven(self, what: Driven, now_ns: int) -> None:
        level = "high" if what.is_high else "low"
        told = f"not set {level}: {what.why_not}" if what.why_not else f"set {level}"
        data: dict[str, Scalar] = {"output": what.use, "is_high": what.is_high, "sent": not what.why_not}
        self.desk.say(EventKind.SYSTEM, now_ns, self.name, f"TTL output for {what.use} {told}", data)

    def _samples(self, block: SampleBlock, now_ns: int) -> None:
        if not len(block.index):
            return
        finding = self.guard.look(block)
        if finding.new_epoch:
            text = f"Measurement started anew, epoch {block.epoch}"
            self.desk.say(EventKind.SYSTEM, now_ns, self.name, text, {"epoch": block.epoch})
        for gap in finding.gaps:
            self._gap(gap, now_ns)
        findings = {"saturated": finding.saturated, "flat-line": finding.flat, "other-range": finding.other_range}
        for kind, channels in findings.items():
            if channels:
                self.desk.alarms.on(kind, now_ns, self.name, ", ".join(channels))
            else:
                self.desk.alarms.off(kind, self.name)
        try:
            sequence = self.desk.sink.samples(block)
        except RecordingFailed as error:
            self.desk.recording_error = str(error)
            return
        for number, drift in self._drifts.values():  # after the recording: what is not stored starts no infusion either
            drift.add(block.t_ns(), _measured(block, number, finding.flat))
        for number, watched in self.watched:
            watched.look(block.t_ns(), _measured(block, number, finding.flat))
        clear([watched for _, watched in self.watched], self.desk)
        if self.desk.publisher is not None:
            self.desk.publisher.samples(live(block, finding.gaps, finding.new_epoch, sequence))

    def _gap(self, gap: Gap, now_ns: int) -> None:
        self.gaps += 1
        self._last_gap_ns = now_ns
        data = {"epoch": gap.epoch, "first_index": gap.first_index, "count": gap.count, "start_ns": gap.t_ns}
        of_channel = {"channel": gap.channel} if gap.channel else {}
        text = f"{gap.count} samples {f'of {gap.channel} ' if gap.channel else ''}are missing"
        self.desk.say(EventKind.GAP, now_ns, self.name, text, {**data, **of_channel})
        self.desk.alarms.on("samples-missing", now_ns, self.name, f"{gap.count} samples")

    def _parts_told(self, what: PartsTold, now_ns: int) -> None:
        """A channel that gives nothing is an alarm of its own: the stream goes on without it."""
        for channel, why in what.troubles.items():
            if self._troubles.get(channel) != why:
                self.desk.say(EventKind.CONNECTION, now_ns, self.name, f"{channel}: {why}", {"channel": channel})
        for channel in self._troubles.keys() - what.troubles.keys():
            text = f"{channel}: samples again"
            self.desk.say(EventKind.CONNECTION, now_ns, self.name, text, {"channel": channel})
        self._troubles = dict(what.troubles)
        if what.troubles:
            detail = "; ".join(f"{channel}: {why}" for channel, why in what.troubles.items())
            self.desk.alarms.on("channel-lost", now_ns, self.name, detail)
        else:
            self.desk.alarms.off("channel-lost", self.name)

    def _failed(self, what: Failed, now_ns: int) -> None:
        self.desk.say(EventKind.SYSTEM, now_ns, self.name, f"Not done: {what.error}")
        if isinstance(what.request, StartSampling):
            self.desk.alarms.on("sensor-error", now_ns, self.name, what.error)
        elif self.link == "connecting":
            self.desk.alarms.on("not-connected", now_ns, self.name, what.error)

    def _lost(self, what: Lost, now_ns: int) -> None:
        self.link = "lost"
        self.desk.say(EventKind.CONNECTION, now_ns, self.name, f"Lost: {what.why}")
        self.desk.alarms.off("sensor-silent", self.name)
        self.desk.alarms.on("sensor-lost", now_ns, self.name, what.why)

    def _closed(self, what: Closed, now_ns: int) -> None:
        self.closed = what
        text = "Port closed, cell off" if what.safe else f"Port closed, cell NOT CONFIRMED OFF: {what.why}"
        if not what.safe:
            self.desk.alarms.on("cell-not-off", now_ns, self.name, what.why)
        self.desk.say(EventKind.CONNECTION, now_ns, self.name, text, {"safe": what.safe})

    def _crashed(self, what: Crashed, now_ns: int) -> None:
        last_line = what.trace.strip().splitlines()[-1]
        self.desk.alarms.on("program-defect", now_ns, self.name, f"in the lane of {self.name}: {last_line}")
        self.desk.say(EventKind.SYSTEM, now_ns, self.name, what.trace)


def _measured(block: SampleBlock, number: int, flat: tuple[str, ...]) -> NDArray[np.float64]:
    """Return one channel's currents, NaN where nothing is measured: a railed input or a loose wire looks steady."""
    loose = block.channels[number] in flat
    return np.where((block.flags[:, number] & SampleFlag.OVERLOAD != 0) | loose, np.nan, block.current_a[:, number])


def live(block: SampleBlock, gaps: tuple[Gap, ...], new_epoch: bool, sequence: int) -> ChannelSamples:
    """Return a block for the screen: NaN where samples are missing and where the measurement began anew."""
    t_ns, current_a = block.t_ns(), block.current_a
    of_all = [gap for gap in gaps if gap.epoch == block.epoch and not gap.channel]
    breaks = {int(np.searchsorted(block.index, gap.first_index)) for gap in of_all}
    if new_epoch:
        breaks.add(0)
    if breaks:
        where = sorted(breaks)
        t_ns = np.insert(t_ns, where, [t_ns[at] - 1 for at in where])
        current_a = np.insert(current_a, where, np.nan, axis=0)
    return ChannelSamples(
        instrument=block.instrument,
        channels=block.channels,
        journal_sequence=sequence,
        t_ns=tuple(t_ns.tolist()),
        current_a=tuple(tuple(column) for column in current_a.T.tolist()),
    )
