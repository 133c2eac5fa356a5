"""One potentiostat's lane: start sampling, read blocks, find it again when the line was lost, switch the cell off.

Knows how one potentiostat is kept sampling. Unlike a pump it is started again by itself after a loss: an unrecorded
minute cannot be had back, and the potential it applies is the one that the session runs at anyway. Each start is a
new epoch, so nothing is renumbered over a gap. Does not know what the samples mean.
"""

from __future__ import annotations

from acquisition.engine.lane_messages import (
    Close,
    Connect,
    Drive,
    Edges,
    FactsTold,
    Failed,
    PartsTold,
    Request,
    Samples,
    SamplingStarted,
    StartSampling,
)
from acquisition.engine.lanes import BaseLane, Post
from acquisition.engine.outputs import OutputLane
from acquisition.plan import PotentiostatSetup
from drivers.capabilities import Described, DigitalInputs, DigitalOutputs, InParts, Polled, Potentiostat
from drivers.clock import NS_PER_S, Clock
from drivers.errors import DriverError, PortError, ReplyTimeout

READ_PERIOD_NS = NS_PER_S // 10
"""How often a threaded host reads; lockstep reads larger blocks."""
RESTART_AFTER_NS = 10 * NS_PER_S
"""Silence after which the measurement is started anew [P]: a device that lost power says nothing any more."""
RETRY_START_NS = 2 * NS_PER_S
"""Pause before sampling is started again after an error [P]."""


class PotentiostatLane(BaseLane):
    """Keeps one potentiostat sampling from StartSampling to Close."""

    def __init__(
        self,
        setup: PotentiostatSetup,
        device: Potentiostat,
        clock: Clock,
        post: Post,
        *,
        read_period_ns: int = READ_PERIOD_NS,
        restart_after_ns: int = RESTART_AFTER_NS,
    ) -> None:
        super().__init__(setup, device, clock, post)
        self.setup = setup
        self._potentiostat = device
        # what it can do beside sampling; asked once, because asking is slow
        self._described = device if isinstance(device, Described) else None
        self._polled = device if isinstance(device, Polled) else None
        self._in_parts = device if isinstance(device, InParts) else None
        self._inputs = device if isinstance(device, DigitalInputs) else None
        has_outputs = isinstance(device, DigitalOutputs) and bool(device.output_uses())
        self.outputs = OutputLane(device, self.report) if isinstance(device, DigitalOutputs) and has_outputs else None
        self._read_period_ns = read_period_ns
        self._restart_after_ns = restart_after_ns
        self._wanted_sampling: StartSampling | None = None
        self._sampling = False
        self._may_still_run = False
        """An error left open what the device does: it is stopped before it is started again."""
        self._heard_ns = 0
        self._next_start_ns = 0
        self._next_read_ns = 0
        self._last_start_failure = ""
        self._troubles: dict[str, str] = {}

    def next_due_ns(self) -> int | None:
        if self.closed:
            return None
        if self._inbox:
            return 0
        if not self.connected:
            return self._connect_due_ns()
        if self._sampling:
            pulse_ns = self.outputs.next_due_ns() if self.outputs is not None else None
            return self._next_read_ns if pulse_ns is None else min(self._next_read_ns, pulse_ns)
        return self._next_start_ns if self._wanted_sampling is not None else None

    def next_is_long(self) -> bool:
        return bool(self._inbox) or not self._sampling

    def _work(self, now_ns: int) -> None:
        due_ns = self.next_due_ns()
        if self._inbox:
            self._carry_out(self._inbox.popleft(), now_ns)
        elif due_ns is None or now_ns < due_ns:
            return
        elif not self.connected:
            self._try_connect(now_ns)
        elif self._sampling:
            self._read(now_ns)
        else:
            self._start()

    def _make_safe(self) -> None:
        """After a defect in here: close the port and begin anew. The cell stays as it is: it harms nobody."""
        self._sampling = False
        self._lost(PortError(f"{self.name}: closed after a defect of the program"))

    def _carry_out(self, request: Request, now_ns: int) -> None:
        if isinstance(request, Connect):
            self._wanted = True
            self._try_connect(now_ns)
        elif isinstance(request, StartSampling):
            self._wanted_sampling = request
            self._next_start_ns = now_ns
        elif isinstance(request, Drive):
            self._drive(request, now_ns)
        elif isinstance(request, Close):
            self._shut_down()

    def _drive(self, request: Drive, now_ns: int) -> None:
        if self.outputs is None:
            return
        self.outputs.ask(request, now_ns)
        if self._sampling:
            self._tick_outputs(now_ns)

    def _tick_outputs(self, now_ns: int) -> None:
        if self.outputs is None:
            return
        try:
            self.outputs.tick(now_ns)
        except DriverError as error:
            self._trouble(error)

    def _start(self) -> None:
        if self._wanted_sampling is None:
            return
        try:
            if self._may_still_run:
                self._potentiostat.stop()
            settings = self._potentiostat.start(self._wanted_sampling.settings)
        except DriverError as error:
            self._trouble(error)
            return
        self._sampling, self._may_still_run = True, False
        self._last_start_failure = ""
        self._next_read_ns = self._heard_ns = self._clock.now_ns()
        self.report(SamplingStarted(settings))
        if self.outputs is not None:
            self.outputs.began()
        if self._described is not None:
            self.report(FactsTold(dict(self._described.facts())))

    def _read(self, now_ns: int) -> None:
        try:
            blocks = self._potentiostat.read(0.0)
        except DriverError as error:
            self._trouble(error)
            return
        self._next_read_ns = now_ns + self._read_period_ns
        if self._polled is not None:
            self._next_read_ns = min(self._next_read_ns, self._polled.next_read_ns())
        if blocks:
            self._heard_ns = now_ns
        elif now_ns - self._heard_ns > self._restart_after_ns:
            self._trouble(ReplyTimeout(f"{self.name}: it sends nothing; the measurement is started anew"))
        for block in blocks:
            self.report(Samples(block))
        self._report_edges()
        self._report_parts()
        self._tick_outputs(now_ns)

    def _report_parts(self) -> None:
        if self._in_parts is None:
            return
        troubles = dict(self._in_parts.troubles())
        if troubles != self._troubles:
            self._troubles = troubles
            self.report(PartsTold(troubles))

    def _report_edges(self) -> None:
        if self._inputs is not None and (edges := self._inputs.edges()):
            self.report(Edges(tuple(edges)))

    def _trouble(self, error: DriverError) -> None:
        """Report an error (the same one once) and arrange for a new start, on a new line if this one is gone."""
        self._report_edges()  # what changed before it went wrong has happened
        self._sampling, self._may_still_run = False, True
        self._next_start_ns = self._clock.now_ns() + RETRY_START_NS
        if isinstance(error, PortError):
            self._lost(error)
        elif str(error) != self._last_start_failure and self._wanted_sampling is not None:
            self._last_start_failure = str(error)
            self.report(Failed(self._wanted_sampling, str(error), type(error).__name__))

    def _shut_down(self) -> None:
        """Switch the cell off, see it confirmed, release the port."""
        started, self._sampling, self._wanted_sampling = self._wanted_sampling is not None, False, None
        if not self.connected:
            self._close_port(safe=not started, why="the line is lost" if started else "")
            return
        try:
            if started:
                self._potentiostat.stop()
        except DriverError as error:
            self._close_port(safe=False, why=str(error))
        else:
            self._close_port(safe=True)
