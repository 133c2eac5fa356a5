"""What the log says of one pump's line and settings: found, tested, read back, its raw bytes.

Knows the words and the data of these events. Does not know what they mean for the infusion, the ledger or the alarms:
that is the pump's desk.
"""

from __future__ import annotations

from acquisition.engine.lane_messages import Connected, Programmed, SelfTested, WatchdogTried, Wire
from acquisition.engine.parts import Desk
from acquisition.events import EventKind, Scalar
from drivers.clock import NS_PER_S


def connected(desk: Desk, name: str, what: Connected, now_ns: int) -> None:
    """Say which pump answered."""
    identity = what.identity
    verb = "Found again, it stays stopped" if what.again else "Connected"
    data: dict[str, Scalar] = {
        "family": identity.family,
        "model": identity.model,
        "firmware": identity.firmware,
        "serial_number": identity.serial_number,
    }
    text = f"{verb}: {identity.model} firmware {identity.firmware}"
    desk.say(EventKind.CONNECTION, now_ns, name, text, data)


def self_tested(desk: Desk, name: str, what: SelfTested, watchdog_s: float, now_ns: int) -> None:
    """Say that the self-test passed, and whether the watchdog is armed."""
    text = "Self-test passed: identity, STOP confirmed" + (", watchdog armed" if what.watchdog else "")
    data: dict[str, Scalar] = {"watchdog": what.watchdog, "watchdog_s": watchdog_s}
    desk.say(EventKind.SETTING, now_ns, name, text, data)


def watchdog_tried(desk: Desk, name: str, what: WatchdogTried, now_ns: int) -> None:
    """Say whether the pump's own watchdog did what it is for."""
    text = "Watchdog proved: left alone, the pump raised its alarm" if what.expired else "Watchdog NOT proved"
    desk.say(EventKind.SETTING, now_ns, name, text, {"what": "watchdog tried", "expired": what.expired})


def programmed(desk: Desk, name: str, what: Programmed, now_ns: int) -> None:
    """Say what the pump holds, as it was read back."""
    held = what.readback
    text = f"Read back: {held.target_ul:.6g} uL at {held.rate_ul_per_min:.6g} uL/min, syringe {held.diameter_mm:g} mm"
    data: dict[str, Scalar] = {
        "diameter_mm": held.diameter_mm,
        "rate_ul_per_min": held.rate_ul_per_min,
        "target_ul": held.target_ul,
    }
    desk.say(EventKind.SETTING, now_ns, name, text, data)


def wire(desk: Desk, name: str, what: Wire, now_ns: int) -> None:
    """Keep the last bytes of both ways, with their times before now."""
    lines = [f"{(t_ns - now_ns) / NS_PER_S:.3f} {way} {data!r}" for t_ns, way, data in what.lines]
    desk.say(EventKind.WIRE, now_ns, name, "\n".join(lines))
