"""R37: a pump that comes back under another name is found by its adapter, and who has its old name gets nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from drivers.bound_port import PortInfo, open_bound
from drivers.transport import LineSettings, Transport
from tests.engine.kit import PUMP, Lab, make_plan, seconds

URL = "usb:0403:6015/A50285BI"
STRANGER = "sim://new-era/stranger"
UNPLUGGED_S, PLUGGED_S = 20.0, 50.0


def port(path: str, serial_number: str) -> PortInfo:
    return PortInfo(path, "FT231X", "0403:6015", serial_number, "FTDI", "1-1.2")


@dataclass
class Sockets:
    """The computer's ports over the simulated bench: at 20 s the pump's adapter goes, at 50 s it is back elsewhere.

    Its old name then belongs to another pump of the same model. ``clone``: that one's adapter has the same number.
    """

    bench: Any
    clone: bool = False
    comes_back: bool = True

    @property
    def simulated(self) -> bool:
        return True

    def listed(self) -> list[PortInfo]:
        now_ns = self.bench.clock.now_ns()
        if now_ns < seconds(UNPLUGGED_S):
            return [port("/dev/ttyUSB0", "A50285BI")]
        stranger = [port("/dev/ttyUSB0", "A50285BI" if self.clone else "B7")]
        back = self.comes_back and now_ns >= seconds(PLUGGED_S)
        return [*stranger, port("/dev/ttyUSB1", "A50285BI")] if back else stranger if not self.clone else []

    def open(self, url: str, settings: LineSettings) -> Transport:
        if url != URL:
            return self.bench.open(url, settings)  # type: ignore[no-any-return]
        return open_bound(url, self.listed, lambda path: self._open_path(path, settings))

    def _open_path(self, path: str, settings: LineSettings) -> Transport:
        before = self.bench.clock.now_ns() < seconds(UNPLUGGED_S)
        ours = path == "/dev/ttyUSB0" if before else path == "/dev/ttyUSB1"
        return self.bench.open(URL if ours else STRANGER, settings)  # type: ignore[no-any-return]


def lab(tmp_path: Path, ports: Callable[[Any], Any]) -> Lab:
    plan = make_plan(pumps=(replace(PUMP, url=URL),))
    made = Lab(tmp_path, plan, faults=[f"drug:unplug@{UNPLUGGED_S}s+30s"], ports=ports)
    made.person.stuck_after_s = 1000  # nobody ends the held plan
    return made


def stranger_heard(made: Lab) -> bool:
    return STRANGER in made.bench._instruments  # it is made by the first opening


def test_R37_a_pump_replugged_under_another_name_is_stopped_there_and_nobody_else_is(tmp_path: Path) -> None:
    made = lab(tmp_path, Sockets)
    made.until(lambda: made.now_s > UNPLUGGED_S + 25)
    assert "pump-lost:drug" in made.alarm_ids()
    during_ul = made.true_ul()
    made.until(lambda: made.pump.stop_confirmed is True)
    assert made.now_s >= PLUGGED_S
    assert made.true_ul() == pytest.approx(during_ul)
    assert not stranger_heard(made)
    assert len(made.wire_out(b"RUN")) == 1


def test_X17_an_adapter_that_does_not_come_back_stays_lost_whatever_has_its_name(tmp_path: Path) -> None:
    made = lab(tmp_path, lambda bench: Sockets(bench, comes_back=False))
    made.until(lambda: made.now_s > PLUGGED_S + 20)
    assert made.pump.stop_confirmed is False
    assert "not-confirmed-stopped:drug" in made.alarm_ids()
    assert not stranger_heard(made)


def test_X17_two_adapters_of_one_number_are_no_pump(tmp_path: Path) -> None:
    made = lab(tmp_path, lambda bench: Sockets(bench, clone=True))
    made.until(lambda: made.now_s > PLUGGED_S + 20)
    assert made.pump.stop_confirmed is False
    assert any("several ports are this adapter" in text for text in made.texts())
    assert not stranger_heard(made)
