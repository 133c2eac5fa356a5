"""The engine's door: whatever a client does, the engine goes on and the next client can say STOP."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Client, Connection

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acquisition.client import EngineClient, EngineLost, OtherVersion
from acquisition.messages import (
    MAX_SAID,
    REPORT,
    Answer,
    ChannelSamples,
    EngineState,
    EventNotice,
    Hello,
    Mark,
    Report,
    Start,
    Stop,
)
from acquisition.service import door, served_client, server
from acquisition.wire_facts import MAX_MESSAGE_BYTES
from drivers import os_support
from tests.process.door_kit import NotingEngine, Served, a_state, an_event, served


@pytest.fixture
def house() -> Iterator[Served]:
    with served() as running:
        yield running


@pytest.fixture
def raw(house: Served) -> Iterator[Connection]:
    connection = door.knock(house.record.address, house.record.family, house.record.read_key())
    yield connection
    connection.close()


def answer(connection: Connection) -> Answer:
    while True:
        assert connection.poll(5.0)
        report = REPORT.validate_json(connection.recv_bytes())
        if isinstance(report, Answer):
            return report


def eventually(condition: Callable[[], object], timeout_s: float = 5.0) -> bool:
    waiting = threading.Event()
    for _ in range(int(timeout_s / 0.01)):
        if condition():
            return True
        waiting.wait(0.01)
    return False


def test_a_command_is_answered(house: Served) -> None:
    with EngineClient.connect(house.record) as client:
        reply = client.request(Mark(request=0, label="tail pinch"))
    assert reply.ok
    assert Mark(request=2, label="tail pinch") in house.engine.commands


def test_a_client_sees_state_events_and_samples(house: Served) -> None:
    seen: list[Report] = []
    got_all = threading.Event()

    def on_report(report: Report) -> None:
        seen.append(report)
        if {EngineState, EventNotice, ChannelSamples} <= {type(one) for one in seen}:
            got_all.set()

    with EngineClient.connect(house.record, samples=True, on_report=on_report) as client:
        house.publisher.state(a_state(5))
        house.publisher.event(an_event(1))
        house.publisher.samples(
            ChannelSamples(instrument="s", channels=("a",), journal_sequence=1, t_ns=(1,), current_a=((1e-9,),))
        )
        assert got_all.wait(30.0)
        assert client.state == a_state(5)


def test_stop_is_carried_out_in_the_clients_own_thread(house: Served) -> None:
    with EngineClient.connect(house.record) as client:
        reply = client.request(Stop(request=0, reason="bleeding"))
    assert reply.confirmed
    assert house.engine.stops == ["bleeding"]
    assert house.engine.stop_threads == ["amperfuse-client-reader"]


def test_stop_reaches_the_pumps_and_is_answered_though_the_conductor_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served_client, "STOP_ANSWER_S", 0.2)
    with served(NotingEngine(hangs=True)) as house, EngineClient.connect(house.record) as client:
        reply = client.request(Stop(request=0))
        assert len(house.engine.stops) == 1
    assert (reply.ok, reply.confirmed) == (False, False)
    assert "NOT CONFIRMED STOPPED" in reply.text


def test_stop_needs_no_greeting(house: Served, raw: Connection) -> None:
    raw.send_bytes(b'{"type":"stop","request":9}')
    assert answer(raw).request == 9
    assert house.engine.stops


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x80\x04\x95pickle",
        b"{}",
        b"[]",
        b"null",
        b'{"type":"start"}',
        b'{"type":"fire","request":3}',
        b'{"type":"start","request":3,"also":1}',
        b'{"type":"note","request":3,"text":"' + b"x" * 20_000 + b'","opened_ns":1}',
        b'{"type":"answer","request":3,"ok":true,"text":""}',
        b"[" * 100_000,
        "µ".encode("latin-1"),
    ],
)
def test_a_bad_message_is_answered_and_nothing_is_done(house: Served, raw: Connection, message: bytes) -> None:
    raw.send_bytes(message)
    reply = answer(raw)
    assert not reply.ok
    assert "not understood" in reply.text
    raw.send_bytes(b'{"type":"start","request":4}')
    assert answer(raw).ok
    assert house.engine.commands == [Start(request=4)]


def test_a_bad_message_is_answered_under_its_own_number(raw: Connection) -> None:
    raw.send_bytes(b'{"type":"fire","request":31}')
    assert answer(raw).request == 31


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300))
def test_X2_X16_garbage_never_ends_the_server(house: Served, raw: Connection, garbage: bytes) -> None:
    raw.send_bytes(garbage)
    assert not answer(raw).ok


def test_X16_a_huge_message_costs_its_sender_the_connection_and_nobody_else(house: Served, raw: Connection) -> None:
    sender = threading.Thread(target=_send_quietly, args=(raw, b"x" * (MAX_MESSAGE_BYTES + 1)), daemon=True)
    sender.start()
    sender.join(5.0)
    assert not sender.is_alive()
    with EngineClient.connect(house.record) as client:
        assert client.request(Stop(request=0)).confirmed


def _send_quietly(connection: Connection, data: bytes) -> None:
    try:
        connection.send_bytes(data)
    except OSError:
        return


def test_X11_a_wrong_key_is_turned_away(house: Served) -> None:
    with pytest.raises(door.DoorClosed):
        door.knock(house.record.address, house.record.family, b"guess")
    assert house.engine.commands == []


def test_X11_strangers_who_never_answer_the_handshake_keep_nobody_waiting(house: Served) -> None:
    silent = [Client(house.record.address, house.record.family) for _ in range(5)]
    try:
        with EngineClient.connect(house.record) as client:
            assert client.request(Stop(request=0)).confirmed
    finally:
        for connection in silent:
            connection.close()


def test_X16_more_clients_than_fit_still_leave_a_way_in_for_stop(house: Served) -> None:
    many = [
        door.knock(house.record.address, house.record.family, house.record.read_key())
        for _ in range(server.MAX_CLIENTS)
    ]
    try:
        with EngineClient.connect(house.record) as client:
            assert client.request(Stop(request=0)).confirmed
    finally:
        for connection in many:
            connection.close()


def test_a_client_that_stops_reading_blocks_nobody_and_is_disconnected(
    house: Served, raw: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "STUCK_S", 0.5)
    raw.send_bytes(Hello(request=1, samples=True).model_dump_json().encode())
    answer(raw)
    large = an_event(1).model_copy(update={"text": "x" * 100_000})
    for _ in range(50):  # far more than the socket buffers hold; returns at once all the same
        house.publisher.event(large)
    with EngineClient.connect(house.record) as client:
        assert client.request(Stop(request=0)).confirmed
        assert eventually(lambda: _is_hung_up(raw))


def _is_hung_up(connection: Connection) -> bool:
    """Tell by writing: reading would unblock the writer on the other side."""
    try:
        connection.send_bytes(b'{"type":"credit"}')
    except OSError:
        return True
    return False


def test_too_many_unanswered_commands_are_refused_but_stop_is_not() -> None:
    with served(NotingEngine(hangs=True)) as house:
        connection = door.knock(house.record.address, house.record.family, house.record.read_key())
        for number in range(served_client.MAX_UNANSWERED + 1):
            connection.send_bytes(Mark(request=number, label="m").model_dump_json().encode())
        refused = answer(connection)
        connection.send_bytes(Stop(request=999).model_dump_json().encode())
        assert eventually(lambda: house.engine.stops)
        connection.close()
    assert (refused.request, refused.ok) == (served_client.MAX_UNANSWERED, False)


def test_closing_the_server_sends_what_is_queued_and_leaves_no_thread() -> None:
    lost = threading.Event()
    before = threading.active_count()
    with served() as house:
        client = EngineClient.connect(house.record, on_lost=lambda _why: lost.set())
        house.publisher.state(a_state(77))
    assert lost.wait(30.0)
    assert client.state == a_state(77)
    with pytest.raises(EngineLost):
        client.request(Start(request=0))
    client.close()
    assert eventually(lambda: threading.active_count() <= before)


def test_another_version_is_refused_before_anything_is_said(house: Served) -> None:
    with pytest.raises(OtherVersion, match="version 99"):
        EngineClient.connect(replace(house.record, protocol_version=99))


def test_a_request_that_nobody_answers_says_so(house: Served) -> None:
    house.engine.hangs = True
    with EngineClient.connect(house.record) as client, pytest.raises(EngineLost, match="no answer to start"):
        client.request(Start(request=0), timeout_s=0.1)


@pytest.mark.skipif(os_support.is_windows(), reason="Windows protects the user's profile directory instead")
def test_X11_the_key_can_be_read_by_this_user_only(house: Served) -> None:
    assert stat.S_IMODE(house.record.key_file.stat().st_mode) == 0o600
    assert house.record.key_file.stat().st_uid == os.getuid()


def test_X2_everything_on_the_wire_is_plain_json(house: Served, raw: Connection) -> None:
    raw.send_bytes(Hello(request=1).model_dump_json().encode())
    assert json.loads(raw.recv_bytes())["type"] == "answer"


# -- who may come in, and how much they may say ---------------------------------------------------------------------


@pytest.mark.skipif(os_support.is_windows() or os.getuid() != 0, reason="only root can try it as somebody else")
def test_X11_another_user_of_this_computer_reaches_neither_key_nor_socket(house: Served) -> None:
    tries = (
        "import os, socket, sys\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "refused = []\n"
        "for what in (lambda: open(sys.argv[1], 'rb'), lambda: socket.socket(socket.AF_UNIX).connect(sys.argv[2])):\n"
        "    try: what()\n"
        "    except PermissionError: refused.append('refused')\n"
        "print(*refused)\n"
    )
    command = [sys.executable, "-c", tries, str(house.record.key_file), house.record.address]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["refused", "refused"]


def test_X16_a_stop_with_a_megabyte_of_reason_stops_and_keeps_its_beginning(house: Served, raw: Connection) -> None:
    raw.send_bytes(json.dumps({"type": "stop", "request": 1, "reason": "x" * 1_000_000}).encode())
    assert answer(raw).confirmed is True
    (stop,) = [command for command in house.engine.commands if isinstance(command, Stop)]
    assert stop.reason == "x" * MAX_SAID


@pytest.mark.parametrize(
    "message",
    [
        {"type": "note", "text": "x" * 10_001, "opened_ns": 0},
        {"type": "note", "text": "x", "opened_ns": 2**63},
        {"type": "mark", "label": "x" * (MAX_SAID + 1)},
    ],
    ids=["long note", "impossible time", "long mark"],
)
def test_X16_what_a_recording_does_not_hold_is_refused(
    house: Served, raw: Connection, message: dict[str, object]
) -> None:
    raw.send_bytes(json.dumps({**message, "request": 7}).encode())
    said = answer(raw)
    assert (said.request, said.ok) == (7, False)
    assert "nothing was done" in said.text
    assert house.engine.commands == []
