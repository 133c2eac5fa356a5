"""The quick STOP at the engine's real door: what it tells of an engine that obeys, hangs, lies or is not there."""

from __future__ import annotations

import json
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection, Listener
from pathlib import Path

import pytest

from acquisition.service import discovery, door, served_client, stop_line
from acquisition.service.discovery import EngineRecord, EngineUnclear
from acquisition.service.exit_codes import ExitCode
from acquisition.service.stop_line import StopNotHeard, stop
from amperfuse import stop_now
from drivers import os_support
from tests.gui.fakes import pump
from tests.process.door_kit import NotingEngine, a_state, served

PUMPS = (pump(name="ket", stop_confirmed=True), pump(name="sal\x1b[2J", stop_confirmed=False))


def test_R33_a_stop_is_carried_out_and_the_pumps_are_named() -> None:
    with served() as house:
        house.publisher.state(a_state().model_copy(update={"pumps": PUMPS}))
        stopped = stop(house.record)
    assert house.engine.stops == ["amperfuse stop"]
    assert (stopped.confirmed, stopped.text) == (True, "done")
    assert [name for name, _confirmed in stopped.pumps] == ["ket", "sal\x1b[2J"]


def test_R33_a_conductor_that_hangs_has_its_pumps_stopped_and_is_told_as_not_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(served_client, "STOP_ANSWER_S", 0.2)
    monkeypatch.setattr(stop_line, "STATE_S", 0.2)
    with served(NotingEngine(hangs=True)) as house:
        stopped = stop(house.record)
    assert house.engine.stops == ["amperfuse stop"]
    assert not stopped.confirmed
    assert "NOT CONFIRMED STOPPED" in stopped.text


def test_R33_an_engine_of_another_version_or_without_a_door_sends_a_person_to_the_pump() -> None:
    with served() as house:
        with pytest.raises(StopNotHeard, match="its own STOP key"):
            stop(replace(house.record, protocol_version=99))
        record = house.record
        key = record.read_key()
    record.key_file.parent.mkdir(exist_ok=True)
    record.key_file.write_bytes(key)
    with pytest.raises(StopNotHeard, match="does not answer"):
        stop(record)
    record.key_file.unlink()
    record.key_file.parent.rmdir()


@contextmanager
def impostor(say: Callable[[Connection], None]) -> Iterator[EngineRecord]:
    """Serve somebody who knows the key and says whatever ``say`` says."""
    family = os_support.ipc_family()
    with tempfile.TemporaryDirectory(prefix="amp") as name:  # short: a socket's path has some 100 bytes
        folder = Path(name)
        address = os_support.ipc_address(folder, "engine")
        key_file = discovery.new_key(folder)
        record = EngineRecord(
            pid=1, address=address, family=family, key_file=key_file, session_dir=folder, simulated=False
        )
        with Listener(address, family) as listener:

            def serve() -> None:
                connection = listener.accept()
                door.let_in(connection, record.read_key())
                assert connection.recv_bytes() == stop_line.STOP
                say(connection)
                connection.close()

            thread = threading.Thread(target=serve)
            thread.start()
            yield record
            thread.join(timeout=10)
            assert not thread.is_alive()


@pytest.mark.parametrize(
    "messages",
    [
        [b"\xff", b"[]", b"null", b"{}", b'{"type":"answer","request":7,"ok":true,"confirmed":true}'],
        [b'{"type":"state","pumps":[1,null,{"name":3}]}', b'{"type":"state","pumps":"none"}'],
        [],
    ],
)
def test_X8_nothing_but_the_answer_to_this_stop_is_taken_for_one(messages: list[bytes]) -> None:
    def say(connection: Connection) -> None:
        for message in messages:
            connection.send_bytes(message)

    with impostor(say) as record, pytest.raises(StopNotHeard, match="no answer to stop"):
        stop(record)


@pytest.mark.parametrize("confirmed", [False, None, "yes", 1])
def test_R33_confirmed_is_true_and_nothing_else(confirmed: object) -> None:
    def say(connection: Connection) -> None:
        answer = {"type": "answer", "request": 1, "ok": True, "text": "\x1b[2Jdone", "confirmed": confirmed}
        connection.send_bytes(json.dumps(answer).encode())

    with impostor(say) as record:
        assert stop(record).confirmed is False


def state_of(now_ns: int, confirmed: str) -> bytes:
    """Say of pumps a and b that those named in ``confirmed`` did."""
    pumps = [{"name": name, "stop_confirmed": name in confirmed} for name in "ab"]
    return json.dumps({"type": "state", "now_ns": now_ns, "pumps": pumps}).encode()


@pytest.mark.parametrize(
    ("states", "pumps"),
    [
        ([state_of(5, "a")], (False, False)),  # made before this STOP, of an earlier one
        ([state_of(5, "ab"), state_of(6, "ab")], (False, False)),  # contradicts the answer
        ([state_of(5, "ab"), state_of(6, "a")], (True, False)),
    ],
)
def test_R33_a_pump_is_named_as_confirmed_only_by_a_state_that_knows_of_this_stop(
    states: list[bytes], pumps: tuple[bool, ...]
) -> None:
    def say(connection: Connection) -> None:
        for message in (*states, b'{"type":"answer","request":1,"ok":false,"text":"no","confirmed":false}'):
            connection.send_bytes(message)

    with impostor(say) as record:
        stopped = stop(record)
    assert tuple(known for _name, known in stopped.pumps) == pumps


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses at once")
def test_R33_a_frozen_engine_with_a_full_queue_keeps_nobody_waiting_for_ever() -> None:
    with tempfile.TemporaryDirectory(prefix="amp") as name, ExitStack() as waiting:
        address = os_support.ipc_address(Path(name), "engine")
        waiting.enter_context(Listener(address, "AF_UNIX", backlog=1))
        with suppress(BlockingIOError):
            while True:
                line = waiting.enter_context(socket.socket(socket.AF_UNIX))
                line.setblocking(False)  # noqa: FBT003 - the name of the thing is its argument
                line.connect(address)
        with pytest.raises(door.DoorClosed, match="let nobody in"):
            door.knock(address, "AF_UNIX", b"key", timeout_s=0.05)


@pytest.mark.parametrize(
    "trouble",
    [EngineUnclear("its record is damaged"), NotADirectoryError(20, "Not a directory"), RuntimeError("a mistake")],
)
def test_R33_whatever_goes_wrong_ends_in_what_to_do_by_hand(
    trouble: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find_engine() -> EngineRecord:
        raise trouble

    monkeypatch.setattr(stop_now, "find_engine", find_engine)
    assert stop_now.stop_now() == ExitCode.NOT_CONFIRMED_STOPPED
    assert "Press the STOP key on the pump itself" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
def test_R33_a_log_on_a_full_disk_takes_neither_the_advice_nor_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(connection: Connection) -> None:
        connection.send_bytes(state_of(5, "a"))
        connection.send_bytes(b'{"type":"answer","request":1,"ok":false,"text":"no","confirmed":false}')

    with impostor(say) as record, Path("/dev/full").open("w", encoding="ascii") as full:
        monkeypatch.setattr(stop_now, "find_engine", lambda: record)
        monkeypatch.setattr(sys, "stdout", full)
        code = stop_now.stop_now()
        full.flush()  # what Python does when it ends
    assert code == ExitCode.NOT_CONFIRMED_STOPPED
    assert "Press the STOP key on the pump itself" in capsys.readouterr().err


def test_R33_the_command_says_what_to_do_by_hand_and_escapes_what_others_wrote(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(connection: Connection) -> None:
        connection.send_bytes(b'{"type":"state","pumps":[{"name":"ket\\u001b[2J","stop_confirmed":false}]}')
        connection.send_bytes(b'{"type":"answer","request":1,"ok":false,"text":"\\u001b[31mno","confirmed":false}')

    with impostor(say) as record:
        monkeypatch.setattr(stop_now, "find_engine", lambda: record)
        code = stop_now.stop_now()
    said = capsys.readouterr()
    assert code == ExitCode.NOT_CONFIRMED_STOPPED
    assert said.out == "ket\\u001b[2J: NOT CONFIRMED\n"
    assert "Press the STOP key on the pump itself" in said.err
    assert "\x1b" not in said.out + said.err
