"""pyserial's handler of ``sim://NAME?...``: a simulated instrument behind the ordinary ``serial.Serial`` surface.

Knows pyserial's way of reading, waiting and failing; the instrument, its world and its faults are the bench's.
Modem lines are accepted and change nothing, as on a three-wire cable: RTS and DTR are looped back to CTS and DSR.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from serial.serialutil import PortNotOpenError, SerialBase, SerialException, SerialTimeoutException

from drivers.clock import SystemClock
from drivers.errors import PortError, ReplyTimeout
from drivers.transport import LineSettings
from sim_devices.line import SimulatedPort
from sim_devices.url.process_bench import open_port

T = TypeVar("T")
_SLICE_S = 0.02  # longest wait before looking whether the read was cancelled or the port closed
_NS = 1_000_000_000


class Serial(SerialBase):
    """A ``serial.Serial`` on a simulated instrument."""

    _line: SimulatedPort | None = None
    _cancelled = False
    _clock = SystemClock()

    def open(self) -> None:
        """Open the port with the present settings. Raises SerialException."""
        if self.is_open:
            raise SerialException("Port is already open.")
        if self.port is None:
            raise SerialException("Port must be configured before it can be used.")
        try:
            self._line = open_port(self.port, LineSettings(baud=max(int(self.baudrate), 1)))
        except PortError as error:
            raise SerialException(f"could not open port {self.port}: {error}") from error
        self.is_open = True

    def close(self) -> None:
        """Close the port; the instrument goes on."""
        line, self._line = self._line, None
        self.is_open = False
        if line is not None:
            line.close()

    def _reconfigure_port(self) -> None:
        """Take up another baud rate: it paces what comes from now on; other settings mean nothing to this line."""
        if self._line is not None:
            self._line.wire.baud = max(int(self.baudrate), 1)

    def read(self, size: int = 1) -> bytes:
        """Return ``size`` bytes, or fewer after ``timeout``, ``inter_byte_timeout`` or ``cancel_read``."""
        self._use(lambda line: line.port)
        self._cancelled = False
        data = bytearray()
        timeout_s, gap_s = self.timeout, self.inter_byte_timeout
        began_ns = last_ns = self._clock.now_ns()
        while len(data) < size and self.is_open and not self._cancelled:
            waits = [_SLICE_S]
            now_ns = self._clock.now_ns()
            if timeout_s is not None:
                waits.append(timeout_s - (now_ns - began_ns) / _NS)
            if gap_s is not None and data:
                waits.append(gap_s - (now_ns - last_ns) / _NS)
            wait_s = max(min(waits), 0.0)
            wanted = size - len(data)
            piece = self._use(lambda line, w=wanted, s=wait_s: line.read(w, s))  # type: ignore[misc] # bound now
            if piece:
                data += piece
                last_ns = self._clock.now_ns()
            elif min(waits) <= 0:
                break
        return bytes(data)

    def write(self, b: bytes, /) -> int:  # type: ignore[override] # typeshed: ReadableBuffer
        """Write all bytes; return how many. Raises SerialTimeoutException when the line does not take them."""
        data = bytes(memoryview(b))
        try:
            self._use(lambda line: line.write(data, 0.0))
        except ReplyTimeout as error:
            raise SerialTimeoutException("Write timeout") from error
        return len(data)

    def flush(self) -> None:
        """Wait until all that was written is out."""
        while self.out_waiting:
            self._clock.sleep_until_ns(self._clock.now_ns() + _NS // 1000)

    @property
    def in_waiting(self) -> int:
        """Return how many bytes can be read at once."""
        return self._use(lambda line: line.waiting())

    @property
    def out_waiting(self) -> int:
        """Return how many written bytes have not reached the instrument."""
        return self._use(lambda line: line.unsent())

    def reset_input_buffer(self) -> None:
        """Throw away what has arrived."""
        self._use(lambda line: line.discard_input())

    def reset_output_buffer(self) -> None:
        """Throw away what has been written and is not out yet."""
        self._use(lambda line: line.discard_output())

    def cancel_read(self) -> None:
        """Let a read in another thread return what it has."""
        self._cancelled = True

    def cancel_write(self) -> None:
        """Do nothing: writes never block here."""

    def _update_break_state(self) -> None:
        """Accept a break; these instruments ignore it."""

    def _update_rts_state(self) -> None:
        """Accept RTS: shown back as CTS."""

    def _update_dtr_state(self) -> None:
        """Accept DTR: shown back as DSR."""

    @property
    def cts(self) -> bool:
        """Return RTS: the lines are looped back."""
        return bool(self.rts)

    @property
    def dsr(self) -> bool:
        """Return DTR: the lines are looped back."""
        return bool(self.dtr)

    @property
    def ri(self) -> bool:
        """Return False: nobody calls."""
        return False

    @property
    def cd(self) -> bool:
        """Return True: the instrument is there."""
        return True

    def _use(self, action: Callable[[SimulatedPort], T]) -> T:
        line = self._line
        if line is None:
            raise PortNotOpenError
        try:
            return action(line)
        except PortError as error:
            if self._line is None:
                raise PortNotOpenError from error
            raise SerialException(str(error)) from error
