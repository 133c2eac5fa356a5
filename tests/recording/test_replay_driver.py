"""The driver ``replay``: a recorded session plays a potentiostat with its currents, flags, gaps and epochs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acquisition.recording.journal import JOURNAL_NAME
from acquisition.recording.recorder import InlineRecorder
from acquisition.recording.replay_driver import ReplayPotentiostat, build
from acquisition.recording.session_data import read_session
from drivers import registry
from drivers.capabilities import AmperometrySettings, DriverOptions, ElectrodeSettings, Potentiostat, SampleBlock
from drivers.clock import NS_PER_S, VirtualClock
from drivers.errors import DeviceRefused, NotEncodable, PortLost, PortMissing
from drivers.replay import ReplayOpener
from tests.analysis.session_kit import write_session

BOTH = (ElectrodeSettings("b", "null", 1e-7), ElectrodeSettings("a", "glu", 1e-8))
SETTINGS = AmperometrySettings(0.7, 0.1, BOTH)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("session")
    write_session(folder)
    return folder


def player(folder: Path, **settings: Any) -> tuple[ReplayPotentiostat, VirtualClock]:
    clock = VirtualClock()
    clock.jump_ns(123 * NS_PER_S + 7)
    options = DriverOptions("yesterday", settings=settings)
    return build(ReplayOpener(clock), f"replay://{folder}", clock, options), clock


def play(device: ReplayPotentiostat, blocks: list[SampleBlock]) -> None:
    while True:
        blocks += device.read(5.0)


def test_it_is_found_by_name_and_is_a_potentiostat(session: Path) -> None:
    found: object = registry.driver("replay")
    assert found is build
    assert isinstance(player(session)[0], Potentiostat)


def test_it_says_replay_where_an_instrument_says_its_model(session: Path) -> None:
    device, _ = player(session)
    identity = device.connect()
    assert (identity.family, identity.model) == ("replay", "REPLAY of stat")
    assert identity.serial_number == read_session(session).header.session_id


def test_samples_flags_and_gaps_come_as_recorded_at_their_recorded_distances(session: Path) -> None:
    then = read_session(session).streams["stat"]
    device, clock = player(session)
    device.connect()
    used = device.start(SETTINGS)
    assert [electrode.range_a for electrode in used.electrodes] == [1e-7, 1e-7]  # what it was recorded with
    began_ns = clock.now_ns()
    blocks: list[SampleBlock] = []
    with pytest.raises(PortLost, match="REPLAY: the recording is over"):
        play(device, blocks)
    assert {block.channels for block in blocks} == {("b", "a")}
    assert {block.instrument for block in blocks} == {"yesterday"}
    t_ns = np.concatenate([block.t_ns() for block in blocks])
    assert np.array_equal(t_ns - began_ns, then.t_ns - then.t_ns[0])
    assert np.array_equal(np.concatenate([block.current_a for block in blocks]), then.current_a[:, ::-1])
    assert np.array_equal(np.concatenate([block.flags for block in blocks]), then.flags[:, ::-1])
    assert np.array_equal(np.concatenate([block.index for block in blocks]), then.index)
    assert np.diff(then.index).max() > 1  # there is a gap in it, and it stays one
    assert clock.now_ns() - began_ns == then.received_ns[-1] - then.t_ns[0]


def test_nothing_comes_before_it_was_received_then(session: Path) -> None:
    device, clock = player(session)
    device.connect()
    device.start(SETTINGS)
    began_ns = clock.now_ns()
    assert device.read(0.0) == []
    while not (blocks := device.read(0.5)):
        assert clock.now_ns() - began_ns < 120 * NS_PER_S
    assert blocks[0].received_ns == clock.now_ns()
    assert blocks[-1].t_ns()[-1] <= clock.now_ns()


def test_a_second_start_goes_on_as_a_new_epoch_without_what_came_meanwhile(session: Path) -> None:
    device, clock = player(session)
    device.connect()
    device.start(SETTINGS)
    first = device.read(100.0)
    device.stop()
    with pytest.raises(DeviceRefused, match="not started"):
        device.read(1.0)
    clock.jump_ns(300 * NS_PER_S)
    again_ns = clock.now_ns()
    device.start(SETTINGS)
    second = device.read(100.0)
    assert second[0].epoch == first[0].epoch + 1
    assert second[0].received_ns > again_ns
    assert second[0].index[0] - first[-1].index[-1] >= 2000


def test_after_the_end_it_is_gone_and_says_why(session: Path) -> None:
    device, _ = player(session)
    device.connect()
    device.start(SETTINGS)
    with pytest.raises(PortLost):
        play(device, [])
    device.close()
    with pytest.raises(PortMissing, match="the recording is over"):
        device.connect()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (replace(SETTINGS, interval_s=0.2), "made with interval = 0.1 s, not 0.2 s"),
        (replace(SETTINGS, potential_v=0.6), "made with potential = 0.7 V, not 0.6 V"),
        (replace(SETTINGS, electrodes=(ElectrodeSettings("x", "we1", 1e-8),)), "no channel .we1.*glu, null"),
        (replace(SETTINGS, electrodes=(ElectrodeSettings("x", "glu", 1e-6),)), "range of 1e-07 A"),
    ],
)
def test_settings_that_are_not_those_of_the_recording_are_refused(
    session: Path, settings: AmperometrySettings, says: str
) -> None:
    with pytest.raises(NotEncodable, match=says):
        player(session)[0].checked(settings)


@pytest.mark.parametrize(
    ("url", "options", "says"),
    [
        ("/dev/ttyUSB0", {}, "write replay://FOLDER"),
        ("replay:///none/there", {}, "no recorded session"),
        ("replay://{0}", {"instrument": "other"}, "it has: stat"),
        ("replay://{1}/empty", {}, "no session journal: it is empty"),
        ("replay://{1}/foreign", {}, "no session journal: damaged at byte 0"),
    ],
)
def test_what_is_no_recording_is_no_instrument(
    session: Path, tmp_path: Path, url: str, options: dict[str, Any], says: str
) -> None:
    for name, content in (("empty", b""), ("foreign", b"PK\x03\x04" * 100)):
        (tmp_path / name).mkdir()
        (tmp_path / name / JOURNAL_NAME).write_bytes(content)
    clock = VirtualClock()
    device = build(ReplayOpener(clock), url.format(session, tmp_path), clock, DriverOptions("it", settings=options))
    with pytest.raises(PortMissing, match=says):
        device.connect()
    with pytest.raises(NotEncodable, match=says):
        device.checked(SETTINGS)


GOOD = SampleBlock(
    "stat", 0, 5, 10, ("glu", "null"), np.arange(3), np.zeros((3, 2)), np.zeros((3, 2), np.uint8), received_ns=99
)


@pytest.mark.parametrize(
    "bad",
    [
        replace(GOOD, index=np.array([2, 1, 3])),
        replace(GOOD, index=np.array([-1, 0, 1])),
        replace(GOOD, index=np.array([1, 2, 1 << 61])),
        replace(GOOD, interval_ns=0),
        replace(GOOD, interval_ns=-10),
        replace(GOOD, t0_ns=(1 << 62)),
        replace(GOOD, received_ns=(1 << 62)),
        replace(GOOD, current_a=np.full((3, 2), np.nan)),
        GOOD,  # the same samples again
    ],
)
def test_hostile_samples_end_the_replay(session: Path, bad: SampleBlock, tmp_path: Path) -> None:
    header = replace(read_session(session).header, pumps=())
    folder = tmp_path / "hostile"
    folder.mkdir()
    recorder = InlineRecorder.create(folder, header, VirtualClock())
    recorder.samples(GOOD)
    recorder.samples(bad)
    recorder.close()
    device, _ = player(folder)
    device.connect()
    device.start(SETTINGS)
    with pytest.raises(PortLost, match="damaged"):
        play(device, [])
    with pytest.raises(PortMissing, match="over"):
        device.connect()
