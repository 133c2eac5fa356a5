"""Twelve hours of each MethodSCRIPT model at 10 samples a second on virtual time; ``python -m`` this runs all of them.

Knows the models and how one is set up. What every sample must pass is the long run's business.
"""

from __future__ import annotations

import time  # noqa: TID251 - it says how long a run really took

from drivers.capabilities import AmperometrySettings, ElectrodeSettings
from tests.drivers.long_run import Account, Damage, TellingCell, lines, run
from tests.drivers.test_compliance_methodscript import EmStatSetUp, MultiSetUp

HOURS = 12
ONE = (ElectrodeSettings("glutamate", "we1", 50e-9),)
TWO = (*ONE, ElectrodeSettings("sentinel", "we2", 50e-9))
MODELS = {
    "pico": TWO, "sensit": TWO, "es4lr": ONE, "es4hr": ONE, "mes4lr": ONE, "mes4hr": ONE, "nexus": ONE,
}  # fmt: skip


def account(model: str, hours: float = HOURS, every: int = 700, **options: str) -> tuple[Account, int]:
    """Return the account of a run of one model on a line that damages one package in some ``every``; and how many."""
    cell = TellingCell(full_scale_a=50e-9)
    bench = EmStatSetUp({"model": model, **options}, MODELS[model], cell)
    instrument = bench.driver()
    instrument.connect()
    instrument.start(AmperometrySettings(0.6, 0.1, MODELS[model]))
    bench.line.from_device = damage = Damage(lines, every=every)
    told = run(instrument, bench.clock, hours, cell=cell)
    told.check_complete(bench.clock.now_ns(), damage.ordinals)
    told.check_times(tolerance_s=0.02)  # a step of the converter is up to 18 ms here
    assert told.count + len(told.missing) == round(hours * 36_000)
    assert cell.switched == [True], "polarised without a break"
    bench.line.from_device = lambda data: [(0.0, data)]
    instrument.stop()
    assert not bench.cell_on()
    return told, len(damage.ordinals)


def account_of_four(hours: float = HOURS, *, synchronised: bool = True) -> Account:
    """Return the account of a MultiEmStat4 with four channels whose crystals differ, started together."""
    bench = MultiSetUp(ppm=(10.0, -40.0, 25.0, 60.0), settings_options={"channel_sync": synchronised})
    instrument = bench.driver()
    instrument.connect()
    instrument.start(bench.settings())
    return run(instrument, bench.clock, hours, look_every_s=1.0)


def main() -> None:
    """Run the fleet and print what came of it."""
    for model in MODELS:
        began_s = time.monotonic()
        told, damaged = account(model)
        print(  # noqa: T201 - a command
            f"{model}: {told.count} samples, {len(told.missing)} missing, {damaged} damaged, times off by "
            f"{told.earliest_s:.4f} to {told.latest_s:.4f} s, epochs {told.epochs}, {time.monotonic() - began_s:.1f} s"
        )
    for synchronised in (True, False):
        began_s = time.monotonic()
        told = account_of_four(synchronised=synchronised)
        print(  # noqa: T201
            f"mes4lr x 4, synchronised {synchronised}: {told.count} rows, {len(told.missing)} missing, "
            f"{told.flagged} values missing or flagged, {time.monotonic() - began_s:.1f} s"
        )


if __name__ == "__main__":
    main()
