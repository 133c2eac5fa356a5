"""How fast a rehearsal runs, in simulated seconds per real second: ``python benchmarks/lockstep.py``.

Runs the two-hour demo (one pump, two bipotentiostats, four channels at 10 Hz) in lockstep, with its recording in a
folder that is removed afterwards, then six hours of the same bench with two pumps, and beside each the simulated world
alone, asked for the same samples. Prints the speed of both in simulated seconds per second, by the clock and by this
process's own processor time (on a computer that does something else too, only the latter says something), and the share
of the world. Only asserts that the rehearsals finished.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import amperfuse
from acquisition.experiment.compile import Experiment, load_experiment
from acquisition.host.rehearsal import describe_world, rehearse
from drivers.clock import NS_PER_S
from sim_devices.models.world import World

DATA = Path(amperfuse.__file__).parent / "data"
SEED = 1
SECOND_PUMP = """
[pumps.second]
driver = "new-era"
url = "sim://new-era/second?seed=4"
syringe = "bd-plastic-1ml"
watchdog = "5 s"
line_dead_volume = "8 uL"
"""
SECOND_DRUG = """
[pumps.second]
drug = "ketamine"
form = "hydrochloride"
concentration = "5 mg/mL"
route = "iv_infusion"
loaded = "600 uL"
primed = true

[[steps]]
wait = "60 min"

[[steps]]
infuse = { pump = "infusion", dose = "4 mg/kg", duration = "60 min", label = "first" }

[[steps]]
wait = "60 min"

[[steps]]
infuse = { pump = "second", dose = "4 mg/kg", duration = "60 min", label = "second" }

[[steps]]
wait = "120 min"
"""


def rehearsal_s(experiment: Experiment, files: dict[str, bytes]) -> tuple[float, float, float]:
    """Return (simulated, real, processor) seconds of the whole rehearsal with its recording."""
    with tempfile.TemporaryDirectory(prefix="amperfuse-benchmark-") as folder:
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        result = rehearse(
            experiment.plan,
            experiment.limits,
            out_dir=Path(folder),
            files=files,
            software="benchmark",
            seed=SEED,
        )
        took_s, took_cpu_s = time.perf_counter() - start_s, time.process_time() - start_cpu_s
    assert result.outcome == "finished", f"the rehearsal ended with {result.outcome!r}: {result.alarms}"
    return result.duration_s, took_s, took_cpu_s


def world_s(experiment: Experiment, simulated_s: float) -> float:
    """Return processor seconds that plunger, mouse and electrodes alone take for as long, every sample asked for."""
    plan = experiment.plan
    start_s = time.process_time()
    world = World(describe_world(plan), SEED)
    cells = [(world.front_end(setup.name), setup) for setup in plan.potentiostats]
    for cell, setup in cells:
        cell.set_cell(on=True, potential_v=setup.potential_v, now_ns=0)
    step_ns = min(round(setup.interval_s * NS_PER_S) for _, setup in cells)
    for t_ns in range(0, round(simulated_s * NS_PER_S), step_ns):
        for cell, setup in cells:
            for channel in setup.channels:
                cell.current_a(("we1", "we2").index(channel.electrode), t_ns)
    return time.process_time() - start_s


def six_hours(folder: Path) -> tuple[Path, Path]:
    """Write the demo's bench with a second pump, and six hours for it; return protocol and rig."""
    protocol, rig = folder / "six-hours.toml", folder / "two-pumps.toml"
    before_steps = (DATA / "demo-protocol.toml").read_text(encoding="utf-8").partition("[[steps]]")[0]
    protocol.write_text(before_steps + SECOND_DRUG, encoding="utf-8")
    rig.write_text((DATA / "demo-rig.toml").read_text(encoding="utf-8") + SECOND_PUMP, encoding="utf-8")
    return protocol, rig


def measure(name: str, protocol: Path, rig: Path) -> None:
    """Rehearse one experiment and print how fast it went."""
    experiment = load_experiment(protocol, rig)
    files = {"protocol.toml": protocol.read_bytes(), "rig.toml": rig.read_bytes()}
    simulated_s, took_s, took_cpu_s = rehearsal_s(experiment, files)
    alone_s = world_s(experiment, simulated_s)
    print(f"{name}: {simulated_s:.0f} simulated seconds in {took_s:.1f} s, {simulated_s / took_s:.0f} times real time")
    print(f"  processor time: {took_cpu_s:.1f} s, {simulated_s / took_cpu_s:.0f} simulated seconds per second")
    print(f"  world alone: {simulated_s / alone_s:.0f} times real time, {alone_s / took_cpu_s:.0%} of the rehearsal")


def main() -> None:
    """Measure and print."""
    measure("demo", DATA / "demo-protocol.toml", DATA / "demo-rig.toml")
    with tempfile.TemporaryDirectory(prefix="amperfuse-benchmark-") as folder:
        measure("six hours, two pumps, four channels", *six_hours(Path(folder)))


if __name__ == "__main__":
    main()
