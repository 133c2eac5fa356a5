"""Rodeostat messages, replies, samples and tables against the reference (3.2 to 3.6), and what a stranger may send."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.capabilities import AmperometrySettings, ElectrodeSettings, SampleFlag
from drivers.clock import NS_PER_S
from drivers.errors import NotEncodable
from drivers.rodeostat.codec import LINE_MAX, Sample, decode_reply, decode_sample, encode
from drivers.rodeostat.family import VARIANTS, parse_variant
from drivers.rodeostat.link import JsonLineFramer
from drivers.rodeostat.stream import SampleStream

SETTINGS = AmperometrySettings(0.6, 0.1, (ElectrodeSettings("glutamate", "we1", 1e-6),))
EXCHANGE = [  # 3.6, verbatim
    (
        "getVariant",
        {},
        b'{"command": "getVariant"}\n',
        b'{"success":true,"response":{"command":"getVariant","variant":"10V_microAmpV0.2"}}\r\n',
        {"variant": "10V_microAmpV0.2"},
    ),
    (
        "setCurrRange",
        {"currRange": "1uA"},
        b'{"command": "setCurrRange", "currRange": "1uA"}\n',
        b'{"success":true,"response":{"command":"setCurrRange","currRange":"1uA"}}\r\n',
        {"currRange": "1uA"},
    ),
    (
        "setSamplePeriod",
        {"samplePeriod": 100},
        b'{"command": "setSamplePeriod", "samplePeriod": 100}\n',
        b'{"success":true,"response":{"command":"setSamplePeriod","samplePeriod":100}}\r\n',
        {"samplePeriod": 100},
    ),
    (
        "setParam",
        {"test": "constant", "param": {"quietValue": 0.0, "quietTime": 0, "value": 0.6, "duration": 1000}},
        (
            b'{"command": "setParam", "test": "constant", "param": {"quietValue": 0.0, "quietTime": 0, "value": 0.6, '
            b'"duration": 1000}}\n'
        ),
        (
            b'{"success":true,"response":{"command":"setParam","test":"constant","param":{"quietValue":0,"quietTime":0,'
            b'"value":0.6,"duration":1000}}}\r\n'
        ),
        {"test": "constant", "param": {"quietValue": 0, "quietTime": 0, "value": 0.6, "duration": 1000}},
    ),
    (
        "runTest",
        {"test": "constant"},
        b'{"command": "runTest", "test": "constant"}\n',
        b'{"success":true,"response":{"command":"runTest","test":"constant"}}\r\n',
        {"test": "constant"},
    ),
]


@pytest.mark.parametrize(("command", "arguments", "sent", "answer", "values"), EXCHANGE)
def test_the_printed_exchange_byte_for_byte(
    command: str, arguments: dict[str, object], sent: bytes, answer: bytes, values: dict[str, object]
) -> None:
    assert encode(command, **arguments) == sent
    (line,) = JsonLineFramer().feed(answer, 0)
    reply = decode_reply(line)
    assert reply is not None
    assert (reply.success, reply.command, reply.values, reply.message) == (True, command, values, "")


def test_the_printed_samples() -> None:
    lines = JsonLineFramer().feed(b'{"t":100,"v":0.6,"i":0.0123}\r\n{"t":1000,"v":0.6,"i":0.0153}\r\n{}\r\n', 0)
    assert [decode_sample(line) for line in lines] == [
        Sample(100, 0.6, 0.0123, limited=False),
        Sample(1000, 0.6, 0.0153, limited=False),
        None,
    ]
    assert lines[2] == b"{}"


@pytest.mark.parametrize(
    ("line", "command", "message"),
    [
        (
            b'{"success":false,"message":"currRange, 5uA, not found","response":{"command":"setCurrRange"}}',
            "setCurrRange",
            "currRange, 5uA, not found",
        ),
        (b'{"success":false,"message":"unable to parse json","response":{}}', "", "unable to parse json"),
    ],
)
def test_printed_failures(line: bytes, command: str, message: str) -> None:
    reply = decode_reply(line)
    assert reply is not None
    assert (reply.success, reply.command, reply.message) == (False, command, message)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.6", 0.6), ("0.012346", 0.012346), ("12.34568", 12.34568), ("123.456", 123.456), ("0.000012", 0.000012),
     ("9.9e-6", 9.9e-6), ("-5e-6", -5e-6), ("9.999999e-6", 9.999999e-6), ("0", 0.0), ("-0.0153", -0.0153)],
)  # fmt: skip
def test_numbers_as_this_firmware_writes_them(text: str, value: float) -> None:
    sample = decode_sample(f'{{"t":100,"v":0.6,"i":{text}}}'.encode())
    assert sample is not None
    assert sample.current_ua == value


@pytest.mark.parametrize("line", [b'{"t":5,"v":0.6,"i":60,"le":true}', b'{"t":5,"v":0.6,"le":true,"i":60}'])
def test_a_converter_at_its_rail_is_said_wherever_the_key_stands(line: bytes) -> None:
    assert decode_sample(line) == Sample(5, 0.6, 60.0, limited=True)


@pytest.mark.parametrize(
    "fields",
    [
        '"t":100,"v":0.6,"i":NaN', '"t":100,"v":0.6,"i":Infinity', '"t":100,"v":0.6,"i":1e999', '"t":100,"v":0.6',
        '"t":100,"v":0.6,"i":"0.1"', '"t":100,"v":0.6,"i":null', '"t":100,"v":true,"i":0.1', '"t":100.5,"v":0.6,"i":1',
        '"t":-100,"v":0.6,"i":1', '"t":4294967296,"v":0.6,"i":1', '"t":100,"v":0.6,"i":0.1234567',
        '"t":100,"v":0.6,"i":00.1', '"t":100,"v":0.6,"i":1.', '"t":100,"v":0.6,"i":+1', '"t":100,"v":0.6,"i":0.1,"n":2',
        '"t":100,"v":0.6,"i":0.1,"i":0.2', '"t":100,"v":0.6,"i":0.1,"le":1', '"t":100,"v":0.6,"i":[0.1]',
        '"t":0,"v":0.6,"i":0.1', '"i":12345678901,"t":100,"v":0.6', "",
    ],
)  # fmt: skip
def test_what_is_not_exactly_a_sample_is_none(fields: str) -> None:
    assert decode_sample(f"{{{fields}}}".encode()) is None


@pytest.mark.parametrize(
    "line",
    [
        b'{"success":true,"response":{"command":"getVolt","v":NaN}}',
        b'{"success":true,"response":{"command":"getVolt","v":0.5,"v":0.6}}',
        b'{"success":true,"response":{"v":0.6}}',
        b'{"success":true,"response":[]}',
        b'{"success":1,"response":{"command":"getVolt"}}',
        b'{"success":true,"message":"x","response":{"command":"getVolt"}}',
        b'{"success":false,"response":{"command":"getVolt"}}',
        b'{"success":true,"response":{"command":"getVolt","v":null}}',
        b'{"success":true,"response":{"command":"getParam","param":{"a":{"b":1}}}}',
        b"[" * 1000,
        b'{"a":' * 200 + b"}" * 200,
        b'{"success":true,"response":{"command":"x","v":"' + b"y" * LINE_MAX + b'"}}',
        b'{"success":true,"response":{"command":"\xff"}}',
    ],
)
def test_what_is_not_exactly_a_reply_is_none(line: bytes) -> None:
    assert decode_reply(line) is None


@given(st.binary(max_size=200))
def test_no_bytes_make_the_decoders_fail(data: bytes) -> None:
    stream = SampleStream("it", SETTINGS, 1, 1, 0.0005, 0, 1000)
    for line in [*JsonLineFramer().feed(data + b"\n", 0), data, b"{" + data + b"}"]:
        decode_reply(line)
        decode_sample(line)
        stream.feed([line], 0)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["t", "v", "i", "le", "n", "success", "response", "command", "message"]),
                        inner, max_size=5), max_leaves=12))  # fmt: skip
def test_any_json_is_a_sample_a_reply_or_nothing(value: object) -> None:
    line = json.dumps(value, separators=(",", ":")).encode()
    sample, reply = decode_sample(line), decode_reply(line)
    assert sample is None or reply is None
    assert sample is None or (math.isfinite(sample.current_ua) and math.isfinite(sample.volt_v))


@given(st.integers(1, 2**32 - 1), st.integers(-24_000_000_000, 24_000_000_000), st.booleans())
def test_every_sample_decodes_to_what_was_printed(t_ms: int, picoamperes: int, limited: bool) -> None:
    text = f"{picoamperes / 1e6:.6f}".rstrip("0").rstrip(".")
    line = b'{"t":%d,"v":-0.65,"i":%s%s}' % (t_ms, text.encode(), b',"le":true' if limited else b"")
    assert decode_sample(line) == Sample(t_ms, -0.65, float(text), limited)


@given(st.text(alphabet="abcXYZ", min_size=1, max_size=200))
def test_no_message_has_a_length_that_an_itsybitsy_loses(name: str) -> None:
    message = encode("runTest", test=name)
    assert len(message) % 64
    assert json.loads(message) == {"command": "runTest", "test": name}


@given(st.lists(st.binary(max_size=40).map(lambda b: b.translate(None, b"\r\n")), max_size=6), st.integers(1, 9))
def test_lines_survive_any_way_of_being_cut(lines: list[bytes], size: int) -> None:
    stream = b"".join(line + b"\r\n" for line in lines)
    framer = JsonLineFramer()
    assert [line for at in range(0, len(stream), size) for line in framer.feed(stream[at : at + size], 0)] == lines


def test_a_line_without_end_takes_no_memory_and_its_rest_is_no_line() -> None:
    framer = JsonLineFramer()
    for _ in range(100):
        assert framer.feed(b"x" * 4000, 0) == []
    assert framer.feed(b'{"t":100,"v":0.6,"i":0.1}\r\n{}\r\n', 0) == [b"", b"{}"]


# --- tables ---


@pytest.mark.parametrize(
    ("text", "name", "hardware"),
    [("10V_microAmpV0.2", "Rodeostat microAmp", "0.2"), ("10V_nanoAmpV0.1", "Rodeostat nanoAmp", "0.1"),
     ("10V_10MilliAmp", "Rodeostat 10MilliAmp", ""), ("24MilliAmpV0.2", "Rodeostat 24MilliAmp", "0.2"),
     ("milliAmpV0.1", "Rodeostat milliAmp", "0.1"), ("AD8251_microAmpV0.1", "Rodeostat microAmp", "0.1")],
)  # fmt: skip
def test_variants_are_recognised(text: str, name: str, hardware: str) -> None:
    found = parse_variant(text)
    assert found is not None
    assert (found[0].name, found[1]) == (name, hardware)


@pytest.mark.parametrize("text", ["", "NE-1000", "10V_picoAmpV0.2", "10V_nanoAmpV0.2\n", "xx10V_nanoAmp"])
def test_other_variants_are_not(text: str) -> None:
    assert parse_variant(text) is None


@pytest.mark.parametrize(
    ("variant", "asked_a", "name"),
    [("nanoAmp", 50e-9, "60nA"), ("nanoAmp", 60e-9, "60nA"), ("nanoAmp", 61e-9, "100nA"), ("microAmp", 1e-9, "1uA"),
     ("10MilliAmp", 2e-3, "10000uA"), ("24MilliAmp", 12.5e-3, "24000uA")],
)  # fmt: skip
def test_the_smallest_range_that_holds_it(variant: str, asked_a: float, name: str) -> None:
    assert VARIANTS[variant].range_for(asked_a)[0] == name


@pytest.mark.parametrize("asked_a", [0.0, -1e-9, 11e-6, math.nan, math.inf])
def test_no_range_is_said(asked_a: float) -> None:
    with pytest.raises(NotEncodable):
        VARIANTS["nanoAmp"].range_for(asked_a)


def test_voltage_ranges_are_those_of_the_amplifier() -> None:
    usual, other = (parse_variant(f"{front}_nanoAmpV0.1") for front in ("AD8250", "AD8251"))
    assert usual is not None
    assert other is not None
    volts = (0.0, -0.6, 1.0, 1.1, 5.0, -8.0)
    assert [usual[0].volt_range(v)[0] for v in volts] == ["1V", "1V", "1V", "2V", "5V", "10V"]
    assert [other[0].volt_range(v)[0] for v in volts] == ["1V", "1V", "1V", "2V", "8V", "8V"]
    for variant, beyond_v in ((usual[0], 10.1), (other[0], 8.1)):
        with pytest.raises(NotEncodable):
            variant.volt_range(beyond_v)


# --- the stream ---


def line(t_ms: int, current_ua: float = 0.1, volt: str = "0.6") -> bytes:
    return b'{"t":%d,"v":%s,"i":%g}' % (t_ms, volt.encode(), current_ua)


def fed(*lines: bytes, sign: int = 1) -> tuple[SampleStream, list[int], list[float]]:
    stream = SampleStream("it", SETTINGS, 1, sign, 0.0005, 0, 10_000)
    blocks = [block for at, one in enumerate(lines) for block in stream.feed([one], at * NS_PER_S // 10)]
    index = [int(number) for block in blocks for number in block.index]
    return stream, index, [float(value) for block in blocks for value in block.current_a[:, 0]]


def test_samples_have_the_index_of_their_time_and_amperes() -> None:
    stream, index, current_a = fed(line(100, 0.0123), line(200, -0.001))
    assert index == [0, 1]
    assert current_a == pytest.approx([12.3e-9, -1e-9])
    assert stream.garbled == 0


def test_a_negated_instrument_is_turned_round() -> None:
    assert fed(line(100, -0.0123), sign=-1)[2] == pytest.approx([12.3e-9])


def test_a_lost_line_is_a_gap() -> None:
    assert fed(line(100), line(200), line(400), line(500))[1] == [0, 1, 3, 4]


def test_a_doubled_line_counts_once() -> None:
    assert fed(line(100), line(200), line(200), line(100), line(300))[1] == [0, 1, 2]


@pytest.mark.parametrize("wrong_ms", [100, 500, 900, 9_000, 4_294_967_200])
def test_a_broken_time_costs_its_own_line_and_no_other(wrong_ms: int) -> None:
    _stream, index, current_a = fed(
        line(100), line(200), line(wrong_ms, 0.5), *(line(t) for t in range(400, 1100, 100))
    )
    assert index[:2] == [0, 1]
    assert index[-1] == 9
    assert set(current_a) == {1e-7}, "the value of the broken line was given with a wrong time"
    assert set(index[2:]) >= {6, 7, 8, 9}


@pytest.mark.parametrize(
    "broken",
    [line(350), line(300, volt="0.7"), line(300, volt="-0.6"), line(300, 1.6), b'{"t":300,"v":0.6,"i":0.\xb1}',
     b'{"t":300,"v":0.6,"i":0.{"t":300,"v":0.6,"i":0.1}', b'"v":0.6,"i":0.1}', b'{"t":300,"v":0.6,"i":nan}'],
)  # fmt: skip
def test_a_line_that_cannot_be_true_is_a_gap(broken: bytes) -> None:
    stream, index, current_a = fed(line(100), line(200), broken, line(400), line(500))
    assert index == [0, 1, 3, 4]
    assert set(current_a) == {1e-7}
    assert stream.garbled == 1


def test_a_reply_among_samples_is_no_garbage() -> None:
    reply = b'{"success":true,"response":{"command":"getVolt","v":0.6}}'
    stream, index, _current = fed(line(100), reply, line(200))
    assert (index, stream.garbled) == ([0, 1], 0)


def test_the_end_is_only_believed_at_the_end() -> None:
    stream, index, _current = fed(line(100), b"{}", line(200))
    assert (index, stream.ended, stream.is_complete) == ([0, 1], False, False)
    stream, _index, _current = fed(*(line(t) for t in range(100, 10_100, 100)), b"{}")
    assert stream.is_complete


def test_a_limited_sample_is_flagged() -> None:
    stream = SampleStream("it", SETTINGS, 1, 1, 0.0005, 0, 10_000)
    (block,) = stream.feed([b'{"t":100,"v":0.6,"i":1,"le":true}'], 0)
    assert block.flags.tolist() == [[SampleFlag.OVERLOAD]]
    assert block.current_a.dtype == np.float64
