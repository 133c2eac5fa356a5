"""Hours of a measurement on virtual time, and the account that every one of its samples must pass.

For tests of any potentiostat: a cell whose current tells when it was measured, a line that damages a known sample now
and then, and an account of what came out. Knows sample blocks and time. Does not know how a family writes a sample:
its test says where one ends.

    cell = TellingCell(full_scale_a=50e-9)          # instead of a ConstantCell
    line = FirmwareLine(firmware(cell))             # connect, start as usual
    line.from_device = damage = Damage(lines)       # optional: ``lines`` cuts what the device says into samples
    account = run(driver, line.clock, hours=12, cell=cell)
    account.check_complete(line.clock.now_ns(), damage.ordinals)
    account.check_times(tolerance_s=0.01)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drivers.capabilities import Polled, Potentiostat, SampleBlock
from drivers.clock import NS_PER_S, VirtualClock
from tests.drivers.kit import ConstantCell

PERIOD_S = 100.0
"""Of the saw-tooth: a sample that is misplaced by less is noticed."""
_PERIOD_NS = round(PERIOD_S * NS_PER_S)


@dataclass
class TellingCell(ConstantCell):
    """Electrodes whose current is a saw-tooth in time: a sample's value tells when it was really measured.

    Use a ``full_scale_a`` of 0.8 of the range at most. The step of the converter sets how well a time can be told:
    ``PERIOD_S * step_a / full_scale_a``.
    """

    full_scale_a: float = 50e-9
    blur_s: float = 0.0
    """Over how long the instrument averages: so near the jump of the saw-tooth, a value tells no time."""
    _slope_a_per_ns: float = field(init=False)

    def __post_init__(self) -> None:
        self._slope_a_per_ns = self.full_scale_a / _PERIOD_NS

    def current_a(self, electrode: int, t_ns: int, over_ns: int = 100_000_000) -> float:
        return t_ns % _PERIOD_NS * self._slope_a_per_ns

    def lateness_s(self, current_a: NDArray[np.float64], t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how much later than ``t_ns`` each of these currents was really measured."""
        phase_ns = t_ns % _PERIOD_NS
        off_ns = current_a / self._slope_a_per_ns - phase_ns
        blur_ns = self.blur_s * NS_PER_S
        off_ns[(phase_ns < blur_ns) | (phase_ns > _PERIOD_NS - blur_ns)] = 0
        off_ns = (off_ns + _PERIOD_NS / 2) % _PERIOD_NS - _PERIOD_NS / 2
        return np.asarray(off_ns / NS_PER_S)


@dataclass
class Account:
    """What came out of a run, kept as it goes: hours cost no memory."""

    cell: TellingCell | None = None
    count: int = 0
    epochs: list[int] = field(default_factory=list)
    missing: list[tuple[int, int]] = field(default_factory=list)
    """(epoch, index) of each sample that was skipped."""
    flagged: int = 0
    earliest_s: float = np.inf
    latest_s: float = -np.inf
    """How much later than its time a sample without flags was really measured: the extremes."""
    last: SampleBlock | None = None

    def take(self, block: SampleBlock) -> None:
        """Enter a block; fails if it contradicts the ones before."""
        last = self.last
        if last is None or block.epoch != last.epoch:
            assert not self.epochs or block.epoch > self.epochs[-1], "the epoch went back"
            self.epochs.append(block.epoch)
            following = 0
        else:
            assert (block.t0_ns, block.interval_ns) == (last.t0_ns, last.interval_ns), "the time base of an epoch moved"
            assert block.channels == last.channels
            assert block.received_ns >= last.received_ns
            following = int(last.index[-1]) + 1
        assert block.index.size, "an empty block"
        self._follow(block, following)
        self.count += block.index.size
        flagged = int(np.count_nonzero(block.flags))
        self.flagged += flagged
        if self.cell is not None and flagged < block.index.size:
            good = block.flags[:, 0] == 0
            lateness_s = self.cell.lateness_s(block.current_a[good, 0], block.t_ns()[good])
            self.earliest_s = min(self.earliest_s, float(lateness_s.min()))
            self.latest_s = max(self.latest_s, float(lateness_s.max()))
        self.last = block

    def _follow(self, block: SampleBlock, following: int) -> None:
        first, last = int(block.index[0]), int(block.index[-1])
        assert first >= following, "the index does not rise"
        self.missing += [(block.epoch, index) for index in range(following, first)]
        if last - first == block.index.size - 1 and block.index.size <= 2:
            return  # one sample at a time, as from a polled instrument: hours of them must not cost more than they need
        steps = np.diff(block.index)
        assert np.all(steps >= 1), "the index does not rise"
        for at in np.flatnonzero(steps > 1):
            before, after = block.index[at : at + 2].tolist()
            self.missing += [(block.epoch, index) for index in range(before + 1, after)]

    def check_times(self, tolerance_s: float, delay_s: float = 0.0) -> None:
        """Every sample was measured when its time says, give or take; ``delay_s`` is a delay that the driver states."""
        assert self.cell is not None, "give the account the cell"
        off_s = (self.earliest_s - delay_s, self.latest_s - delay_s)
        assert -tolerance_s <= off_s[0] <= off_s[1] <= tolerance_s, f"samples are up to {off_s} s off"

    def check_complete(self, now_ns: int, missing: Iterable[int] = (), in_flight: int = 2) -> None:
        """One epoch up to now (but ``in_flight``), in which exactly these indexes are missing: no gap is invented."""
        assert len(self.epochs) == 1, f"epochs {self.epochs}"
        assert self.last is not None
        end = int(self.last.index[-1])
        due = (now_ns - self.last.t0_ns) // self.last.interval_ns
        assert due - in_flight <= end <= due, f"sample {end} came last, {due} were due"
        assert [index for _epoch, index in self.missing] == [index for index in missing if index <= end]
        assert self.count == end + 1 - len(self.missing)


def run(
    instrument: Potentiostat,
    clock: VirtualClock,
    hours: float,
    *,
    cell: TellingCell | None = None,
    look_every_s: float = 10.0,
) -> Account:
    """Read a started measurement for hours as the engine does, now and then; one that must be polled, when it asks."""
    account = Account(cell)
    end_ns = clock.now_ns() + round(hours * 3600 * NS_PER_S)
    look_ns = round(look_every_s * NS_PER_S)
    polled = instrument if isinstance(instrument, Polled) else None
    while clock.now_ns() < end_ns:
        next_ns = clock.now_ns() + look_ns
        if polled is not None:
            next_ns = min(next_ns, polled.next_read_ns())
        clock.sleep_until_ns(min(next_ns, end_ns))
        for block in instrument.read(0.0):
            account.take(block)
    return account


def lines(data: bytes) -> list[bytes]:
    """Cut what a device says at its newlines, for devices that say one sample a line."""
    return data.splitlines(keepends=True)


@dataclass
class Damage:
    """A ``FirmwareLine`` filter that damages one sample in some ``every``, never two close together, and says which."""

    samples_of: Callable[[bytes], list[bytes]]
    every: int = 1000
    is_sample: Callable[[bytes], bool] = lambda _sample: True
    """What is none passes unharmed and is not counted."""
    seed: int = 7
    ordinals: list[int] = field(default_factory=list)
    """Which samples were damaged, counted from the first that passed."""
    _passed: int = 0
    _next: int = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self._next = self.every // 2

    def __call__(self, data: bytes) -> list[tuple[float, bytes]]:
        samples = self.samples_of(data)
        for at, sample in enumerate(samples):
            if not self.is_sample(sample):
                continue
            if self._passed == self._next:
                samples[at] = self._damaged(sample)
                self.ordinals.append(self._passed)
                self._next += int(self._rng.integers(self.every // 2, self.every * 3 // 2))
            self._passed += 1
        return [(0.0, b"".join(samples))]

    def _damaged(self, sample: bytes) -> bytes:
        """Lose all of it, lose its head, or change one byte; its end stays, so that no other sample is harmed."""
        at = int(self._rng.integers(len(sample) - 1))
        return (b"", sample[at + 1 :], sample[:at] + bytes([sample[at] ^ 0x80]) + sample[at + 1 :])[
            self._rng.integers(3)
        ]
