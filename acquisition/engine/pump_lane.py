"""One pump's lane: STOP before everything, actions once, questions only while they are earned.

Knows the order in which one pump's work is done and what may be repeated. Does not know doses or plans, and decides
nothing: after a lost reply it asks, reports, and leaves the conclusion to the conductor (R36).
"""

from __future__ import annotations

import traceback
from dataclasses import replace

from acquisition.engine.lane_messages import (
    Close,
    Connect,
    Crashed,
    Failed,
    Polled,
    PollFailed,
    Program,
    Programmed,
    ProveWatchdog,
    Run,
    SelfTest,
    SelfTested,
    Sending,
    Started,
    StartUnclear,
    StopConfirmed,
    StopFailed,
    Verified,
    Verify,
    WasReset,
    WatchdogTried,
)
from acquisition.engine.lanes import BaseLane, Post
from acquisition.engine.stop_slot import StopSlot
from acquisition.plan import PumpSetup
from drivers.capabilities import Motion, OnSharedLine, PumpAlarm, PumpProgram, PumpStatus, SyringePump, WireRecord
from drivers.clock import NS_PER_S, Clock
from drivers.errors import (
    DeviceRefused,
    DeviceReset,
    DriverError,
    ExchangeError,
    ForeignTraffic,
    Interrupted,
    NotEncodable,
    PortError,
    WrongInstrument,
)

POLL_PERIOD_NS = NS_PER_S // 2
"""2 Hz, inside the 1 to 4 Hz that the pump reference recommends (pumps.md a.9)."""
RETRY_STOP_NS = NS_PER_S // 4
"""Pause between a STOP that was not confirmed and the next [P]."""

SILENCE_MARGIN_NS = NS_PER_S
"""So much longer than its watchdog waits is a pump left alone to prove it [P]."""

_Action = Program | Run | SelfTest | ProveWatchdog


class PumpLane(BaseLane):
    """Carries out what is asked of one pump. ``grant`` is the earned keep-alive: without it no question is sent."""

    hurried = True

    def __init__(
        self,
        setup: PumpSetup,
        pump: SyringePump,
        slot: StopSlot,
        clock: Clock,
        post: Post,
        *,
        wire: list[WireRecord] | None = None,
        strays: list[bytes] | None = None,
        rest_period_ns: int = POLL_PERIOD_NS,
    ) -> None:
        super().__init__(setup, pump, clock, post, wire=wire, strays=strays)
        self.setup = setup
        self.slot = slot
        self._pump = pump
        self._shared = pump if isinstance(pump, OnSharedLine) else None  # asked once: it is slow
        self._armed_token: int | None = None
        self._must_ask = False
        self._polling = False
        self._next_poll_ns = 0
        self._rest_period_ns = max(POLL_PERIOD_NS, rest_period_ns)
        """Between two questions to a pump that stands still, as it did when it was asked before."""
        self._last_motion: Motion | None = None
        self._granted_until_ns = 0
        self._next_stop_ns = 0
        self._proving: ProveWatchdog | None = None
        self._silent_until_ns = 0

    def grant(self, until_ns: int) -> None:
        """Allow questions until then: each feeds the pump's watchdog (R42). Given by the conductor alone."""
        self._granted_until_ns = max(self._granted_until_ns, until_ns)

    def encodable(self, program: PumpProgram) -> PumpProgram:
        """Return a program as the pump would hold it. Pure, from any thread. Raises NotEncodable."""
        return self._pump.quantised(program)

    def rate_limits_ul_per_min(self, diameter_mm: float) -> tuple[float, float]:
        """Return lowest and highest rate with a syringe. Pure, from any thread. Raises NotEncodable."""
        return self._pump.rate_limits_ul_per_min(diameter_mm)

    def next_due_ns(self) -> int | None:  # noqa: PLR0911 - one return per kind of work, in its order
        if self.closed or self._must_let_others_finish():
            return None
        if self.slot.pending:
            return self._next_stop_ns
        if self._inbox or (self._must_ask and self.connected):
            return 0
        if not self.connected:
            return self._connect_due_ns()
        if self._proving is not None:
            return self._silent_until_ns
        if self._polling and self._next_poll_ns <= self._granted_until_ns:
            return self._next_poll_ns
        return None

    def _must_let_others_finish(self) -> bool:
        return not self.slot.pending and self._shared is not None and self._shared.line_is_taken()

    def _work(self, now_ns: int) -> None:
        if self.slot.pending:
            if now_ns >= self._next_stop_ns:
                self._stop()
            return
        if self._inbox:
            self._carry_out(self._inbox.popleft(), now_ns)
        elif not self.connected:
            due_ns = self._connect_due_ns()
            if due_ns is not None and now_ns >= due_ns:
                self._try_connect(now_ns)
        elif self._proving is not None:
            if now_ns >= self._silent_until_ns:
                self._act(self._proving)
        elif self._must_ask or (self._polling and self._next_poll_ns <= now_ns):
            if self._must_ask or now_ns <= self._granted_until_ns:
                self._poll(now_ns)
            else:
                self._next_poll_ns = max(now_ns, self._granted_until_ns + 1)  # not due again before a new grant

    # ---- STOP -------------------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        """Send STOP until a fresh reply says stopped; everything decided before it is refused (R33, R34)."""
        generation = self.slot.begin()
        confirmed: int | None = None
        try:
            self._armed_token = None  # what still waits in the inbox was decided before: it is refused there
            if self._proving is not None:
                self._refuse(self._proving, "a STOP ended the silence")
                self._proving = None
            status = self._send_stop()
            confirmed = generation
            self._must_ask = False
            self.report(StopConfirmed(generation, status))
        except DriverError as error:
            self._next_stop_ns = self._clock.now_ns() + RETRY_STOP_NS
            gone = next((e for e in (error, error.__cause__) if isinstance(e, PortError)), None)
            if gone is not None:  # a stop that was tried for 3 s says so last of all
                self._lost(gone)
            self.report(StopFailed(generation, str(error)))
        finally:
            self.slot.end(confirmed)

    def _send_stop(self) -> PumpStatus:
        """Stop the pump, finding it again first where the line was lost.

        A port on which another instrument answers gets no byte of ours beyond the question who it is (R19). A port
        that answers nonsense does get the STOP: nothing says that it is not our pump.
        """
        if not self.connected and not self._try_connect(self._clock.now_ns()):
            error = self._connect_error
            if isinstance(error, WrongInstrument | PortError):
                raise error
        return self._pump.stop()

    def _refuse(self, request: _Action, why: str) -> None:
        self.report(Failed(request, f"{self.name}: not sent: {why}", "Overtaken", refused=True))

    def _make_safe(self) -> None:
        """After a defect in here: one attempt at once, and the slot goes on until it is confirmed (R44)."""
        self.slot.request()
        try:
            self._stop()
        except Exception:  # noqa: BLE001 - the defect is in the stop path too: say so, keep the STOP pending
            self._next_stop_ns = self._clock.now_ns() + RETRY_STOP_NS
            self.report(Crashed(traceback.format_exc()[-2000:]))

    # ---- requests ---------------------------------------------------------------------------------------------------

    def _carry_out(self, request: object, now_ns: int) -> None:
        if self._proving is not None:
            self._refuse(self._proving, "something else had to be said to the pump")
            self._proving = None
        if isinstance(request, Connect):
            self._wanted = True
            self._try_connect(now_ns)
        elif isinstance(request, Close):
            self._shut_down()
        elif isinstance(request, _Action) and request.generation != self.slot.generation:
            self._refuse(request, "a STOP came after this was decided")
        elif isinstance(request, _Action | Verify):
            self._act(request)

    def _act(self, request: _Action | Verify) -> None:
        try:
            if not self.connected:
                raise PortError(f"{self.name} is not connected")
            if isinstance(request, SelfTest):
                self._self_test(request)
            elif isinstance(request, ProveWatchdog):
                self._prove_watchdog(request)
            elif isinstance(request, Program):
                self._armed_token = None
                readback = self._pump.program(request.program)
                self._armed_token = request.token
                self.report(Programmed(request.token, readback))
            elif isinstance(request, Verify):
                self.report(Verified(request.token, self._pump.read_back()))
            else:
                self._run(request)
        except DeviceReset as error:
            self._armed_token = None
            self.report(WasReset(str(error)))
            self.report(Failed(request, str(error), "DeviceReset"))
        except DriverError as error:
            self._armed_token = None
            refused = isinstance(error, DeviceRefused | NotEncodable)
            self.report(Failed(request, str(error), type(error).__name__, refused=refused))
            if isinstance(error, PortError):
                self._lost(error)

    def _self_test(self, request: SelfTest) -> None:
        status = self._pump.stop()
        held = self._pump.arm_watchdog(request.watchdog_s) if request.watchdog_s > 0 else False
        self._polling = True
        self._next_poll_ns = self._clock.now_ns()
        self.report(SelfTested(held, status))

    def _prove_watchdog(self, request: ProveWatchdog) -> None:
        """Feed it once more and leave the pump alone; when that is over, ask for its alarm, stop it and arm it anew."""
        over, self._proving = self._proving is request, None
        status = self._pump.status()
        if not over:
            self._proving = request
            self._silent_until_ns = self._clock.now_ns() + request.watchdog_s * NS_PER_S + SILENCE_MARGIN_NS
            return
        expired = status.alarm is PumpAlarm.WATCHDOG
        self._self_test(SelfTest(request.watchdog_s, request.generation))
        self.report(WatchdogTried(expired, replace(status, alarm=None) if expired else status))

    def _run(self, request: Run) -> None:
        """Send RUN once. Its token is spent whatever happens: a second RUN of the same arming never arises (R36).

        A pump that answers no, or with its alarm, has failed to start: it is stopped and not tried again (R29).
        """
        armed, self._armed_token = self._armed_token, None
        if armed != request.token:
            self._refuse(request, "this infusion is not the one that is armed")
            return
        if self._clock.now_ns() > request.until_ns:
            self._refuse(request, "it was decided too long ago, the computer stood still meanwhile")
            return
        self.report(Sending(request.token))
        try:
            status = self._pump.start()
        except (ExchangeError, PortError) as error:
            self._must_ask = True
            self.report(StartUnclear(request.token, str(error), foreign=isinstance(error, ForeignTraffic)))
            if isinstance(error, PortError):
                self._lost(error)
            return
        self._next_poll_ns = self._clock.now_ns() + POLL_PERIOD_NS
        self.report(Started(request.token, status))

    # ---- questions --------------------------------------------------------------------------------------------------

    def _poll(self, now_ns: int) -> None:
        self._must_ask = False  # one question without a grant, after a lost reply to RUN; the next are to be earned
        status: PumpStatus | None = None
        rests = False
        try:
            status = self._pump.status()
        except Interrupted:
            return  # a STOP is pending; the next step sends it
        except DeviceReset as error:
            self._armed_token = None
            self.report(WasReset(str(error)))
        except PortError as error:
            self._lost(error)
        except DriverError as error:
            self.report(PollFailed(str(error), foreign=isinstance(error, ForeignTraffic)))
        else:
            rests = status.motion.is_still and status.motion is self._last_motion and status.alarm is None
            self.report(Polled(status, news=not rests))
        self._last_motion = status.motion if status is not None else None
        period_ns = self._rest_period_ns if rests else POLL_PERIOD_NS
        self._next_poll_ns = max(now_ns + period_ns, self._clock.now_ns())

    def _shut_down(self) -> None:
        """Stop, see it confirmed, switch the watchdog off, release the port."""
        if not self.connected:
            self._close_port(safe=not self._was_connected, why="" if not self._was_connected else "the line is lost")
            return
        try:
            status = self._pump.stop()
            self.report(Polled(status))
            self._pump.disarm_watchdog()
        except Interrupted:
            self._inbox.append(Close())  # a STOP came: it goes first
        except DriverError as error:
            self._close_port(safe=False, why=str(error))
        else:
            self._close_port(safe=True)
