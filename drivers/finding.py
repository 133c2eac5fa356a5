"""Finds out who is on a line without changing anything there: listens, asks harmless questions, tries baud rates.

Knows in which order to listen and ask, how long to wait, and when to keep quiet: whoever speaks by itself is asked
nothing. Knows no family: questions and recognisers are each family's ``probes`` (``drivers.probing``). Opens the one
port it is given and no other, and is done with it within ``LONGEST_S``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from drivers.capabilities import WireRecord
from drivers.clock import NS_PER_S, Clock
from drivers.errors import NotEncodable, PortLost, ReplyTimeout, WrongInstrument
from drivers.probing import USUAL_BAUDS, Finding, Probe, Probes, version_question
from drivers.transport import LineSettings, Transport, TransportOpener

LONGEST_S: Final = 45.0
"""No further question is asked on one port after this; the last one may still wait for its answer."""
LISTEN_S: Final = 1.2
"""How long a line is listened to before the first question: a Rodeostat sends a sample a second at the slowest."""
LISTEN_AGAIN_S: Final = 0.15
REPLY_S: Final = 0.6
"""How long the first byte of an answer is waited for."""
_QUIET_S = 0.15  # silence that ends an answer: adapters hand over every 16 ms, a byte takes 1 ms at 9600 baud
_ANSWER_S = 1.5
_DEAF_S = 0.12  # a MethodSCRIPT instrument hears nothing for some 50 ms after it has refused
_BYTES_MAX = 8192
_WRITE_S = 0.5


@dataclass(frozen=True)
class Found:
    """Who is on a line, and how it was spoken to."""

    family: str
    """Name of the driver."""
    finding: Finding
    baud: int
    """Speed at which it answered; the family's usual one where the line takes any."""


@dataclass
class Finder:
    """Looks for the families given, on one line at a time."""

    opener: TransportOpener
    clock: Clock
    families: Mapping[str, Probes]
    named: bool = False
    """A person has named the families: their ``named_only`` questions may be asked too, and are asked first."""
    address: int = 0
    baud: int | None = None
    """The only speed to try; None: those of the families."""
    on_wire: Callable[[WireRecord], None] = lambda _record: None
    _line: Transport | None = field(default=None, init=False)
    _until_ns: int = field(default=0, init=False)
    _speaks: bool = field(default=False, init=False)
    _heard: bytes = field(default=b"", init=False)
    """The last bytes that nobody recognised."""

    def find(self, url: str) -> Found:
        """Return who is there. Raises PortError, ReplyTimeout (silence), WrongInstrument (nobody known), NotEncodable.

        An instrument that is not certain is not reported: its answers must be whole and be of its family.
        """
        if not any(self._offered()):
            raise NotEncodable(
                "these families have no question that could be asked" + (" of an address" if self.address else "")
            )
        self._until_ns = self.clock.now_ns() + round(LONGEST_S * NS_PER_S)
        self._speaks, self._heard = False, b""
        for number, baud in enumerate(self._bauds()):
            if self._is_late():
                break
            try:
                self._open(url, baud)
                overheard = self._listen(baud, LISTEN_S if self._speaks or number == 0 else LISTEN_AGAIN_S)
                if isinstance(overheard, Found):
                    return overheard
                found = None if overheard else self._ask_all(baud)
                if found is not None:
                    return self._at_usual_baud(url, found)
            finally:
                self._close()
        raise self._nobody(url)

    def _nobody(self, url: str) -> WrongInstrument | ReplyTimeout:
        if self._speaks:
            what = (
                "something sends data here by itself, in no way that is known of a family here; at the speeds at which "
                "it was heard it was asked nothing"
            )
            return WrongInstrument(what, port=url, partial=self._heard)
        if self._heard:
            what = "something answers on this port, but no instrument known here"
            return WrongInstrument(what, port=url, partial=self._heard)
        what = "nobody answers; is it switched on and on the right cable? Unusual baud rates are tried only by --baud"
        if not self.named and (kept := self._asked_only_when_named()):
            what += f"; {', '.join(kept)}: not every one of these can be asked unless it is named (--family NAME)"
        return ReplyTimeout(what, port=url)

    def _asked_only_when_named(self) -> list[str]:
        return sorted(
            family
            for family, probes in self.families.items()
            if any(probe.named_only for probe in probes(self.address))
        )

    def _listen(self, baud: int, listen_s: float) -> Found | bool:
        """Return who speaks by itself, or whether anybody does. One stray piece, as opening can cause, is no speech."""
        unasked = self._receive(listen_s)
        found = self._overheard(unasked, baud)
        if found is not None or not unasked:
            return found or False
        more = self._receive(LISTEN_S)
        if more:
            self._speaks, self._heard = True, unasked + more
        return self._overheard(unasked + more, baud) or bool(more)

    # --- what to ask ---

    def _offered(self) -> Iterator[tuple[str, Probe]]:
        for name, probes in self.families.items():
            allowed = [probe for probe in probes(self.address) if self.named or not probe.named_only]
            yield from ((name, probe) for probe in sorted(allowed, key=lambda probe: not probe.named_only))

    def _bauds(self) -> list[int]:
        if self.baud is not None:
            return [self.baud]
        wanted = [baud for _name, probe in self._offered() for baud in probe.bauds]
        return list(dict.fromkeys([*(baud for baud in USUAL_BAUDS if baud in wanted), *wanted]))

    def _questions(self, baud: int) -> dict[bytes, float]:
        """Return the questions of this speed, each once, with the silence that must follow."""
        pauses: dict[bytes, float] = {}
        for _name, probe in self._offered():
            if baud in probe.bauds or self.baud is not None:
                pauses[probe.question] = max(pauses.get(probe.question, 0.0), probe.pause_s)
        return pauses

    # --- asking ---

    def _overheard(self, data: bytes, baud: int) -> Found | None:
        for name, probe in self._offered():
            finding = probe.overhear(data) if data else None
            if finding is not None:
                return Found(name, finding, baud)
        return None

    def _ask_all(self, baud: int) -> Found | None:
        for question, pause_s in self._questions(baud).items():
            found = self._ask_twice(question, pause_s, baud)
            if found is None and not question.endswith(b"\r\n"):  # leave nothing of it in anybody's line buffer
                found = self._ask_twice(version_question(self.address), 0.0, baud)
            if found is not None:
                return found
        return None

    def _ask_twice(self, question: bytes, pause_s: float, baud: int) -> Found | None:
        """Ask, and once more after an answer that nobody knows: what was in a line buffer may have spoiled it.

        Where a family was named, silence is asked once more too.
        """
        for _try in range(2):
            if self._is_late():
                return None
            reply = self._ask(question, pause_s)
            found = self._recognised(question, reply, baud) if reply else None
            if found is not None or not (reply or self.named):
                return found
            self._heard = reply or self._heard
        return None

    def _recognised(self, question: bytes, reply: bytes, baud: int) -> Found | None:
        for name, probe in self._offered():
            if probe.question != question or probe.read((reply,)) is None:
                continue
            replies = [reply]
            for detail in probe.details:
                self.clock.sleep_until_ns(self.clock.now_ns() + round(_DEAF_S * NS_PER_S))
                replies.append(self._ask(detail, probe.pause_s))
            finding = probe.read(tuple(replies))
            if finding is not None:
                return Found(name, finding, baud)
        return None

    def _at_usual_baud(self, url: str, found: Found) -> Found:
        """Ask once more at the family's usual speed: a line that takes any is told of by that one."""
        own = [probe for name, probe in self._offered() if name == found.family]
        probe = next((probe for probe in own if not probe.named_only), own[0])
        usual = probe.bauds[0]
        if self.baud is not None or found.baud == usual:
            return found
        self._close()
        self._open(url, usual)
        reply = self._ask(probe.question, probe.pause_s)
        return replace(found, baud=usual) if reply and probe.read((reply,)) is not None else found

    # --- the line ---

    def _is_late(self) -> bool:
        return self.clock.now_ns() >= self._until_ns

    def _open(self, url: str, baud: int) -> None:
        self._line = self.opener.open(url, LineSettings(baud=baud))

    def _close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _ask(self, question: bytes, pause_s: float) -> bytes:
        line = self._live()
        line.discard_input()
        self.on_wire(WireRecord(self.clock.now_ns(), "out", question))
        line.write(question, _WRITE_S)
        over_ns = self.clock.now_ns() + round(pause_s * NS_PER_S)
        reply = self._receive(REPLY_S)
        self.clock.sleep_until_ns(over_ns)
        return reply

    def _receive(self, wait_s: float) -> bytes:
        """Return what arrives until the line is silent; at most ``wait_s`` for the first byte, 1.5 s in all."""
        line = self._live()
        received = bytearray()
        end_ns = self.clock.now_ns() + round((wait_s + _ANSWER_S) * NS_PER_S)
        wait = wait_s
        while len(received) < _BYTES_MAX and self.clock.now_ns() < end_ns:
            data = line.read(4096, wait)
            if not data:
                break
            received += data
            wait = _QUIET_S
        if received:
            self.on_wire(WireRecord(self.clock.now_ns(), "in", bytes(received)))
        return bytes(received)

    def _live(self) -> Transport:
        if self._line is None:
            raise PortLost("the line is not open")
        return self._line
