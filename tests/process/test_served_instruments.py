"""The engine on real lines: instruments served on ptys by other processes, which outlive a killed engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from acquisition.client import EngineClient
from acquisition.messages import EngineState
from acquisition.recording.session_data import read_session
from acquisition.service.exit_codes import ExitCode
from acquisition.service.launch import EngineDidNotStart, start_engine
from drivers import os_support, registry
from drivers.capabilities import DriverOptions, PumpAlarm, PumpStatus, SyringePump
from drivers.clock import NS_PER_S, SystemClock
from drivers.serial_port import SerialOpener
from tests.process.bench_kit import served
from tests.process.engine_kit import (
    LONG,
    RIG,
    Files,
    amperfuse,
    pass_preflight,
    private_runtime,
    running_engine,
    wait_gone,
    write_files,
)

IN_THE_PUMP = "drug=bd-plastic-1ml"
WATCHDOG_S = 5
RATE_UL_PER_S = 1.0 / 60


@pytest.fixture(autouse=True)
def private() -> Iterator[None]:
    with private_runtime():
        yield


def infusing(state: EngineState) -> bool:
    return state.pumps[0].motion == "infusing" and state.pumps[0].delivered_ul > 0


@pytest.mark.slow
def test_R13_R41_R53_a_killed_engine_leaves_a_pump_that_stops_itself_and_a_whole_recording(tmp_path: Path) -> None:
    with served("new-era", tmp_path / "pump") as pump_link, served("emstat", tmp_path / "stat") as stat_link:
        rig = RIG.replace("sim://new-era?seed=1", str(pump_link)).replace("sim://emstat?seed=2", str(stat_link))
        old_weight = '\n[[soft_limit_overrides]]\nlimit = "weighing-age"\nby = "tester"\nreason = "no animal"\n'
        files = write_files(tmp_path, LONG + old_weight, rig)
        with pytest.raises(EngineDidNotStart, match='nobody stands for the limits "mouse, shipped"'):
            start_engine(files.options())
        assert amperfuse("approve", "--rig", files.rig, "--by", "A. Vet").returncode == 0
        with pytest.raises(EngineDidNotStart, match="nobody has said which syringe is in it today"):
            start_engine(files.options())
        with pytest.raises(EngineDidNotStart, match='you see "bd-plastic-3ml" in it'):
            start_engine(files.options(syringes=("drug=bd-plastic-3ml",)))
        with running_engine(files.options(autostart=True, syringes=(IN_THE_PUMP,))) as engine:
            with EngineClient.connect(engine) as client:
                pass_preflight(client)
                seen = client.wait_for(infusing, 60.0)
                assert seen is not None, client.state
            os_support.kill_hard(engine.pid)
            assert wait_gone(engine.pid)
        clock = SystemClock()
        clock.sleep_until_ns(clock.now_ns() + (WATCHDOG_S + 1) * NS_PER_S)

        status = stopped_pump(str(pump_link), clock)

        assert status.alarm is PumpAlarm.WATCHDOG, "its own watchdog stopped it, nobody else"
        given_ul = status.infused_ul
        assert 0 < given_ul < 10
        a_person_answers_before_the_next_run(files, engine.session_dir, given_ul)
        assert amperfuse("verify", engine.session_dir).returncode == 0
        its_dose_counts_in_the_next_session(files)
    data = read_session(engine.session_dir)
    assert data.header.simulated is False
    assert any(IN_THE_PUMP in event.text for event in data.events), "what the person saw is in the recording"
    assert sum(len(stream.index) for stream in data.streams.values()) >= seen.channels[0].samples
    confirmed_ul, uncertain_ul = data.infusions["drug"].confirmed_ul[-1], data.infusions["drug"].uncertain_ul[-1]
    last_row_s = RATE_UL_PER_S * (WATCHDOG_S + 1)
    assert confirmed_ul <= given_ul <= confirmed_ul + uncertain_ul + last_row_s


def a_person_answers_before_the_next_run(files: Files, session_dir: Path, given_ul: float) -> None:
    """R53: the next start stops the pump, books, closes the recording, and is refused until a person has decided."""
    listed = amperfuse("unfinished")
    assert listed.returncode == 14
    assert session_dir.name in listed.stdout
    with pytest.raises(EngineDidNotStart) as refused:
        start_engine(files.options(syringes=(IN_THE_PUMP,)))
    assert refused.value.code is ExitCode.UNFINISHED
    said = str(refused.value)
    assert "STOP confirmed" in said
    assert f"amperfuse reconcile {session_dir.name}" in said
    asked = amperfuse("reconcile", session_dir)
    assert asked.returncode == 14, asked.stderr
    assert f"at least {given_ul:.4g} µL" in asked.stdout
    answered = amperfuse("reconcile", session_dir.name, "--by", "A. Vet", "--decision", "no more today")
    assert answered.returncode == 0, answered.stderr


def its_dose_counts_in_the_next_session(files: Files) -> None:
    """R54: what a killed engine's pump gave stands in the animal's book, and a person can correct it."""
    told = amperfuse("doses", "m1")
    assert "settled by the pump's counter after a crash" in told.stdout
    settled = amperfuse("settle", "m1", "1", "--given", "160 uL", "--by", "A. Vet", "--reason", "syringe was swapped")
    assert settled.returncode == 0, settled.stderr
    assert "160 µL" in amperfuse("doses", "m1").stdout
    again = amperfuse("rehearse", files.protocol, "--rig", files.rig, "--out", files.out)
    assert again.returncode == 2
    assert "hard limit ketamine-iv-dose" in again.stderr


def stopped_pump(url: str, clock: SystemClock) -> PumpStatus:
    options = DriverOptions("pump")
    pump = registry.driver("new-era")(SerialOpener(clock), url, clock, options)
    assert isinstance(pump, SyringePump)
    try:
        pump.connect()
        status = pump.status()
        assert status.motion.is_still
        return status
    finally:
        with suppress(OSError):
            pump.close()
