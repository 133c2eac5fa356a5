"""The talk with one MethodSCRIPT instrument: lines, idle commands, getting back into step, scripts (2.2 to 2.6).

Knows which line answers which command and how a running script is aborted. Does not know what is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from drivers.capabilities import DriverOptions
from drivers.clock import NS_PER_S, Clock
from drivers.errors import DeviceRefused, GarbledReply, PortLost, ReplyTimeout
from drivers.exchange import BUFFER_MAX, Exchange
from drivers.methodscript import script
from drivers.methodscript.package import decode_error
from drivers.transport import LineSettings, TransportOpener

LINES: Final = (LineSettings(baud=230_400, xon_xoff=True), LineSettings(baud=921_600))
"""EmStat Pico and Sensit; EmStat4, MultiEmStat4 and Nexus (whose USB ignores the baud rate). Tried in this order. An
EmStat4 with firmware up to 1.1 is found at the first: it has no XON/XOFF, but these characters are in no line."""
FLOW_CONTROLS: Final = ("auto", "none", "xon-xoff", "rts-cts")
REPLY_S: Final = 0.5
_SYNC_S = 2.0
_END_S = 0.3  # by then a script of one command has ended
_NOTHING_RUNS = 0x0006
_DEAF_NS = NS_PER_S // 10  # after an error the instrument ignores input for some 50 ms
R = TypeVar("R")
_DROPPED = b"\x11\x13\r"


@dataclass
class LineFramer:
    """Cuts at newlines. Flow-control characters that the system let through, and carriage returns, are dropped."""

    _rest: bytes = field(default=b"", init=False)

    def feed(self, data: bytes, now_ns: int) -> list[bytes]:  # noqa: ARG002 - lines have no inter-byte rule
        """Return whole lines without their newline. A line without end is dropped at 4096 bytes."""
        lines = (self._rest + data.translate(None, _DROPPED)).split(b"\n")
        self._rest = lines.pop()[:BUFFER_MAX]
        return lines

    def reset(self) -> None:
        """Forget an incomplete line."""
        self._rest = b""


@dataclass
class ScriptLink:
    """A line with one instrument on it."""

    opener: TransportOpener
    url: str
    clock: Clock
    options: DriverOptions
    last_settings: LineSettings | None = field(default=None, init=False)
    """With which the line was opened last."""
    _exchange: Exchange[bytes] | None = field(default=None, init=False)

    def candidates(self) -> tuple[LineSettings, ...]:
        """Return the line settings to try: the baud rate that is set, or the usual ones."""
        baud, flow = self.options.baud, self.options.settings.get("flow_control", FLOW_CONTROLS[0])
        wanted = LINES if baud is None else (LineSettings(baud=baud, xon_xoff=baud != LINES[1].baud),)
        if flow == FLOW_CONTROLS[0]:
            return wanted
        return tuple(replace(one, xon_xoff=flow == "xon-xoff", rts_cts=flow == "rts-cts") for one in wanted)

    def open(self, settings: LineSettings) -> None:
        """Open the line anew. Raises PortError."""
        self.close()
        self.last_settings = settings
        transport = self.opener.open(self.url, settings)
        self._exchange = Exchange(
            transport, self.clock, self.options, LineFramer(), is_known_unasked=lambda line: line in (b"", b"*", b"R*")
        )

    @property
    def is_open(self) -> bool:
        """Tell whether the line is open and, as far as known, there."""
        return self._exchange is not None

    def close(self) -> None:
        """Release the line; sends nothing. May be called twice."""
        if self._exchange is not None:
            self._exchange.transport.close()
            self._exchange = None

    def _live(self) -> Exchange[bytes]:
        if self._exchange is None:
            raise PortLost("connect first: this line was not opened, or was lost since", port=self.url)
        return self._exchange

    def ask(self, command: str) -> bytes:
        """Send an idle command and return its answer line. Raises DeviceRefused, ExchangeError, PortLost."""
        starts = (command.encode("ascii"), command[:1].encode("ascii") + b"!")  # a refusal repeats one letter
        answer = self._guarded(
            lambda exchange: exchange.transact(
                f"{command}\n".encode("ascii"),
                lambda line: line.startswith(starts),
                command=command,
                timeout_s=REPLY_S,
            )
        )
        error = decode_error(answer)
        if error is not None:
            self.clock.sleep_until_ns(self.clock.now_ns() + _DEAF_NS)
            raise DeviceRefused(str(error), port=self.url, command=command)
        return answer

    def lines(self, timeout_s: float, *, urgent: bool = False) -> list[bytes]:
        """Return whole lines that have arrived, waiting at most ``timeout_s``. Raises PortLost, Interrupted."""
        return self._guarded(lambda exchange: exchange.more(timeout_s, urgent=urgent))

    def poke(self) -> None:
        """Send an empty line: an idle instrument answers with one, a running one ignores it (2.2). Raises PortLost."""
        self._guarded(lambda exchange: exchange.send(b"\n"))

    def synchronise(self, *, tries: int = 2, within_s: float = _SYNC_S) -> None:
        """Abort whatever runs and wait until the instrument is idle (2.4). Raises ReplyTimeout, PortLost."""
        for _try in range(tries):
            if self._abort_running(within_s):
                self._settle()
                self._live().out_of_step = False
                return
        raise ReplyTimeout(
            "the instrument does not answer an abort; is it connected and on?", port=self.url, command="Z"
        )

    def _abort_running(self, within_s: float) -> bool:
        exchange = self._live()
        exchange.framer.reset()
        self._guarded(lambda exchange: exchange.send(b"\nZ\n"))
        deadline_ns = self.clock.now_ns() + round(within_s * NS_PER_S)
        aborted = False
        while self.clock.now_ns() < deadline_ns:
            for line in self.lines(0.1, urgent=True):
                if line.startswith(b"Z!") or (aborted and line == b""):
                    return True
                aborted = aborted or line == b"Z"
        return False

    def begin(self, text: str) -> list[bytes]:
        """Load and run a script; return the lines that followed its acknowledge. Raises DeviceRefused, ReplyTimeout."""
        self._guarded(lambda exchange: exchange.send(text.encode("ascii")))
        deadline_ns = self.clock.now_ns() + round(_SYNC_S * NS_PER_S)
        seen: list[bytes] = []
        while self.clock.now_ns() < deadline_ns:
            seen += self.lines(0.1, urgent=True)
            self._refuse_echo(seen, text)
            for at, line in enumerate(seen):
                error = decode_error(line)
                if error is not None:
                    self.clock.sleep_until_ns(self.clock.now_ns() + _DEAF_NS)
                    raise DeviceRefused(str(error), port=self.url, command="e")
                if line.startswith(b"e"):  # some firmwares put the next line directly behind
                    return ([line[1:]] if line[1:] else []) + seen[at + 1 :]
        partial = b"\n".join(seen)
        if partial:
            raise GarbledReply("no acknowledge of the script", port=self.url, command="e", partial=partial[:256])
        raise ReplyTimeout("no acknowledge of the script", port=self.url, command="e")

    def _refuse_echo(self, lines: list[bytes], text: str) -> None:
        """Raise GarbledReply where our own script comes back: its first and last line would pass for an answer."""
        own = {line for line in text.encode("ascii").split(b"\n") if len(line) > 2}
        if not own.isdisjoint(lines):
            raise GarbledReply("what was sent comes back: the line echoes", port=self.url, command="e")

    def cell_off(self) -> None:
        """Switch the cell off by a script of its own and wait for its end. Raises if that is not confirmed."""
        self._settle()
        for last in (False, False, True):  # may be repeated: off is off
            try:
                self._cell_off_once()
            except (ReplyTimeout, GarbledReply):
                if last:
                    raise
                self.synchronise()
            else:
                return

    def _cell_off_once(self) -> None:
        lines = self.begin(script.CELL_OFF)
        deadline_ns = self.clock.now_ns() + round(_END_S * NS_PER_S)
        while b"" not in lines:
            error = next((error for line in lines if (error := decode_error(line)) is not None), None)
            if error is not None:
                raise DeviceRefused(f"the cell was not switched off: {error}", port=self.url, command="cell_off")
            if self.clock.now_ns() >= deadline_ns:
                self._check_idle()  # where the acknowledge lacks its line end, no empty line follows it
                return
            lines = lines + self.lines(0.1, urgent=True)
            self._refuse_echo(lines, script.CELL_OFF)

    def _check_idle(self) -> None:
        """Raise ReplyTimeout unless the instrument says that nothing runs: then the script has come to its end."""
        self._guarded(lambda exchange: exchange.send(b"Z\n"))
        deadline_ns = self.clock.now_ns() + round(REPLY_S * NS_PER_S)
        while self.clock.now_ns() < deadline_ns:
            for line in self.lines(0.1, urgent=True):
                if (error := decode_error(line)) is not None and line[:1] == b"Z" and error.code == _NOTHING_RUNS:
                    self._settle()
                    return
        raise ReplyTimeout("no confirmation that the cell is off", port=self.url, command="cell_off")

    def _settle(self) -> None:
        """Let the instrument hear again after an error (it is deaf for a while), and drop what it still says."""
        self.clock.sleep_until_ns(self.clock.now_ns() + _DEAF_NS)
        self._guarded(lambda exchange: exchange.drain(urgent=True))

    def _guarded(self, act: Callable[[Exchange[bytes]], R]) -> R:
        try:
            return act(self._live())
        except PortLost:
            self.close()
            raise
