"""Turns the bytes of a running 8401-HR into sample blocks and edges. Pure: bytes and a time in, blocks out.

Knows the way of a packet: cut, placed, averaged, converted. Knows no port.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drivers.capabilities import DigitalEdge, SampleBlock, SampleFlag
from drivers.pinnacle_8401.codec import Command
from drivers.pinnacle_8401.decimator import RAW_PERIOD_NS, Decimator
from drivers.pinnacle_8401.digital import EdgeFinder
from drivers.pinnacle_8401.packets import PacketCutter, controls
from drivers.pinnacle_8401.placement import Placer
from drivers.pinnacle_8401.settings import Programme


@dataclass
class SampleStream:
    """One run of the stream; a new epoch begins in it when the clocks have drifted apart."""

    instrument: str
    programme: Programme
    epoch: int
    heard_ns: int
    """When data last came; at first, when it was started."""
    was_reset: bool = field(default=False, init=False)
    """The instrument said that it restarted: its bias is gone."""
    began: bool = field(default=False, init=False)
    """Data, or the echo of the start, came."""
    garbage: int = field(default=0, init=False)
    """Bytes that were nothing known, since data last came."""
    edges: list[DigitalEdge] = field(default_factory=list, init=False)
    answers: list[int] = field(default_factory=list, init=False)
    """Numbers of other control packets that came among the data."""
    _cutter: PacketCutter = field(default_factory=PacketCutter, init=False)

    def __post_init__(self) -> None:
        self._places = [channel.place for channel in self.programme.channels]
        self._names = tuple(channel.name for channel in self.programme.channels)
        self._finder = EdgeFinder(self.programme.digital)
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self._placer = Placer(RAW_PERIOD_NS)
        self._decimator = Decimator(self.programme.filter, len(self._places))
        self._raw_t0_ns: int | None = None

    def feed(self, data: bytes, received_ns: int) -> list[SampleBlock]:
        """Return what ``data`` completes; ``received_ns`` is when its last byte was read, with nothing left to read."""
        packets, stretches = self._cutter.feed(data)
        for stretch in stretches:
            self._take_controls(stretch)
        if packets.counter.size:
            self.began, self.heard_ns, self.garbage = True, received_ns, 0
        if self._placer.out_of_time:
            self.epoch += 1
            self._begin_epoch()
        index, which = self._placer.place(packets.counter, received_ns)
        if not index.size:
            return []
        out, sums, railed = self._decimator.feed(index, packets.codes[which][:, self._places])
        if self._raw_t0_ns is None and (out.size or self.programme.digital):
            self._placer.settle()
            self._raw_t0_ns = self._placer.begun_ns()
        if self._raw_t0_ns is not None:
            self.edges += self._finder.feed(self._raw_t0_ns + index * RAW_PERIOD_NS, packets.digital[which])
        return [self._block(out, sums, railed, received_ns)] if out.size else []

    def _take_controls(self, stretch: bytes) -> None:
        found, garbage = controls(stretch)
        self.garbage += garbage
        for packet in found:
            if packet.number == Command.STREAM and packet.payload == "01":
                self.began = True
            elif packet.number == Command.RESET:
                self.was_reset = True
            else:
                self.answers.append(packet.number)

    def _block(
        self, out: NDArray[np.int64], sums: NDArray[np.int64], railed: NDArray[np.bool_], received_ns: int
    ) -> SampleBlock:
        if self._raw_t0_ns is None:
            raise AssertionError("a block has a time")
        mean = sums / self.programme.filter.window
        columns = [channel.current_a(mean[:, at]) for at, channel in enumerate(self.programme.channels)]
        return SampleBlock(
            instrument=self.instrument,
            epoch=self.epoch,
            t0_ns=self._raw_t0_ns + self.programme.filter.delay_ns,
            interval_ns=self.programme.filter.every * RAW_PERIOD_NS,
            channels=self._names,
            index=out,
            current_a=np.stack(columns, axis=1),
            flags=np.where(railed, np.uint8(SampleFlag.OVERLOAD), np.uint8(0)).astype(np.uint8),
            received_ns=received_ns,
        )
