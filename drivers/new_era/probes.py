"""How a New Era pump is found without changing it (pumps.md a.2, a.3, a.6).

``VER`` in Basic framing is a pure question, with one exception that no question to this family escapes: a pending alarm
comes instead of the answer and is acknowledged by it [M]. It is therefore told. A pump left in Safe mode ignores it;
a packet with a wrong checksum is answered ``?COM`` in any mode and is no valid packet: it neither feeds nor arms the
pump's watchdog. Its model is asked in Safe framing only for a person who has named the family.
"""

from __future__ import annotations

from typing import Final

from drivers.capabilities import Identity, PumpAlarm
from drivers.new_era import codec
from drivers.new_era.framing import Frame, PumpFramer, safe_command
from drivers.probing import USUAL_BAUDS, Finding, Probe, version_question

BAUDS: Final = (19_200, 9600)
"""Of 300, 1200 and 2400 baud nothing is tried unasked."""
BROKEN_PACKET: Final = b"\x02\x04\xff\xff\x03"
"""Safe framing, no text, wrong checksum."""
_ALARMS: Final = {
    PumpAlarm.RESET: "it was switched on or reset since it was last asked; that alarm counts as acknowledged now",
    PumpAlarm.STALL: "it reported a STALL, which counts as acknowledged now: look at the pump before it is used",
    PumpAlarm.WATCHDOG: "its WATCHDOG had stopped it; that alarm counts as acknowledged now",
    PumpAlarm.PROGRAM: "it reported a PROGRAM ERROR, which counts as acknowledged now",
    PumpAlarm.PHASE: "it reported a PHASE OUT OF RANGE, which counts as acknowledged now",
}


def _frames(reply: bytes) -> list[tuple[Frame, codec.Reply]]:
    frames = PumpFramer().feed(reply, 0)
    return [(frame, parsed) for frame in frames if (parsed := codec.parse_reply(frame.text)) is not None]


def read(replies: tuple[bytes, ...]) -> Finding | None:
    """Recognise a pump by any whole packet of this family; the model by the last answer that tells one."""
    found = [pair for reply in replies for pair in _frames(reply)]
    if not found:
        return None
    notes = [_ALARMS[reply.alarm] for _frame, reply in found if reply.alarm is not None]
    versions = [version for _frame, reply in found if (version := codec.parse_version(reply.data)) is not None]
    if any(frame.safe for frame, _reply in found):
        notes.append("it listens in Safe mode")
    address = found[-1][1].address
    if not versions and len(replies) > 1:
        asking = "--family new-era" + (f" --address {address}" if address else "")
        notes.append(f"it did not tell its model; that can be asked with {asking}, which restarts its watchdog")
    model, firmware = versions[-1] if versions else ("", "")
    return Finding(Identity("new-era", model, firmware), tuple(dict.fromkeys(notes)), address)


def overhear(data: bytes) -> Finding | None:
    """Recognise the alarm that a pump in Safe mode pushes by itself; that does not acknowledge it [M]."""
    alarms = [reply.alarm for frame, reply in _frames(data) if frame.safe and reply.alarm is not None]
    if not alarms:
        return None
    return Finding(Identity("new-era", "", ""), (f"it reports an alarm by itself ({alarms[-1].value})",))


def probes(address: int) -> tuple[Probe, ...]:
    """Return the probes for the pump with this address."""
    basic, safe = version_question(address), safe_command(f"{address}VER")
    return (
        Probe(USUAL_BAUDS, basic, read, (basic,), overhear),
        Probe(BAUDS, BROKEN_PACKET, read, (basic,), overhear, pause_s=0.6),
        Probe(BAUDS, safe, read, (safe,), overhear, named_only=True, pause_s=0.6),
    )
