"""A rehearsal: no port opened, nothing left to chance, and it says what became of the plan."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from acquisition.engine.session import build_session
from acquisition.host.rehearsal import RehearsalResult, rehearse
from acquisition.plan import MarkStep, OperatorStep, Plan, WaitStep
from acquisition.recording.verify import session_fingerprint
from drivers.clock import VirtualClock
from tests.engine.kit import INFUSION, LIMITS, PUMP, SENSOR, MemorySink, SimulatedOpener, make_plan

STEPS = (INFUSION, OperatorStep(2, "look"), WaitStep(3, "washout", 20.0), MarkStep(4, "end"))


def run(tmp_path: Path, plan: Plan, **options: object) -> RehearsalResult:
    return rehearse(plan, LIMITS, out_dir=tmp_path, files={"protocol.toml": b"a = 1\n"}, software="test", **options)  # type: ignore[arg-type]


def real_rig() -> Plan:
    plan = make_plan(STEPS, [replace(PUMP, url="/dev/ttyUSB0")], [replace(SENSOR, url="COM7")])
    return replace(plan, simulated=False)


def test_a_real_rig_is_rehearsed_without_opening_its_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_args: object, **_options: object) -> None:
        pytest.fail("a real port was opened")

    monkeypatch.setattr("serial.serial_for_url", opened)
    monkeypatch.setattr("serial.Serial.open", opened)

    result = run(tmp_path, real_rig())

    assert result.outcome == "finished"
    assert result.truth["pumps"]["drug"]["true_delivered_ul"] == pytest.approx(INFUSION.volume_ul, rel=1e-3)
    assert result.confirmed_ul["drug"] == pytest.approx(INFUSION.volume_ul, abs=0.01)
    assert "SIMULATED" in result.session_dir.name
    assert tomllib.loads((result.session_dir / "protocol.toml").read_text()) == {"a": 1}


@pytest.mark.parametrize(
    ("driver", "model"), [("new-era", "NE-4000"), ("new-era", "NE-500"), ("harvard-ultra", "PHD ULTRA")]
)
def test_a_rig_as_scan_writes_it_is_rehearsed_on_twins_of_its_models_whatever_their_serial_numbers(
    tmp_path: Path, driver: str, model: str
) -> None:
    pump = replace(
        PUMP, url="/dev/ttyUSB0", driver=driver, expected_model=model, expected_serial_number="D99", watchdog_s=0
    )
    sensor = replace(SENSOR, url="COM7", expected_serial_number="ESPIC99B1234")
    result = run(tmp_path, replace(make_plan(STEPS, [pump], [sensor]), simulated=False))
    assert result.outcome == "finished", result.alarms
    assert result.truth["pumps"]["drug"]["true_delivered_ul"] == pytest.approx(INFUSION.volume_ul, rel=1e-2)


def test_the_same_seed_gives_the_same_session_and_another_seed_another(tmp_path: Path) -> None:
    plan = make_plan(STEPS)
    first, again, other = (run(tmp_path, plan, seed=seed, faults=["drug:drop~0.02"]) for seed in (4, 4, 5))

    assert session_fingerprint(first.session_dir) == session_fingerprint(again.session_dir)
    assert session_fingerprint(first.session_dir) != session_fingerprint(other.session_dir)
    assert len({first.session_dir, again.session_dir, other.session_dir}) == 3, "nothing is overwritten"


def test_a_rehearsal_that_a_fault_halts_ends_and_says_why(tmp_path: Path) -> None:
    result = run(tmp_path, make_plan(STEPS), faults=["drug:stall@20s"])

    assert result.outcome == "the plan was held at step 1"
    assert any(alarm.alarm_id == "pump-stall:drug" for alarm in result.alarms)


def test_progress_rises_to_one(tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []

    run(tmp_path, make_plan((WaitStep(1, "long", 600.0),)), progress=lambda part, text: told.append((part, text)))

    parts = [part for part, _ in told]
    assert parts == sorted(parts)
    assert parts[-1] == 1.0
    assert len(parts) > 3


def test_an_interrupted_rehearsal_leaves_nothing(tmp_path: Path) -> None:
    def press_ctrl_c(part: float, _text: str) -> None:
        if part > 0.1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, make_plan((WaitStep(1, "long", 600.0),)), progress=press_ctrl_c)

    assert list(tmp_path.iterdir()) == []


def test_a_bad_fault_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="explode"):
        run(tmp_path, make_plan(STEPS), faults=["drug:explode@3s"])

    assert list(tmp_path.iterdir()) == []


def test_R24_a_real_plan_is_not_built_on_simulated_ports(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="simulated"):
        build_session(
            real_rig(),
            LIMITS,
            opener=SimulatedOpener(),
            clock=VirtualClock(),
            out_dir=tmp_path,
            recorder=lambda _dir, _header, clock: MemorySink(clock),
            files={},
            software="test",
        )

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../../etc", "a/b\\c:d", "CON", "x" * 300, "<b>Versuch</b> µ", "..."])
def test_X3_a_name_from_a_file_never_becomes_a_path(tmp_path: Path, name: str) -> None:
    plan = replace(make_plan((MarkStep(1, "m"),)), name=name)

    result = run(tmp_path, plan)

    assert result.session_dir.parent == tmp_path
    assert len(result.session_dir.name) < 90
    assert result.session_dir.name.isascii()
