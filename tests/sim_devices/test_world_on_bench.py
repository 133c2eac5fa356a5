"""The loop closed through bytes: a pump told over its line, a mouse that gets what the plunger really gave."""

from typing import Any

import pytest

from drivers.clock import VirtualClock
from drivers.transport import LineSettings, Transport
from sim_devices.bench import SimBench, build

S = 1_000_000_000
WORLD = {
    "animal": "mean-mouse",
    "subject": {"weight_g": 25.0},
    "pumps": {
        "infusion": {
            "url": "sim://new-era",
            "loaded_ul": 600.0,
            "drug": "ketamine",
            "concentration_mg_per_ml": 2.0,
            "route": "ip",
        }
    },
}


def ask(port: Transport, command: bytes) -> bytes:
    port.write(command + b"\r", 1.0)
    reply = b""
    while not reply.endswith(b"\x03"):
        received = port.read(100, 1.0)
        assert received, f"no answer to {command!r}, only {reply!r}"
        reply += received
    return reply


def infuse_125_ul(*faults: str, after_s: int) -> dict[str, Any]:
    """Tell the pump by its bytes to give 125 uL at 125 uL/min, wait, and return the truth."""
    clock = VirtualClock()
    bench: SimBench = build(clock, WORLD, 4, faults)
    port = bench.open("sim://new-era", LineSettings(baud=19200))
    assert ask(port, b"") == b"\x0200A?R\x03"  # the first answer after power-on tells of the reset, once
    for command in (b"DIA4.699", b"VOLUL", b"VOL125.0", b"RAT125.0UM", b"RUN"):
        assert b"?" not in ask(port, command), command
    clock.sleep_until_ns(after_s * S)
    truth = bench.truth()
    port.close()
    return truth


def test_what_the_pump_was_told_arrives_and_acts() -> None:
    truth = infuse_125_ul(after_s=1860)

    assert truth["pumps"]["infusion"]["mg_per_kg"] == pytest.approx(10.0, rel=1e-4)
    assert truth["multiplier"] == pytest.approx(0.57, abs=0.01)


def test_a_stall_half_way_leaves_half_the_dose_and_less_effect() -> None:
    truth = infuse_125_ul("stall@30s", after_s=1860)

    assert truth["pumps"]["infusion"]["mg_per_kg"] == pytest.approx(5.0, rel=0.02)
    assert 0.6 < truth["multiplier"] < 0.75


def test_a_line_blocked_from_the_start_leaves_the_mouse_as_it_was() -> None:
    truth = infuse_125_ul("stall@0s", after_s=1860)

    assert truth["pumps"]["infusion"]["true_delivered_ul"] == 0.0
    assert truth["multiplier"] == 1.0
