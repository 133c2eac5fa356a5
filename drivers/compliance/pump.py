"""What every syringe pump driver must do, whatever it speaks. Subclass and return a set-up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Protocol

from drivers.capabilities import Motion, PumpAlarm, PumpProgram, SyringePump
from drivers.clock import NS_PER_S, Clock
from drivers.compliance.checks import check, refuses
from drivers.errors import DeviceRefused, DeviceReset, DriverError, NotEncodable, PortError, PortLost


class PumpSetUp(Protocol):
    """A pump, just switched on, and the means to watch and to disturb it."""

    @property
    def clock(self) -> Clock:
        """Return the clock of the driver and the pump."""
        ...

    def driver(self) -> SyringePump:
        """Return a new driver of the same pump; the one before was closed."""
        ...

    def program(self) -> PumpProgram:
        """Return an infusion that the pump can do, lasting 10 to 100 s."""
        ...

    def moved_ul(self) -> float:
        """Return the true volume pushed out since switched on."""
        ...

    def sent(self) -> int:
        """Return how many bytes were sent to the pump."""
        ...

    def power_cycle(self) -> None:
        """Take the pump's power away and give it back."""
        ...

    def unplug(self) -> None:
        """Pull the cable; ``plug`` puts it back."""
        ...

    def plug(self) -> None:
        """Put the cable back."""
        ...


class PumpCompliance(ABC):
    """The suite."""

    @abstractmethod
    def set_up(self) -> PumpSetUp:
        """Return a fresh set-up; called once per test."""

    def _connected(self) -> tuple[PumpSetUp, SyringePump]:
        bench = self.set_up()
        pump = bench.driver()
        pump.connect()
        return bench, pump

    def _running(self) -> tuple[PumpSetUp, SyringePump]:
        bench, pump = self._connected()
        pump.program(bench.program())
        pump.start()
        return bench, pump

    @staticmethod
    def _pass(bench: PumpSetUp, seconds: float) -> None:
        bench.clock.sleep_until_ns(bench.clock.now_ns() + round(seconds * NS_PER_S))

    def test_says_who_it_is_and_says_the_same_again(self) -> None:
        _bench, pump = self._connected()
        check(pump.connect() == pump.connect(), "identity differs from one connect to the next")

    def test_connecting_moves_nothing(self) -> None:
        bench, pump = self._connected()
        self._pass(bench, 60.0)
        check(bench.moved_ul() == 0.0, "the plunger moved")
        check(pump.status().motion is Motion.STOPPED, "a pump just switched on is stopped")

    def test_connecting_leaves_a_running_pump_running(self) -> None:
        bench, first = self._running()
        first.close()
        second = bench.driver()
        second.connect()
        check(second.status().motion is Motion.INFUSING, "connecting stopped a running pump")

    def test_program_returns_what_the_pump_holds_and_starts_nothing(self) -> None:
        bench, pump = self._connected()
        held = pump.program(bench.program())
        check(held == pump.read_back(), "read back differs from what program returned")
        check(held == pump.quantised(bench.program()), "the pump holds something else than quantised() foretold")
        self._pass(bench, 60.0)
        check(bench.moved_ul() == 0.0, "programming moved the plunger")

    def test_an_infusion_ends_by_itself_at_its_target(self) -> None:
        bench, pump = self._running()
        program = bench.program()
        self._pass(bench, 60.0 * program.target_ul / program.rate_ul_per_min + 5.0)
        status = pump.status()
        check(status.motion.is_still, f"still {status.motion.value} after its target")
        check(
            abs(status.infused_ul - program.target_ul) <= status.counter_step_ul + 1e-9, "counter is not at the target"
        )
        check(abs(bench.moved_ul() - program.target_ul) <= 0.01 * program.target_ul, "true volume is not the target")

    def test_counters_begin_at_zero_again_with_each_program(self) -> None:
        bench, pump = self._running()
        self._pass(bench, 5.0)
        pump.stop()
        pump.program(bench.program())
        status = pump.status()
        check(status.infused_ul == 0.0, "the counter was not cleared")
        check(status.motion is Motion.STOPPED, "not stopped after programming")

    def test_after_a_stop_a_new_program_begins_from_its_start(self) -> None:
        bench, pump = self._running()
        self._pass(bench, 5.0)
        pump.stop()
        before_ul = bench.moved_ul()
        program = bench.program()
        pump.program(program)
        pump.start()
        self._pass(bench, 60.0 * program.target_ul / program.rate_ul_per_min + 5.0)
        check(abs(bench.moved_ul() - before_ul - program.target_ul) <= 0.01 * program.target_ul, "not one whole target")

    def test_R32_programming_a_running_pump_is_refused_and_changes_nothing(self) -> None:
        bench, pump = self._running()
        refuses(DeviceRefused, lambda: pump.program(replace(bench.program(), rate_ul_per_min=1.0)))
        check(pump.status().motion is Motion.INFUSING, "the refused program disturbed the infusion")

    def test_R34_stop_is_confirmed_and_true(self) -> None:
        bench, pump = self._running()
        self._pass(bench, 5.0)
        asked_ns = bench.clock.now_ns()
        status = pump.stop()
        check(status.motion.is_still, "stop returned a moving pump")
        check(status.asked_ns >= asked_ns, "the confirmation was asked for before the stop was sent")
        moved_ul = bench.moved_ul()
        self._pass(bench, 60.0)
        check(bench.moved_ul() == moved_ul, "it moved after a confirmed stop")

    def test_stop_works_before_connect_and_when_stopped_already(self) -> None:
        bench, first = self._running()
        first.close()
        second = bench.driver()
        check(second.stop().motion.is_still, "not stopped")
        check(second.stop().motion.is_still, "not stopped the second time")

    def test_R10_what_cannot_be_held_is_refused_before_anything_is_sent(self) -> None:
        bench, pump = self._connected()
        good = bench.program()
        low, high = pump.rate_limits_ul_per_min(good.diameter_mm)
        sent = bench.sent()
        for wrong in (0.0, -1.0, float("nan"), float("inf")):
            for field in ("diameter_mm", "rate_ul_per_min", "target_ul"):
                bad = replace(good, **{field: wrong})
                refuses(NotEncodable, lambda bad=bad: pump.program(bad))  # type: ignore[misc]
        for rate in (low / 2, high * 2):
            refuses(NotEncodable, lambda rate=rate: pump.program(replace(good, rate_ul_per_min=rate)))  # type: ignore[misc]
        refuses(NotEncodable, lambda: pump.program(replace(good, target_ul=1e-7)))
        check(bench.sent() == sent, "bytes were sent for an impossible program")

    def test_R41_watchdog_stops_a_pump_that_nobody_feeds(self) -> None:
        bench, pump = self._connected()
        if not pump.arm_watchdog(3):
            return
        pump.program(bench.program())
        pump.start()
        for _poll in range(8):
            self._pass(bench, 1.0)
            check(pump.status().motion is Motion.INFUSING, "a fed watchdog stopped the pump")
        moved_ul = bench.moved_ul()
        self._pass(bench, 30.0)
        allowed_ul = bench.program().rate_ul_per_min * 3.6 / 60.0
        check(bench.moved_ul() - moved_ul <= allowed_ul, "an unfed watchdog let the pump run on")
        status = pump.status()
        check(status.motion.is_still, "not stopped")
        check(status.alarm is PumpAlarm.WATCHDOG, "the watchdog's alarm was not reported")
        check(pump.status().alarm is None, "an alarm is reported once")

    def test_watchdog_can_be_switched_off_again(self) -> None:
        bench, pump = self._connected()
        if not pump.arm_watchdog(2):
            return
        pump.disarm_watchdog()
        pump.program(bench.program())
        pump.start()
        self._pass(bench, 8.0)
        check(pump.status().motion is Motion.INFUSING, "a watchdog that was switched off stopped the pump")

    def test_R38_loss_of_power_is_reported_and_nothing_restarts(self) -> None:
        bench, pump = self._running()
        self._pass(bench, 2.0)
        bench.power_cycle()
        moved_ul = bench.moved_ul()
        refuses(DeviceReset, pump.status)
        self._pass(bench, 60.0)
        check(pump.status().motion.is_still, "it runs after a loss of power")
        check(bench.moved_ul() == moved_ul, "it moved after a loss of power")

    def test_R38_loss_of_power_while_unplugged_is_reported_after_reconnecting(self) -> None:
        bench, pump = self._running()
        bench.unplug()
        refuses(PortLost, pump.status)
        bench.power_cycle()
        bench.plug()
        pump.connect()
        refuses(DeviceReset, pump.status)

    def test_R37_R40_after_the_cable_was_pulled_only_connect_and_stop_go_on(self) -> None:
        bench, pump = self._running()
        bench.unplug()
        asked_ns = bench.clock.now_ns()
        refuses(PortLost, pump.status)
        check(bench.clock.now_ns() - asked_ns <= NS_PER_S, "noticed later than after 1 s")
        bench.plug()
        refuses(PortLost, pump.status)
        refuses(PortLost, pump.start)
        check(pump.stop().motion.is_still, "stop must work after the cable is back")
        refuses(PortLost, lambda: pump.program(bench.program()))
        pump.connect()
        pump.program(bench.program())

    def test_an_unplugged_pump_is_not_declared_stopped(self) -> None:
        bench, pump = self._running()
        bench.unplug()
        asked_ns = bench.clock.now_ns()
        error = refuses(DriverError, pump.stop)
        why = (error, error.__cause__)
        check(any(isinstance(e, PortError) for e in why), "it does not say (as the cause) that the line is gone")
        check(bench.clock.now_ns() - asked_ns <= 4 * NS_PER_S, "stop took longer than it may")

    def test_closing_sends_nothing_and_may_be_done_twice(self) -> None:
        bench, pump = self._running()
        sent = bench.sent()
        pump.close()
        pump.close()
        check(bench.sent() == sent, "closing sent something")
        refuses(PortLost, pump.status)
