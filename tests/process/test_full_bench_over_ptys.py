"""The full bench in real time: six simulated lines in processes of their own, one engine process on real ports."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from acquisition.books import sessions
from acquisition.client import EngineClient, EngineLost
from acquisition.events import EventKind
from acquisition.experiment.rig import load_rig
from acquisition.recording.session_data import SessionData, read_session
from drivers import registry
from drivers.capabilities import DriverOptions, SyringePump
from drivers.clock import NS_PER_S, SystemClock
from drivers.serial_port import SerialOpener
from drivers.shared_line import SharedLines
from tests.full_bench import CHANNELS, REAL_RIG, short_protocol
from tests.process.bench_kit import served
from tests.process.engine_kit import amperfuse, pass_preflight, private_runtime, running_engine, wait_gone, write_files

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals"),
]
SERVED = {
    "chain": ("new-era?chain=0,1", "usb:0403:6001/A50285BI"),
    "legato": ("harvard-ultra", "/dev/serial/by-id/usb-KD_Scientific_Legato_100_D100001-if00"),
    **{
        f"ch{k}": (
            f"emstat?model=mes4lr&channel={k}",
            f"/dev/serial/by-id/usb-PalmSens_MultiEmStat4_LR_ME4A01CH00{k}-if00",
        )
        for k in (1, 2, 3, 4)
    },
    "tether": ("pinnacle-8401?ttl1_every_s=5", "usb:0403:6014/PT8401A7"),
}
PLACES = {link: place for link, (_name, place) in SERVED.items()}
SHORTER = (
    ('[[steps]]\nwait_for_operator = "Sensors settled? All three lines connected, clamps open?"\n', ""),
    ('wait = "8 s"', 'wait = "3 s"'),
    ('wait = "5 s"', 'wait = "1 s"'),
    ('volume = "30 nL", rate = "0.1 uL/min"', 'volume = "10 nL", rate = "0.2 uL/min"'),
    ('dose = "0.08 mg/kg"', 'dose = "0.02 mg/kg"'),
    ('volume = "0.4 uL"', 'volume = "0.1 uL"'),
    ('weighed = "2026-11-23"', 'weighed = "2026-01-01"'),
)
OLD_WEIGHT = '\n[[soft_limit_overrides]]\nlimit = "weighing-age"\nby = "tester"\nreason = "no animal"\n'
DOSES_UL = {"ketamine": 0.1, "flush": 0.1, "local": 0.01}


@pytest.fixture(autouse=True)
def private() -> Iterator[None]:
    with private_runtime():
        yield


def test_the_full_bench_runs_its_protocol_on_real_ports_in_real_time(tmp_path: Path) -> None:
    rig = REAL_RIG.read_text(encoding="utf-8")
    for link, place in PLACES.items():
        assert place in rig
        rig = rig.replace(place, str(tmp_path / link))
    files = write_files(tmp_path, short_protocol(*SHORTER) + OLD_WEIGHT, rig)
    assert amperfuse("approve", "--rig", files.rig, "--by", "A. Vet").returncode == 0
    with ExitStack() as bench:
        for link, (name, _place) in SERVED.items():
            bench.enter_context(served(name, tmp_path / link))
        seen = tuple(f"{pump.name}={pump.syringe}" for pump in load_rig(files.rig).pumps)
        with running_engine(files.options(autostart=True, finish_when_done=True, syringes=seen)) as engine:
            with EngineClient.connect(engine) as client:
                pass_preflight(client)
                with pytest.raises(EngineLost):
                    client.wait_for(lambda _state: False, 120.0)
            assert wait_gone(engine.pid), "nothing is left running"
        clock = SystemClock()
        for place, driver, address in (
            ("chain", "new-era", 0),
            ("chain", "new-era", 1),
            ("legato", "harvard-ultra", 0),
        ):
            assert is_still(str(tmp_path / place), driver, address, clock)
    session = read_session(engine.session_dir)
    assert not session.header.simulated
    assert sessions.unfinished() == (), "it was closed, with every pump confirmed"
    assert session.close is not None
    assert session.close.outcome == "finished"
    check_recording(session)
    assert amperfuse("verify", engine.session_dir).returncode == 0


def check_recording(session: SessionData) -> None:
    alarms = [event for event in session.events if event.kind is EventKind.ALARM]
    own = {"may-sleep"}  # of the computer: not every one lets itself be kept awake
    raised = {str(event.data["alarm"]) for event in alarms} - own
    assert raised == {"unattended"}, [event.text for event in alarms]
    for pump, dose_ul in DOSES_UL.items():
        assert session.infusions[pump].confirmed_ul[-1] == pytest.approx(dose_ul, abs=0.002)
    steps_ns = [event.t_ns for event in session.events if event.kind is EventKind.STEP]
    assert {name: stream.spec.channels for name, stream in session.streams.items()} == CHANNELS
    for stream in session.streams.values():
        assert stream.index.tolist() == list(range(stream.index.size)), "no sample is missing and none is there twice"
        assert set(stream.epoch.tolist()) == {1}
        assert not stream.flags.any()
        assert stream.t_ns[0] <= steps_ns[0]
        assert stream.t_ns[-1] >= steps_ns[-1] - NS_PER_S // 2
    assert any(event.text == "camera high" for event in session.events if event.source == "tether")
    closed = {event.source: event.text for event in session.events if event.text.startswith("Port closed")}
    assert closed == {
        **dict.fromkeys(DOSES_UL, "Port closed, pump confirmed stopped"),
        **dict.fromkeys(CHANNELS, "Port closed, cell off"),
    }


def is_still(url: str, driver: str, address: int, clock: SystemClock) -> bool:
    """Ask a pump itself, by a driver of our own."""
    pump = registry.driver(driver)(SharedLines(SerialOpener(clock), clock), url, clock, DriverOptions("pump", address))
    assert isinstance(pump, SyringePump)
    try:
        pump.connect()
        return pump.status().motion.is_still
    finally:
        with suppress(OSError):
            pump.close()
