"""The simulated Ultra pump against the wire-format reference: the recorded exchanges of b1.9, what b1.2-b1.8 say."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sim_devices.firmware.harvard_ultra import HarvardUltraFirmware, HarvardUltraOptions
from sim_devices.firmware.harvard_ultra import numbers as n
from sim_devices.firmware.harvard_ultra.models import MODELS
from sim_devices.firmware.options import parse_options
from sim_devices.models.plunger import SyringeParameters, SyringePlunger

S = 1_000_000_000
SET = b"\n:\x11"


@dataclass
class Bench:
    """A pump in the hand: bytes in, bytes out, time at will."""

    pump: HarvardUltraFirmware
    plunger: SyringePlunger
    now_ns: int = 0

    def ask(self, raw: bytes) -> bytes:
        self.pump.receive(raw, self.now_ns)
        return self.pump.transmit(self.now_ns)

    def say(self, text: str) -> str:
        """Send a command with poll on; return the text and prompt of the reply, lines joined by ``|``."""
        reply = self.ask(text.encode() + b"\r")
        assert reply.endswith(b"\x11"), reply
        return reply[1:-1].decode().replace("\r\n", "|")

    def wait(self, seconds: float) -> bytes:
        """Let time pass as a line does: from event to event."""
        end_ns = self.now_ns + round(seconds * S)
        out = b""
        while (event := self.pump.next_event_ns(self.now_ns)) is not None and event <= end_ns:
            self.now_ns = event
            out += self.pump.transmit(event)
        self.now_ns = end_ns
        return out + self.pump.transmit(end_ns)

    def power_cycle(self) -> None:
        self.pump.power_off(self.now_ns)
        self.now_ns += S
        self.pump.power_on(self.now_ns)


def make(loaded_ul: float = 1000.0, **options: object) -> Bench:
    syringe = SyringeParameters(loaded_ul=loaded_ul, top_speed_mm_per_min=200.0)
    plunger = SyringePlunger(syringe)
    pump = HarvardUltraFirmware(plunger, HarvardUltraOptions(**{"poll": "on", **options}))  # type: ignore[arg-type]
    pump.power_on(0)
    return Bench(pump, plunger)


def ready(rate: str = "50 ul/min", volume: str | None = "20 ul", loaded_ul: float = 1000.0, **options: object) -> Bench:
    bench = make(loaded_ul, **options)
    for text in ("diameter 4.699", f"irate {rate}", "cvolume", *([f"tvolume {volume}"] if volume else [])):
        assert bench.say(text) == ":", text
    return bench


def test_recorded_exchanges_verbatim() -> None:
    bench = make(poll="off", diameter_mm=14.43)
    for sent, answered in [
        (b"@poll on\r\n", SET),
        (b"@nvram none\r\n", SET),
        (b"@load qs iw\r\n", SET),
        (b"@version\r\n", b"\nFirmware:      v3.0.6\r\nPump address:  0\r\nSerial number: D101754\r\n:\x11"),
        (b"@irate lim\r\n", b"\n25.0404 nl/min to 26.0035 ml/min\r\n:\x11"),
        (b"@diameter 7.262\r\n", SET),
        (b"@diameter\r\n", b"\n7.2620 mm\r\n:\x11"),
        (b"@irate 199.49 ul/min\r\n", SET),
        (b"@irate\r\n", b"\n199.49 ul/min\r\n:\x11"),
        (b"@tvolume\r\n", b"\nTarget volume not set\r\n:\x11"),
        (b"@tvolume 199.49 ul\r\n", SET),
        (b"@tvolume\r\n", b"\n199.49 ul\r\n:\x11"),
        (b"@irun\r\n", b"\n>\x11"),
    ]:
        assert bench.ask(sent) == answered, sent
    assert bench.wait(1.69023 / 199.49 * 60) == b""
    for sent, answered in [
        (b"@ivolume\r\n", b"\n1.69023 ul\r\n>\x11"),
        (b"@stp\r\n", SET),
        (b"@civolume\r\n", SET),
        (b"@ctvolume\r\n", SET),
        (b"@cttime\r\n", SET),
        (b"@tvolume 2 l\r\n", b"\nArgument error: 2\r\n   Target volume out of range\r\n:\x11"),
        (b"@time 05/08/23 14:48:23\r\n", b"\n05/08/23 2:48:23 PM\r\n:\x11"),
        (b"@addr 2\r\n", b"\nPump address set to 2\r\n02:\x11"),
        (b"@diameter\r\n", b"\n02:7.2620 mm\r\n02:\x11"),
    ]:
        assert bench.ask(sent) == answered, sent


def test_addressed_exchanges_of_drivers_verbatim() -> None:
    bench = make(poll="off")
    assert bench.ask(b"0irate 0.05 m/m\r\n") == b"\n00:"
    assert bench.ask(b"0irate \r\n") == b"\n00:50 ul/min\r\n00:"
    assert bench.ask(b"0:irat\r") == b"\n00:50 ul/min\r\n00:", "colon and four letters"
    assert bench.ask(b"3irate\r") == b"", "not meant"


@pytest.mark.parametrize(
    ("rule", "plain", "addressed"),
    [
        ("addressed", b"\n:\x11", b"\n00:\x11"),
        ("always", b"\n00:\x11", b"\n00:\x11"),
        ("never", b"\n:\x11", b"\n:\x11"),
    ],
)
def test_prefix_at_address_zero(rule: str, plain: bytes, addressed: bytes) -> None:
    bench = make(prefix_at_zero=rule)
    assert (bench.ask(b"\r"), bench.ask(b"0\r")) == (plain, addressed)


def test_limits_of_the_phd_ultra_as_recorded() -> None:
    assert make(model="phd-ultra", diameter_mm=9.525).say("irate lim") == "14.7792 nl/min to 15.3477 ml/min|:"


def test_poll_off_tells_unasked_that_the_target_is_reached_and_poll_on_does_not() -> None:
    silent, telling = ready(), ready()
    assert telling.ask(b"poll off\r") == b"\n:"
    assert telling.ask(b"irun\r") == b"\n>"
    silent.say("irun")
    assert telling.wait(30.0) == b"\nT*"
    assert silent.wait(30.0) == b""
    assert silent.say("") == "T*", "it stays until stop, run, or the target is cleared"
    assert silent.say("ivolume") == "20 ul|T*"
    assert silent.say("stp") == ":"


def test_poll_remote_has_no_prompts_and_no_echo() -> None:
    bench = make(poll="remote")
    assert bench.ask(b"diameter\r") == b"\n14.4300 mm\r"
    assert bench.ask(b"irate 1 ml/min\r") == b""
    assert bench.ask(b"echo on\r").startswith(b"\nCommand error:")
    assert bench.ask(b"poll\r") == b"\nRemote\r"


def test_target_volume_is_delivered_exactly_and_prompt_is_switchable() -> None:
    bench = ready(target_prompt="T:")
    bench.say("irun")
    bench.wait(60.0)
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(20.0, rel=1e-6)
    assert bench.say("") == "T:"
    assert bench.say("ctvolume") == ":"


def test_target_time_ends_a_run_too() -> None:
    bench = ready(volume=None)
    assert bench.say("ttime 00:00:12") == ":"
    assert bench.say("ttime") == "12 seconds|:"
    bench.say("irun")
    bench.wait(60.0)
    assert bench.say("ivolume") == "10 ul|T*"
    assert bench.say("itime") == "12 seconds|T*"


@pytest.mark.parametrize(
    ("targets", "volume", "time"),
    [
        ("both", "20 ul", "00:01:40"),
        ("last", "Target volume not set", "00:01:40"),
        ("volume", "20 ul", "Command error:"),
    ],
)
def test_volume_and_time_target_together(targets: str, volume: str, time: str) -> None:
    bench = ready(targets=targets)
    bench.say("ttime 100")
    assert bench.say("tvolume") == f"{volume}|:"
    assert bench.say("ttime").startswith(time)


def test_status_line_in_its_variants() -> None:
    assert ready().say("status") == "0 0 0 i..TI.|:"
    variants: list[tuple[dict[str, object], bytes]] = [
        ({}, b"\n833333333 6000 5000000000 I..TI.\r\n>\x11"),
        ({"status_counts": "al"}, b"\n833333333333 6000 5000000000000 I..TI.\r\n>\x11"),
        ({"status_after_prompt": True}, b"\n>\x11\n833333333 6000 5000000000 I..TI.\r"),
    ]
    for options, expected in variants:
        bench = ready(**options)  # type: ignore[arg-type]
        bench.say("irun")
        bench.wait(6.0)
        assert bench.ask(b"status\r") == expected
    padded = ready(status_padded=True).ask(b"status\r").split(b"\r")[0][1:]
    assert (len(padded), padded[29:]) == (35, b"i..TI.")


def test_stall_is_silent_until_asked_and_over_with_stop() -> None:
    bench = ready(volume=None, loaded_ul=5.0)
    bench.ask(b"poll off\r")
    bench.ask(b"irun\r")
    assert bench.wait(60.0) == b"", "a stall produces no spontaneous output"
    bench.ask(b"poll on\r")
    assert bench.say("status").endswith("i.STI.|*")
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(5.0)
    assert bench.say("stop") == ":"


def test_a_ramp_runs_from_rate_to_rate_and_a_constant_rate_ends_it() -> None:
    bench = ready(volume=None)
    assert bench.say("iramp") == "Ramp not set up.|:"
    assert bench.say("iramp 10 ul/min 110 ul/min 60") == ":"
    assert bench.say("iramp") == "10 ul/min to 110 ul/min in 60 seconds|:"
    bench.say("irun")
    bench.wait(60.0)
    assert bench.plunger.delivered_ul(bench.now_ns) == pytest.approx(60.0, rel=0.01)
    bench.say("irate 30 ul/min")
    assert bench.say("crate") == "Infusing at 30.000 ul/min|>"
    assert bench.say("iramp") == "Ramp not set up.|>"


def test_a_ramp_may_survive_a_constant_rate() -> None:
    bench = ready(leftover_ramp=True, ramp_survives_rate=True)
    assert bench.say("iramp") == "10 ul/min to 100 ul/min in 60 seconds|:"


def test_withdrawing_and_turning_round() -> None:
    bench = ready(volume=None, loaded_ul=500.0)
    bench.say("wrate 60 ul/min")
    assert bench.say("wrun") == "<"
    bench.wait(10.0)
    assert bench.say("rrun") == ">"
    bench.wait(6.0)
    assert bench.say("stp") == ":"
    assert (bench.say("wvolume"), bench.say("ivolume")) == ("10 ul|:", "5 ul|:")
    assert bench.say("cwvolume") == ":"
    assert (bench.say("wvolume"), bench.say("ivolume")) == ("0 ul|:", "5 ul|:")


def test_models_that_only_infuse_know_nothing_else() -> None:
    bench = make(withdraws="0")
    for text in ("wrun", "wvolume", "wrate"):
        assert bench.say(text) == "Command error:|   Unknown command|:"
    assert bench.say("load qs iw").startswith("Argument error: iw|")
    assert bench.say("load qs i") == ":"
    assert bench.say("load") == "Quick Start - Infuse Only (qs i)|:"


@pytest.mark.parametrize(
    ("form", "none", "off", "rsave"), [("none", ":", "A", "C"), ("off", "A", ":", "C"), ("rsave", "C", "C", ":")]
)
def test_three_ways_not_to_store(form: str, none: str, off: str, rsave: str) -> None:
    bench = make(nvram=form)
    assert [bench.say(t)[0] for t in ("nvram none", "nvram off", "rsave off")] == [none, off, rsave]


def test_parameters_are_told_on_the_quick_start_screen_only() -> None:
    bench = make(quick_start=False)
    assert bench.say("diameter").startswith("Command error:")
    assert bench.say("status") == "0 0 0 i..TI.|:"
    bench.say("load qs iw")
    assert bench.say("diameter") == "14.4300 mm|:"


def test_a_power_cycle_takes_run_counters_poll_and_what_was_not_stored() -> None:
    bench = make(poll="off")
    for raw in (b"poll on\r", b"diameter 4.699\r", b"nvram none\r", b"diameter 7\r", b"irate 50 ul/min\r", b"irun\r"):
        bench.ask(raw)
    bench.wait(5.0)
    bench.power_cycle()
    assert bench.ask(b"diameter\r") == b"\n4.6990 mm\r\n:"
    assert bench.ask(b"ivolume\r") == b"\n0 ul\r\n:"
    moved = bench.plunger.travelled_mm(bench.now_ns)
    bench.wait(60.0)
    assert bench.plunger.travelled_mm(bench.now_ns) == moved


def test_what_may_survive_a_power_cycle() -> None:
    bench = ready(poll_persists=True, counters_persist=True, settings_persist=True, resumes=True, volume=None)
    bench.say("irun")
    bench.wait(6.0)
    bench.power_cycle()
    assert bench.say("ivolume") == "5 ul|>"
    assert bench.say("irate") == "50 ul/min|>"


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        ("irate", "1 ml/min|:"),
        ("irate max", ":"),
        ("irate 100 ml/min", "Argument error: 100|   Rate out of range|:"),
        ("irate 5 xl/min", "Argument error: xl/min|   Invalid argument|:"),
        ("irate 5", "Argument error:|   Missing argument|:"),
        ("diameter 50", "Argument error: 50|   Diameter out of range|:"),
        ("xyz", "Command error:|   Unknown command|:"),
        ("c", "Command error:|   Unknown command|:"),
        ("IRAT", "1 ml/min|:"),
        ("address", "Pump address is 0|:"),
        ("address 100", "Argument error: 100|   Address out of range|:"),
        ("force 15", ":"),
        ("force", "50%|:"),
        ("force 101", "Argument error: 101|   Force out of range|:"),
        ("poll", "On|:"),
        ("poll maybe", "Argument error: maybe|   Invalid argument|:"),
        ("ver", "LEGATO 100 3.0.6|:"),
        ("ttime", "Target time not set|:"),
        ("crate", "Command error:|   Pump is not running|:"),
        ("cmd", "Ultra|:"),
        ("cmd 22", "Argument error: 22|   Invalid argument|:"),
        ("dim 30", ":"),
        ("dim", "100%|:"),
        ("echo", "Off|:"),
    ],
)
def test_single_commands(sent: str, reply: str) -> None:
    assert make(diameter_mm=14.43).say(sent) == reply


def test_metrics_of_an_elite() -> None:
    lines = make(model="elite-11").say("metrics").split("|")
    assert "Steps per rev      400" in lines
    assert "Pump type string   11 ELITE I/W Single" in lines


def test_echo_returns_what_was_sent() -> None:
    assert make(echo=True).ask(b"diameter\r\n") == b"diameter\r\n14.4300 mm\r\n:\x11"


def test_narrow_version_and_dotted_target_as_others_print_them() -> None:
    bench = make(version_spacing="narrow", target_unset_dot=True)
    assert bench.say("version") == "Firmware: v3.0.6|Pump address: 0|Serial number: D101754|:"
    assert bench.say("tvolume") == "Target volume not set.|:"


def test_changes_while_running() -> None:
    bench = ready(volume=None)
    bench.say("irun")
    bench.wait(6.0)
    assert bench.say("irate 100 ul/min") == ">"
    bench.wait(6.0)
    assert bench.say("ivolume") == "15 ul|>"
    assert bench.say("diameter 7").startswith("Command error:")
    assert bench.say("load qs i").startswith("Command error:")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0 ul"), (1000.0, "1 ml"), (1.69023, "1.69023 ul"), (0.5, "500 nl"), (2e-7, "0.2 pl"), (999.9999, "1 ml")],
)
def test_volumes_as_printed(value: float, text: str) -> None:
    assert n.volume_text(value) == text


@pytest.mark.parametrize(
    "options", [{"address": "100"}, {"diameter_mm": "60"}, {"stall_check_ms": "0"}, {"nvram": "x"}]
)
def test_impossible_options_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="harvard-ultra"):
        parse_options(HarvardUltraOptions, options, "harvard-ultra")


@pytest.mark.parametrize("model", MODELS)
def test_every_model_says_who_it_is_and_what_it_can(model: str) -> None:
    bench = make(model=model)
    found = MODELS[model]
    assert bench.say("ver") == f"{found.version} 3.0.6|:"
    metrics = bench.say("metrics").split("|")
    assert f"Pump type string   {found.version}" in metrics
    assert f"Direction          {'Infuse/withdraw' if found.withdraws else 'Infuse only'}" in metrics
    assert ("Lead screw         24 threads per inch" in metrics) is found.screw_known
    assert bench.say("diameter 4").endswith(":")
    low, high = bench.say("irate lim").removesuffix("|:").split(" to ")
    ratio = n.rate(*high.split(" "))[0] / n.rate(*low.split(" "))[0]
    assert ratio == pytest.approx(27 / 26e-6, rel=1e-5)
    assert bench.say("load qs iw").endswith(":")
    assert ("error" in bench.say("wrate")) is not found.withdraws


def test_syringe_count() -> None:
    bench = make()
    assert bench.say("gang") == "1 syringes|:"
    assert bench.say("gang 2") == ":"
    assert bench.say("gang") == "2 syringes|:"
    assert bench.say("gang 3") == "Range error: 3|   Syringe count out of range of 1 to 2.|:"
    assert "Unknown command" in make(gang=0).say("gang")


def test_the_limit_switch_ends_a_run_and_shows_in_prompt_and_flags() -> None:
    bench = ready(switch_ul=5.0, trigger="low")
    assert bench.say("irun") == ">"
    bench.wait(10.0)
    assert bench.say("").endswith(">*")
    assert bench.say("status").split(" ")[-1] == "iI..I.|>*"
    assert 5.0 <= bench.plunger.travelled_mm(bench.now_ns) * n.area_mm2(4.699) < 5.5
    assert bench.say("irun") == ">*", "it cannot go on"
    assert bench.say("stp") == ":"


@pytest.mark.parametrize(
    ("options", "rate", "target"),
    [
        ({}, "2.65534 nl/min", "12 nl"),  # what was stored
        ({"settings_persist": True}, "50 ul/min", "20 ul"),
        ({"forgets": True}, "1 ml/min", "Target volume not set"),
    ],
)
def test_what_a_pump_comes_back_with_after_a_loss_of_power(options: dict[str, bool], rate: str, target: str) -> None:
    bench = make(1000.0, **options)
    stored, wanted = ("irate min", "tvolume 12 nl"), ("irate 50 ul/min", "tvolume 20 ul")
    for text in ("nvram on", "diameter 4.699", *stored, "nvram none", *wanted):
        assert bench.say(text) == ":", text
    bench.power_cycle()
    assert bench.say("irate") == f"{rate}|:"
    assert bench.say("tvolume") == f"{target}|:"
