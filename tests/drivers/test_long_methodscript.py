"""Hours of MethodSCRIPT instruments: each sample once and at its time, through every change of the time's prefix.

Twelve hours of all models at their natural rate take minutes: ``python -m tests.drivers.long_methodscript``.
"""

from __future__ import annotations

import pytest

from drivers.capabilities import AmperometrySettings
from drivers.methodscript import script
from tests.drivers.long_methodscript import ONE, account, account_of_four
from tests.drivers.long_run import Damage, TellingCell, lines, run
from tests.drivers.test_compliance_methodscript import EmStatSetUp


@pytest.mark.slow
def test_twelve_hours_account_for_every_sample() -> None:
    told, damaged = account("es4lr")
    assert len(told.missing) == damaged > 500
    assert told.count + damaged == 432_000


@pytest.mark.parametrize("model", ["pico", "sensit", "es4hr", "mes4lr", "mes4hr", "nexus"])
def test_each_model_passes_the_change_of_prefix_at_134_s(model: str) -> None:
    told, damaged = account(model, hours=0.1, every=100)
    assert len(told.missing) == damaged > 20


@pytest.mark.parametrize("run_time_s", [43_200, 300_000])
def test_days_at_a_slow_rate_pass_the_ends_of_turns_and_the_change_of_prefix_at_37_h(
    monkeypatch: pytest.MonkeyPatch, run_time_s: int
) -> None:
    """Turns of 12 h, and one so long that the instrument's own time is told in whole seconds from 134217.728 s on."""
    monkeypatch.setattr(script, "RUN_TIME_S", run_time_s)
    cell = TellingCell(full_scale_a=50e-9)
    bench = EmStatSetUp({"model": "es4lr"}, ONE, cell)
    instrument = bench.driver()
    instrument.connect()
    instrument.start(AmperometrySettings(0.6, 7.0, ONE))
    bench.line.from_device = damage = Damage(lines, every=300)
    told = run(instrument, bench.clock, 50, cell=cell, look_every_s=20.0)
    samples = 50 * 3600 // 7
    turn = run_time_s // 7
    assert told.epochs == list(range(1, 2 + samples // turn))
    assert told.count + len(told.missing) == pytest.approx(samples, abs=len(told.epochs))
    ordinals = [number for number in damage.ordinals if number < samples]
    assert len(told.missing) <= len(ordinals), "no gap is invented"
    told.check_times(tolerance_s=0.02)
    assert cell.switched == [True]


@pytest.mark.parametrize("synchronised", [True, False])
def test_four_channels_give_whole_rows_for_a_quarter_of_an_hour(synchronised: bool) -> None:
    told = account_of_four(hours=0.25, synchronised=synchronised)
    assert told.epochs == [1]
    assert told.missing == []
    assert told.flagged == 0
