"""The driver ``replay``: a recorded session plays a potentiostat, its samples at the distances they were recorded at.

Knows journals and the contract of a potentiostat, and joins the two: currents, flags, gaps and epochs are those of
the recording, only the time is the present one. Opens no port, applies no potential, and says REPLAY in its name, so
that it passes for no instrument. Lives here and not in ``drivers``, which may not know what a recording is; it is
found by name like any other driver.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np

from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.reader import JournalReader
from acquisition.recording.records import SessionHeader, StreamSpec
from drivers.capabilities import (
    AmperometrySettings,
    DriverOptions,
    ElectrodeSettings,
    Identity,
    OptionValue,
    SampleBlock,
    SampleFlag,
)
from drivers.clock import NS_PER_S, Clock
from drivers.errors import DeviceRefused, NotEncodable, PortError, PortLost, PortMissing
from drivers.replay import is_replay_url, replay_path
from drivers.text import printable
from drivers.transport import TransportOpener

OPTIONS: Final = {"instrument": "which potentiostat of the recording; may be left out where it has only one"}
_SLICE_NS = NS_PER_S // 50
_FAR_NS = 1 << 61
"""73 years: no time in a recording is so far off, and sums of such times do not overflow."""
_EPOCHS_OVERLAP_NS = 10 * NS_PER_S
"""The time of each epoch is fitted anew, so that a new one may seem to begin a little before the last has ended."""
_SAME = 1e-6
"""Relative difference between settings of the rig and of the recording that is rounding."""


@dataclass
class _Recording:
    """A session's stream, read as it is needed: hours of samples never lie in memory at once."""

    path: Path
    header: SessionHeader
    spec: StreamSpec
    reader: JournalReader
    blocks: Iterator[SampleBlock]


class ReplayPotentiostat:
    """A potentiostat made of a recording. One ``start`` begins; a second one goes on, as a new epoch."""

    def __init__(self, url: str, clock: Clock, options: DriverOptions) -> None:
        self._url = url
        self._clock = clock
        self._options = options
        self._recording: _Recording | None = None
        self._shift_ns: int | None = None
        """What is added to recorded times; None before the first start."""
        self._next: SampleBlock | None = None
        self._last_t_ns, self._last_epoch = -_FAR_NS, -1
        self._restarts = 0
        self._columns: list[int] = []
        self._channels: tuple[str, ...] = ()
        self._running = False

    def connect(self) -> Identity:
        recording = self._recording or self._open()
        self._recording = recording
        if self._over:
            raise PortMissing("REPLAY: the recording is over", port=self._url)
        return Identity(
            family="replay",
            model=f"REPLAY of {recording.spec.instrument}",
            firmware=printable(recording.header.software),
            serial_number=printable(recording.header.session_id),
        )

    def checked(self, settings: AmperometrySettings) -> AmperometrySettings:
        try:
            spec = (self._recording or self._open()).spec
        except PortError as error:
            raise NotEncodable(error.message, port=self._url) from error
        for what, wanted, recorded in (
            ("interval", settings.interval_s, spec.interval_s),
            ("potential", settings.potential_v, spec.potential_v),
        ):
            if abs(wanted - recorded) > _SAME * abs(recorded):
                unit = "s" if what == "interval" else "V"
                raise NotEncodable(f"the recording was made with {what} = {recorded:g} {unit}, not {wanted:g} {unit}")
        return replace(settings, electrodes=tuple(_as_recorded(electrode, spec) for electrode in settings.electrodes))

    def start(self, settings: AmperometrySettings) -> AmperometrySettings:
        settings = self.checked(settings)
        recording = self._recording
        if recording is None:
            raise DeviceRefused("REPLAY: connect comes before start", port=self._url)
        self._columns = [recording.spec.channels.index(electrode.electrode) for electrode in settings.electrodes]
        self._channels = tuple(electrode.channel for electrode in settings.electrodes)
        now_ns = self._clock.now_ns()
        if self._shift_ns is None:
            first = self._look(recording)
            self._shift_ns = 0 if first is None else now_ns - int(first.t_ns()[0])
        elif not self._running:
            self._restarts += 1
            while (block := self._look(recording)) is not None and block.received_ns + self._shift_ns <= now_ns:
                self._next = None  # what was measured while this one was off
        self._running = True
        return settings

    def read(self, timeout_s: float) -> list[SampleBlock]:
        recording, shift_ns = self._recording, self._shift_ns
        if recording is None or shift_ns is None or not self._running:
            raise DeviceRefused("REPLAY: not started", port=self._url)
        deadline_ns = self._clock.now_ns() + max(round(timeout_s * NS_PER_S), 0)
        while True:
            now_ns = self._clock.now_ns()
            due: list[SampleBlock] = []
            while (block := self._look(recording)) is not None and block.received_ns + shift_ns <= now_ns:
                due.append(self._now(block, shift_ns))
                self._next = None
            if due or (block is not None and now_ns >= deadline_ns):
                return due
            if block is None:
                self._running = False
                raise PortLost(f"REPLAY: the recording is over {recording.reader.problem}".rstrip(), port=self._url)
            if self._options.abort():
                return []
            self._clock.sleep_until_ns(min(deadline_ns, block.received_ns + shift_ns, now_ns + _SLICE_NS))

    def stop(self) -> None:
        self._running = False

    def close(self) -> None:
        self._running = False

    @property
    def _over(self) -> bool:
        return self._shift_ns is not None and self._recording is not None and self._look(self._recording) is None

    def _look(self, recording: _Recording) -> SampleBlock | None:
        """Return the next block without taking it; None at the end. Raises PortLost where it cannot be true."""
        if self._next is None:
            block = next(recording.blocks, None)
            if block is not None and not self._is_possible(block):
                recording.blocks = iter(())
                raise PortLost("REPLAY: the recording is damaged: samples that no instrument gives", port=self._url)
            self._next = block
        return self._next

    def _is_possible(self, block: SampleBlock) -> bool:
        """Tell whether an instrument could have given this: a recording from others is data that may be anything."""
        first, last = int(block.index[0]), int(block.index[-1])
        begin_ns, end_ns = block.t0_ns + first * block.interval_ns, block.t0_ns + last * block.interval_ns
        missing = np.isnan(block.current_a) & ~(block.flags & SampleFlag.NOT_A_NUMBER).astype(bool)
        overlap_ns = 0 if block.epoch == self._last_epoch else _EPOCHS_OVERLAP_NS
        good = (
            block.interval_ns > 0
            and first >= 0
            and bool((np.diff(block.index) > 0).all())
            and last * block.interval_ns < _FAR_NS
            and self._last_t_ns - overlap_ns < begin_ns
            and max(end_ns, abs(block.t0_ns), abs(block.received_ns)) < _FAR_NS
            and not missing.any()
        )
        self._last_t_ns, self._last_epoch = end_ns, block.epoch
        return good

    def _now(self, block: SampleBlock, shift_ns: int) -> SampleBlock:
        return SampleBlock(
            instrument=self._options.instrument,
            epoch=block.epoch + self._restarts,
            t0_ns=block.t0_ns + shift_ns,
            interval_ns=block.interval_ns,
            channels=self._channels,
            index=block.index,
            current_a=block.current_a[:, self._columns],
            flags=block.flags[:, self._columns],
            received_ns=block.received_ns + shift_ns,
        )

    def _open(self) -> _Recording:
        if not is_replay_url(self._url):
            raise PortMissing('the driver "replay" plays recorded sessions: write replay://FOLDER', port=self._url)
        try:
            path = replay_path(self._url)
            reader = JournalReader(path if path.name == JOURNAL_NAME else path / JOURNAL_NAME)
            bodies = (record.body for record in reader.tail())
            next(bodies, None)
        except (ValueError, OSError) as error:
            raise PortMissing(f"there is no recorded session: {printable(str(error), 200)}", port=self._url) from error
        if reader.header is None:
            why = reader.problem or "it is empty"
            raise PortMissing(f"this is no session journal: {printable(why, 200)}", port=self._url)
        spec = self._stream(reader.header)
        blocks = (
            body
            for body in bodies
            if isinstance(body, SampleBlock) and body.instrument == spec.instrument and len(body.index)
        )
        return _Recording(path, reader.header, spec, reader, blocks)

    def _stream(self, header: SessionHeader) -> StreamSpec:
        wanted = self._options.settings.get("instrument")
        found = [spec for spec in header.streams if wanted in (None, spec.instrument)]
        if len(found) == 1:
            return found[0]
        there = ", ".join(spec.instrument for spec in header.streams) or "none"
        raise PortMissing(
            f'say which potentiostat of the recording: options = {{ instrument = "..." }}; it has: {there}',
            port=self._url,
        )


def _as_recorded(electrode: ElectrodeSettings, spec: StreamSpec) -> ElectrodeSettings:
    if electrode.electrode not in spec.channels:
        raise NotEncodable(
            f'the recording has no channel "{printable(electrode.electrode)}"; write electrode = one of '
            f"{', '.join(spec.channels)}"
        )
    range_a = spec.range_a[spec.channels.index(electrode.electrode)]
    if electrode.range_a > range_a * (1 + _SAME):
        raise NotEncodable(f"{electrode.electrode} was recorded with a range of {range_a:g} A")
    return replace(electrode, range_a=range_a)


@dataclass(frozen=True)
class ReplayFactory:
    """Builds the driver; its electrodes are the channels of the recording, which ``checked`` knows."""

    kind: Literal["potentiostat"] = "potentiostat"
    electrodes: tuple[str, ...] = ()
    options: dict[str, OptionValue] = field(default_factory=lambda: dict(OPTIONS))

    def __call__(self, opener: TransportOpener, url: str, clock: Clock, options: DriverOptions) -> ReplayPotentiostat:
        """Return a potentiostat that plays ``url``. Opens nothing until ``connect`` or ``checked``."""
        del opener  # a recording has no line
        return ReplayPotentiostat(url, clock, options)


build = ReplayFactory()
