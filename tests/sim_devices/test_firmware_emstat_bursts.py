"""The simulated MethodSCRIPT instrument's output in pieces: each says when it left, however seldom one asks for it, and
the short way of a plain measuring loop prints what the script says instruction by instruction.
"""

from __future__ import annotations

import pytest

from sim_devices.firmware.emstat import interpreter
from sim_devices.firmware.emstat.firmware import EmStatFirmware
from sim_devices.firmware.emstat.options import EmStatOptions

MS, S = 1_000_000, 1_000_000_000
SCRIPT = """e
var p
var c
var t
var b
set_pgstat_mode 2
set_bipot_mode 1
set_range bb 100n
set_bipot_potential 700m
set_autoranging ba 100n 1m
set_e 700m
cell_on
timer_start
meas_loop_ca p c 700m 100m 6 add_meas(0 bb b)
timer_get t
pck_start
pck_add t
pck_add p
pck_add c
pck_add b
pck_end
endloop
pck_start
pck_add p
pck_add t
pck_add b
pck_add c
pck_end
on_finished:
cell_off

"""


class Rising:
    """A front end whose first electrode leaves its range, and whose second one changes its sign."""

    def set_cell(self, on: bool, potential_v: float, now_ns: int) -> None:
        pass

    def current_a(self, electrode: int, t_ns: int, over_ns: int = 100 * MS) -> float:
        t_s = t_ns / S
        return (1e-9 * 10.0 ** (t_s / 2.0), (t_s - 3.0) * 1e-9)[electrode]


def bursts(step_ns: int, halted: bool = False, **options: object) -> list[tuple[int, bytes]]:
    device = EmStatFirmware(Rising(), EmStatOptions(**options))  # type: ignore[arg-type]
    device.power_on(0)
    device.receive(SCRIPT.encode(), 0)
    found = device.bursts(0)
    for now_ns in range(step_ns, 10 * S + 1, step_ns):
        found += device.bursts(now_ns)
        if halted and now_ns in (2 * S, 4 * S):
            device.receive(b"h\n" if now_ns == 2 * S else b"H\n", now_ns)
    return found + device.bursts(10 * S)


def test_each_piece_says_when_it_left_however_seldom_one_asks() -> None:
    often, seldom = bursts(10 * MS), bursts(10 * S)
    assert often == seldom
    packages = [t_ns for t_ns, data in seldom if data.startswith(b"Peb")]
    assert packages == [100 * MS * n for n in range(1, 61)]


OPTIONS = [{}, {"crystal_ppm": 80.0}, {"late_every": 7}, {"timer_stops_when_halted": True}, {"noise_metadata": True},
           {"range_metadata": False, "quantise": False}, {"carriage_returns": True, "xon_xoff_every": 3}]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
def test_a_plain_loop_prints_what_its_instructions_say_one_by_one(
    options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    short_way = bursts(S, halted=True, **options)
    monkeypatch.setattr(interpreter, "plain_package", lambda _loop, _measured: None)
    assert bursts(S, halted=True, **options) == short_way
    text = b"".join(data for _, data in short_way)
    assert text.count(b"Peb") == 60
    assert b",12" in text
    assert b",14" in text, "overload and underload"
