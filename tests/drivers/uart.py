"""What a serial receiver makes of bytes that were sent at another speed. Knows bits, no instrument.

A receiver waits for a falling edge, looks again half a bit later whether that was a start bit, then takes eight bits
and the stop bit each at its middle. A byte with a wrong stop bit is delivered all the same, as many UARTs do.
"""

from __future__ import annotations

SKEWS = (0.97, 0.98, 0.99, 1.0, 1.01, 1.02, 1.03)
"""How far off the two clocks may be."""


def heard(data: bytes, sent_baud: int, listening_baud: float) -> bytes:
    """Return the bytes that a receiver at ``listening_baud`` makes of ``data`` sent back to back at ``sent_baud``."""
    levels = [level for byte in data for level in (0, *(byte >> bit & 1 for bit in range(8)), 1)]
    bit = sent_baud / listening_baud  # of the receiver, in bits of the sender

    def level(t: float) -> int:
        return levels[int(t)] if 0 <= t < len(levels) else 1

    out = bytearray()
    t = 0.0
    while (start := _falling_edge(levels, t)) is not None:
        if level(start + 0.5 * bit):
            t = start + 1.0  # a glitch shorter than half a bit
            continue
        out.append(sum(level(start + (1.5 + number) * bit) << number for number in range(8)))
        t = start + 9.5 * bit
    return bytes(out)


def _falling_edge(levels: list[int], t: float) -> int | None:
    for at in range(max(int(-(-t // 1)), 0), len(levels)):
        if levels[at] == 0 and (at == 0 or levels[at - 1] == 1):
            return at
    return None


def all_heard(data: bytes, sent_baud: int, listening_baud: int) -> set[bytes]:
    """Return all that may be heard, for clocks that are off either way."""
    return {heard(data, sent_baud, listening_baud * skew) for skew in SKEWS}
