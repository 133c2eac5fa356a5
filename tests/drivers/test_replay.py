"""``replay://FILE``: the recorded bytes, at their recorded distances, to a host that says what was said then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivers.capabilities import (
    AmperometrySettings,
    DriverOptions,
    ElectrodeSettings,
    Potentiostat,
    PumpProgram,
    SampleBlock,
    SyringePump,
)
from drivers.clock import NS_PER_S, PacedClock, VirtualClock
from drivers.errors import PortBusy, PortError, PortLost, PortMissing, ReplayDiverged
from drivers.registry import bench, driver
from drivers.replay import ReplayOpener, WithReplays, is_replay_url, replay_path
from drivers.transcripts import TranscriptHeader, TranscriptWriter
from drivers.transport import LineSettings, TransportOpener

LINE = LineSettings()
HEAD = "# amperfuse transcript 1\n# url: x\n# began: 2026-11-25T09:30:00.000000000Z\n# line: 9600 8N1\n"
TALK = """\
0.100000000 < "hello "
1.000000000 > "VER"
1.000100000 > "\\r"
1.020100000 < "NE"
1.050100000 < "1000"
2.000000000 > "RUN\\r"
2.010000000 < "ok"
3.010000000 < "1 "
4.010000000 < "2 "
5.010000000 < "3 "
9.000000000 > "STP\\r"
9.005000000 < "stopped"
"""


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., tuple[Any, VirtualClock]]:
    def play(talk: str = TALK, name: str = "t.transcript") -> tuple[Any, VirtualClock]:
        (tmp_path / name).write_text(HEAD + talk)
        clock = VirtualClock()
        clock.jump_ns(77 * NS_PER_S)
        opener = ReplayOpener(clock)
        return opener.open(f"replay://{tmp_path / name}", LINE), clock

    return play


def s(clock: VirtualClock) -> float:
    return round(clock.now_ns() / NS_PER_S - 77, 6)


def test_bytes_come_at_their_distance_from_the_request_before_them(play: Any) -> None:
    line, clock = play()
    assert line.read(100, 0.05) == b""
    assert (line.read(100, 1.0), s(clock)) == (b"hello ", 0.1)
    assert (line.read(100, 30.0), s(clock)) == (b"", 30.1)  # the host is slower than it was then: nobody answers yet
    line.write(b"VER\r", 1.0)
    assert (line.read(100, 1.0), s(clock)) == (b"NE", 30.12)
    assert (line.read(2, 1.0), s(clock)) == (b"10", 30.15)
    assert (line.read(100, 1.0), s(clock)) == (b"00", 30.15)
    line.write(b"RUN\r", 1.0)
    for data, at in [(b"ok", 30.16), (b"1 ", 31.16), (b"2 ", 32.16), (b"3 ", 33.16)]:
        assert (line.read(100, 5.0), s(clock)) == (data, at)
    line.write(b"STP\r", 1.0)
    assert (line.read(100, 5.0), s(clock)) == (b"stopped", 33.165)
    assert line.read(100, 60.0) == b""


def test_how_a_request_is_cut_into_pieces_does_not_matter(play: Any) -> None:
    line, _ = play()
    line.read(100, 1.0)
    for byte in b"VER\r":
        line.write(bytes([byte]), 1.0)
    assert line.read(100, 1.0) + line.read(100, 1.0) == b"NE1000"


def test_a_stream_that_is_ended_early_is_left_out_from_there(play: Any) -> None:
    line, clock = play()
    line.read(100, 1.0)
    line.write(b"VER\r", 1.0)
    line.write(b"RUN\r", 1.0)  # at once: what would have come within a quarter of a second is not lost
    assert line.read(100, 0.0) == b"NE1000"
    assert line.read(100, 1.0) == b"ok"
    assert line.read(100, 1.0) == b"1 "
    line.write(b"STP\r", 1.0)
    assert line.read(100, 1.0) == b"stopped"
    assert line.playback.skipped_bytes == 4
    assert s(clock) < 1.3


def test_R39_another_talk_is_refused_with_line_expected_and_written(play: Any) -> None:
    line, _ = play()
    line.read(100, 1.0)
    line.write(b"VER\r", 1.0)
    with pytest.raises(ReplayDiverged, match=r"t\.transcript, line 10: expected RUN\\r, RXN\\r was written"):
        line.write(b"RXN\r", 1.0)
    for use in (lambda: line.read(1, 1.0), lambda: line.write(b"RUN\r", 1.0), line.discard_input):
        with pytest.raises(PortLost, match="expected RUN"):  # and it stays of no use
            use()


def test_a_wrong_byte_late_in_a_request_is_found(play: Any) -> None:
    line, _ = play()
    line.write(b"V", 1.0)
    with pytest.raises(ReplayDiverged, match=r"line 6: expected VER, VEX\\r was written"):
        line.write(b"EX\r", 1.0)


def test_more_than_was_said_is_refused(play: Any) -> None:
    line, _ = play('0.000000000 > "A"\n0.100000000 < "B"\n')
    with pytest.raises(ReplayDiverged, match=r"has no further request, C was written"):
        line.write(b"AC", 1.0)


def test_a_line_that_was_lost_is_lost_again_and_found_again(play: Any) -> None:
    line, clock = play('0.000000000 > "A"\n0.500000000 ! "unplugged"\n9.000000000 < "boot"\n')
    url = line.port
    line.write(b"A", 1.0)
    with pytest.raises(PortLost, match="lost here when this was recorded: unplugged"):
        line.read(1, 1.0)
    assert s(clock) == 0.5
    line.close()
    opener = ReplayOpener(clock)
    opener._lines[url] = line
    again = opener.open(url, LINE)
    assert (again.read(100, 20.0), s(clock)) == (b"boot", 9.0)


def test_writing_before_a_recorded_loss_of_the_line_is_another_talk(play: Any) -> None:
    line, _ = play('0.000000000 > "A"\n0.500000000 ! "unplugged"\n0.900000000 > "B"\n')
    with pytest.raises(ReplayDiverged, match="line 6: the line was lost here"):
        line.write(b"AB", 1.0)


def test_opened_again_it_goes_on_or_begins_anew_where_only_that_fits(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(HEAD + TALK)
    clock = VirtualClock()
    opener = ReplayOpener(clock)
    url = f"replay://{tmp_path / 't'}"
    first = opener.open(url, LINE)
    with pytest.raises(PortBusy):
        opener.open(url, LINE)
    first.write(b"VER\r", 1.0)
    assert first.read(8, 1.0) + first.read(10, 1.0) == b"hello NE"
    clock.jump_ns(NS_PER_S)
    first.close()  # "1000" came while nobody listened
    second = opener.open(url, LINE)
    second.write(b"RUN\r", 1.0)  # goes on
    assert second.read(10, 1.0) == b"ok"
    second.close()
    third = opener.open(url, LINE)
    third.write(b"VER\r", 1.0)  # begins anew
    assert third.read(8, 1.0) + third.read(10, 1.0) == b"hello NE"
    assert third.read(10, 1.0) == b"1000"
    third.close()
    third.close()
    fourth = opener.open(url, LINE)
    with pytest.raises(ReplayDiverged, match="line 10: expected RUN"):
        fourth.write(b"HALT\r", 1.0)


@pytest.mark.parametrize(
    ("url", "kind", "says"),
    [
        ("replay://", PortError, "write replay://FILE"),
        ("replay:////host/share/t", PortError, "network path"),
        ("replay://a\\b", PortError, "network path"),
        ("replay://t?speed=2", PortError, "write replay://FILE"),
        ("replay://none/there", PortMissing, "no such recording"),
        ("replay:///", PortError, "write replay://FILE"),
        ("replay:///tmp", PortError, 'driver = "replay"'),
    ],
)
def test_what_cannot_be_played_is_refused_when_it_is_opened(url: str, kind: type[PortError], says: str) -> None:
    with pytest.raises(kind, match=says):
        ReplayOpener(VirtualClock()).open(url, LINE)


def test_a_bad_file_is_refused_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(HEAD + "rubbish\n")
    with pytest.raises(PortError, match="t, line 5: read rubbish"):
        ReplayOpener(VirtualClock()).open(f"replay://{tmp_path / 't'}", LINE)


def test_blanks_and_question_marks_are_written_as_percent_signs() -> None:
    assert replay_path("replay:///a/b%20c%3F.t") == Path("/a/b c?.t")
    assert replay_path("replay://rel/x.t") == Path("rel/x.t")
    assert is_replay_url("REPLAY://x")


def test_R24_a_recording_is_never_opened_among_real_ports(tmp_path: Path) -> None:
    class Real:
        simulated = False

        def open(self, url: str, settings: LineSettings) -> Any:
            raise AssertionError

    (tmp_path / "t").write_text(HEAD + TALK)
    with pytest.raises(PortError, match="only where every instrument is simulated"):
        WithReplays(Real(), VirtualClock()).open(f"replay://{tmp_path / 't'}", LINE)
    assert ReplayOpener(VirtualClock()).simulated


def test_in_real_time_a_read_is_woken_by_what_comes(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(HEAD + '0.050000000 < "x"\n')
    clock = PacedClock(2.0)
    line = ReplayOpener(clock).open(f"replay://{tmp_path / 't'}", LINE)
    began_ns = clock.now_ns()
    assert line.read(10, 5.0) == b"x"
    assert 0.05 <= (clock.now_ns() - began_ns) / NS_PER_S < 2.0


POLLS = """\
0.000000000 > "RUN"
0.010000000 < "ok"
1.000000000 > "?"
1.010000000 < "1"
2.000000000 > "?"
2.010000000 < "2"
3.000000000 > "STP"
3.010000000 < "bye"
4.000000000 > "?"
4.010000000 < "0"
"""


def talk(line: Any, *requests: bytes) -> bytes:
    said = b""
    for request in requests:
        line.write(request, 1.0)
        said += line.read(10, 1.0)
    return said


@pytest.mark.parametrize(
    ("requests", "answers"),
    [
        ((b"RUN", b"?", b"?", b"STP", b"?"), b"ok12bye0"),
        ((b"RUN", b"?", b"?", b"?", b"?", b"STP", b"?"), b"ok1222bye0"),
        ((b"RUN", b"?", b"STP", b"?", b"?"), b"ok1bye00"),
        ((b"RUN", b"STP"), b"okbye"),
    ],
)
def test_with_any_polls_a_poll_may_come_more_often_or_not_at_all(
    requests: tuple[bytes, ...], answers: bytes, tmp_path: Path
) -> None:
    (tmp_path / "t").write_text(HEAD + POLLS)
    line = ReplayOpener(VirtualClock()).open(f"replay://{tmp_path / 't'}?polls=any", LINE)
    assert talk(line, *requests) == answers


@pytest.mark.parametrize(
    ("polls", "requests"),
    [
        ("?polls=any", (b"RUN", b"RUN")),  # R36: an action repeated is found out
        ("?polls=any", (b"?",)),  # nothing is known yet
        ("?polls=any", (b"RUN", b"?", b"STP", b"STP")),
        ("", (b"RUN", b"?", b"?", b"?")),
        ("", (b"RUN", b"STP")),
    ],
)
def test_R36_an_action_is_never_answered_twice_and_without_the_option_neither_is_a_poll(
    polls: str, requests: tuple[bytes, ...], tmp_path: Path
) -> None:
    (tmp_path / "t").write_text(HEAD + POLLS)
    line = ReplayOpener(VirtualClock()).open(f"replay://{tmp_path / 't'}{polls}", LINE)
    talk(line, *requests[:-1])
    with pytest.raises(ReplayDiverged):
        talk(line, requests[-1])


# --- the same driver, once on the simulated instrument and once on what was recorded of it ---------------------------


def use_pump(opener: TransportOpener, url: str, clock: VirtualClock, name: str, on_wire: Any = lambda _r: None) -> Any:
    pump = driver(name)(opener, url, clock, DriverOptions("it", on_wire=on_wire))
    assert isinstance(pump, SyringePump)
    said: list[Any] = [pump.connect()]
    said.append(pump.program(PumpProgram(4.61, 5.0, 2.0)))
    said.append(pump.start().motion)
    for _ in range(30):
        clock.sleep_until_ns(clock.now_ns() + NS_PER_S)
        status = pump.status()
        said.append((status.motion, status.infused_ul, status.alarm))
    said.append(pump.stop().infused_ul)
    pump.close()
    return said


@pytest.mark.parametrize("name", ["new-era", "chemyx", "harvard-ultra"])
def test_a_recorded_pump_gives_the_same_driver_the_same_run(name: str, tmp_path: Path) -> None:
    clock = VirtualClock()
    path = tmp_path / "t"
    writer = TranscriptWriter.create(path, TranscriptHeader(f"sim://{name}", clock.wall_ns(), simulated=True), clock)
    then = use_pump(bench()(clock, {}, 1, []), f"sim://{name}", clock, name, writer.wire)
    writer.close(clock.now_ns())
    now = VirtualClock()
    assert use_pump(ReplayOpener(now), f"replay://{path}", now, name) == then
    other = driver(name)(ReplayOpener(now), f"replay://{path}", now, DriverOptions("it"))
    assert isinstance(other, SyringePump)
    other.connect()
    with pytest.raises(ReplayDiverged, match=r"line \d+: expected"):  # a driver that writes otherwise is found out
        other.program(PumpProgram(4.60, 5.0, 2.0))


def use_sensor(
    opener: TransportOpener, url: str, clock: VirtualClock, name: str, record: Any = lambda _o, _u, _c: None
) -> tuple[Any, list[SampleBlock]]:
    sensor = driver(name)(opener, url, clock, DriverOptions("it"))
    assert isinstance(sensor, Potentiostat)
    identity = sensor.connect()
    sensor.start(AmperometrySettings(0.6, 0.1, (ElectrodeSettings("glu", "we1", 1e-7),)))
    blocks: list[SampleBlock] = []
    while clock.now_ns() < 20 * NS_PER_S:
        blocks += sensor.read(1.0)
    sensor.stop()
    sensor.close()
    return identity, blocks


class Recording:
    """Writes down what crosses a line, as the tap does, on virtual time."""

    simulated = True

    def __init__(self, opener: TransportOpener, writer: TranscriptWriter, clock: VirtualClock) -> None:
        self.opener, self.writer, self.clock = opener, writer, clock

    def open(self, url: str, settings: LineSettings) -> Any:
        self.line = self.opener.open(url, settings)
        self.port, self.close = url, self.line.close
        return self

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        data = self.line.read(max_bytes, timeout_s)
        self.writer.add("in", data, self.clock.now_ns())
        return data

    def write(self, data: bytes, timeout_s: float) -> None:
        self.writer.add("out", data, self.clock.now_ns())
        self.line.write(data, timeout_s)

    def discard_input(self) -> bytes:
        data = self.line.discard_input()
        self.writer.add("in", data, self.clock.now_ns())
        return data


@pytest.mark.parametrize(("name", "twin"), [("methodscript", "emstat"), ("rodeostat", "rodeostat")])
def test_a_recorded_stream_gives_the_same_driver_the_same_samples(name: str, twin: str, tmp_path: Path) -> None:
    clock = VirtualClock()
    writer = TranscriptWriter.create(tmp_path / "t", TranscriptHeader(f"sim://{twin}", 0), clock)
    recording = Recording(bench()(clock, {}, 1, []), writer, clock)
    identity, then = use_sensor(recording, f"sim://{twin}", clock, name)
    writer.close(clock.now_ns())
    now = VirtualClock()
    again, played = use_sensor(ReplayOpener(now), f"replay://{tmp_path / 't'}", now, name)
    assert again == identity

    def joined(blocks: list[SampleBlock], what: str) -> Any:
        return np.concatenate([getattr(block, what) for block in blocks])

    assert len(joined(then, "index")) > 150
    for what in ("index", "current_a", "flags"):
        assert np.array_equal(joined(played, what), joined(then, what))
    assert [b.t0_ns for b in played] == [b.t0_ns for b in then]
