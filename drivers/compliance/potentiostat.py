"""What every potentiostat driver must do, whatever it speaks. Subclass and return a set-up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Protocol

import numpy as np

from drivers.capabilities import AmperometrySettings, DigitalOutputs, Potentiostat, SampleBlock
from drivers.clock import NS_PER_S, Clock
from drivers.compliance.checks import check, refuses
from drivers.errors import DeviceRefused, DriverError, NotEncodable, PortLost


class PotentiostatSetUp(Protocol):
    """A potentiostat, just switched on, with known currents at its electrodes."""

    @property
    def clock(self) -> Clock:
        """Return the clock of the driver and the instrument."""
        ...

    def driver(self) -> Potentiostat:
        """Return a new driver of the same instrument; the one before was closed."""
        ...

    def settings(self) -> AmperometrySettings:
        """Return settings the instrument can do, with an interval of 0.05 to 0.5 s."""
        ...

    def current_a(self, channel: int) -> float:
        """Return the constant true current of a channel (in the order of the settings); below its range."""
        ...

    def cell_on(self) -> bool:
        """Tell whether the cell is really on."""
        ...

    def sent(self) -> int:
        """Return how many bytes were sent to the instrument."""
        ...

    def unplug(self) -> None:
        """Pull the cable."""
        ...

    def plug(self) -> None:
        """Put the cable back."""
        ...


class PotentiostatCompliance(ABC):
    """The suite."""

    @abstractmethod
    def set_up(self) -> PotentiostatSetUp:
        """Return a fresh set-up; called once per test."""

    def _measuring(self) -> tuple[PotentiostatSetUp, Potentiostat]:
        bench = self.set_up()
        instrument = bench.driver()
        instrument.connect()
        instrument.start(bench.settings())
        return bench, instrument

    @staticmethod
    def _read_for(bench: PotentiostatSetUp, instrument: Potentiostat, seconds: float) -> list[SampleBlock]:
        end_ns = bench.clock.now_ns() + round(seconds * NS_PER_S)
        blocks: list[SampleBlock] = []
        while bench.clock.now_ns() < end_ns:
            blocks += instrument.read(0.2)
        return blocks

    def test_says_who_it_is_and_says_the_same_again(self) -> None:
        bench = self.set_up()
        instrument = bench.driver()
        check(instrument.connect() == instrument.connect(), "identity differs from one connect to the next")
        check(not bench.cell_on(), "connecting switched the cell on")

    def test_settings_in_force_are_the_checked_ones_and_hold_the_range(self) -> None:
        bench = self.set_up()
        instrument = bench.driver()
        instrument.connect()
        checked = instrument.checked(bench.settings())
        check(instrument.checked(checked) == checked, "checking twice changes the settings")
        check(instrument.start(bench.settings()) == checked, "start uses other settings than checked() foretold")
        for asked, used in zip(bench.settings().electrodes, checked.electrodes, strict=True):
            check(used.range_a >= asked.range_a, "the range was made smaller")

    def test_impossible_settings_are_refused_before_anything_is_sent(self) -> None:
        bench = self.set_up()
        instrument = bench.driver()
        instrument.connect()
        good = bench.settings()
        sent = bench.sent()
        wide = tuple(replace(electrode, range_a=1e3) for electrode in good.electrodes)
        for bad in (
            replace(good, potential_v=100.0),
            replace(good, potential_v=float("nan")),
            replace(good, interval_s=0.0),
            replace(good, interval_s=float("nan")),
            replace(good, electrodes=()),
            replace(good, electrodes=wide),
        ):
            refuses(NotEncodable, lambda bad=bad: instrument.start(bad))  # type: ignore[misc]
        check(bench.sent() == sent, "bytes were sent for impossible settings")

    def test_samples_come_without_holes_with_the_true_current(self) -> None:
        bench, instrument = self._measuring()
        check(bench.cell_on(), "the cell is off while measuring")
        blocks = self._read_for(bench, instrument, 30.0)
        index = np.concatenate([block.index for block in blocks])
        current_a = np.concatenate([block.current_a for block in blocks])
        expected = round(30.0 / bench.settings().interval_s)
        check(abs(index.size - expected) <= 3, f"{index.size} samples instead of {expected}")
        check(bool(np.all(np.diff(index) == 1)), "the index has holes, and nothing was lost")
        check(len({block.epoch for block in blocks}) == 1, "one measurement is one epoch")
        for channel, electrode in enumerate(instrument.checked(bench.settings()).electrodes):
            off = np.abs(current_a[:, channel] - bench.current_a(channel))
            check(float(off.max()) <= 1e-3 * electrode.range_a, f"wrong current on {electrode.channel}")
        check(
            all(block.channels == tuple(e.channel for e in bench.settings().electrodes) for block in blocks), "channels"
        )

    def test_sample_times_are_those_of_the_host(self) -> None:
        bench, instrument = self._measuring()
        for block in self._read_for(bench, instrument, 10.0):
            age_s = (block.received_ns - int(block.t_ns()[-1])) / NS_PER_S
            check(-0.1 <= age_s <= 0.5, f"a sample is {age_s} s old when it arrives")

    def test_outputs_that_are_driven_cost_no_sample_and_an_unknown_one_is_refused(self) -> None:
        bench, instrument = self._measuring()
        if not isinstance(instrument, DigitalOutputs) or not instrument.output_uses():
            return
        use = next(iter(instrument.output_uses()))
        if instrument.outputs_problem() is None:
            refuses(DeviceRefused, lambda: instrument.drive(use, is_high=True))
        blocks = self._read_for(bench, instrument, 5.0)
        check(instrument.outputs_problem() is not None, "it is not known after 5 s whether outputs can be driven")
        for is_high in (True, False) * 5:
            if instrument.outputs_problem() == "":
                instrument.drive(use, is_high=is_high)
            blocks += self._read_for(bench, instrument, 0.5)
        index = np.concatenate([block.index for block in blocks])
        check(bool(np.all(np.diff(index) == 1)), "the index has holes")
        check(len({block.epoch for block in blocks}) == 1, "the measurement began anew")

    def test_read_waits_no_longer_than_asked(self) -> None:
        bench, instrument = self._measuring()
        before_ns = bench.clock.now_ns()
        instrument.read(0.0)
        check(bench.clock.now_ns() - before_ns <= NS_PER_S // 20, "read(0) waited")

    def test_stop_switches_the_cell_off_and_may_be_repeated(self) -> None:
        bench, instrument = self._measuring()
        self._read_for(bench, instrument, 2.0)
        instrument.stop()
        check(not bench.cell_on(), "the cell is on after a confirmed stop")
        instrument.stop()
        refuses(DriverError, lambda: instrument.read(0.1))

    def test_a_new_driver_can_stop_what_an_old_one_left_running(self) -> None:
        bench, first = self._measuring()
        first.close()
        check(bench.cell_on(), "closing changed something")
        bench.driver().stop()
        check(not bench.cell_on(), "the cell is still on")

    def test_a_new_start_is_a_new_epoch(self) -> None:
        bench, instrument = self._measuring()
        first = self._read_for(bench, instrument, 2.0)
        instrument.stop()
        instrument.start(bench.settings())
        second = self._read_for(bench, instrument, 2.0)
        check(second[0].epoch > first[-1].epoch, "the epoch did not rise")
        check(int(second[0].index[0]) <= 1, "the index did not begin again")

    def test_R40_a_pulled_cable_is_noticed_within_a_second(self) -> None:
        bench, instrument = self._measuring()
        self._read_for(bench, instrument, 2.0)
        bench.unplug()
        before_ns = bench.clock.now_ns()
        refuses(PortLost, lambda: self._read_for(bench, instrument, 5.0))
        check(bench.clock.now_ns() - before_ns <= NS_PER_S, "noticed later than after 1 s")
        bench.plug()
        refuses(PortLost, lambda: instrument.start(bench.settings()))
        instrument.connect()
        instrument.start(bench.settings())
        check(self._read_for(bench, instrument, 2.0), "no samples after reconnecting")

    def test_starting_before_connecting_is_refused(self) -> None:
        bench = self.set_up()
        refuses(PortLost, lambda: bench.driver().start(bench.settings()))
