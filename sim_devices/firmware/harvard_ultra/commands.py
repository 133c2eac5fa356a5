"""The command set of an Ultra pump (reference b1.5): what each command changes and which text it answers.

Knows names, arguments and refusals; framing, addresses, prompts and power are the firmware's. A handler returns the
text lines of the reply (none for a setting that was taken) and raises Refused: it complains and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sim_devices.firmware.harvard_ultra import numbers
from sim_devices.firmware.harvard_ultra.models import MODELS, Model
from sim_devices.firmware.harvard_ultra.motor import Direction, Motor, Ramp
from sim_devices.firmware.harvard_ultra.numbers import Malformed
from sim_devices.firmware.harvard_ultra.options import HarvardUltraOptions, Poll

_LARGEST_TARGET_UL = 1e6  # [?]
_SMALLEST_MM = 0.1  # metrics of an 11 Elite [R]
_SHORTEST_NAME = 4  # names may be cut to four letters [M]
Args = tuple[str, ...]
Handler = Callable[[Args, int], list[str]]


class Refused(Exception):
    """The pump complains: ``kind`` error, what it complains of, and why."""

    def __init__(self, kind: str, about: str, why: str) -> None:
        super().__init__(kind)
        self.lines = [f"{kind} error:{' ' + about if about else ''}", f"   {why}"]


def unknown() -> Refused:
    """Return the complaint about a command that does not exist here [I]."""
    return Refused("Command", "", "Unknown command")


@dataclass
class Commands:
    """Executes commands on the motor. Trigger ports, independent axes and stored methods are not simulated."""

    motor: Motor
    options: HarvardUltraOptions
    address: int = 0
    poll: Poll = "off"
    echo: bool = False
    storing: bool = True
    """Settings go to non-volatile memory."""
    quick_start: bool = True
    load: str = "iw"
    force_percent: int = 50
    syringe_ul: float = 1000.0
    _clock_set: datetime = field(default_factory=lambda: datetime(2020, 1, 1))  # noqa: DTZ001 - the pump has no time zone
    _clock_set_ns: int = 0
    _switches: dict[str, str] = field(default_factory=lambda: {"dim": "100", "cmd": "ultra"})

    def __post_init__(self) -> None:
        self.gang = self.options.gang
        self._always: dict[str, Handler] = {
            "address": self._address, "poll": self._poll, "echo": self._echo, "force": self._force, "load": self._load,
            "nvram": self._nvram, "rsave": self._rsave, "version": self._version, "ver": self._ver, "time": self._time,
            "metrics": self._metrics, "dim": self._dim, "cmd": self._cmd, "status": self._status, "irun": self._irun,
            "wrun": self._wrun, "rrun": self._rrun, "run": self._run, "stop": self._stop, "stp": self._stop,
            "gang": self._gang,
        }  # fmt: skip
        self._on_screen: dict[str, Handler] = {
            "diameter": self._diameter, "rate": self._rate, "crate": self._crate, "tvolume": self._tvolume,
            "ttime": self._ttime, "ctvolume": self._ctvolume, "cttime": self._cttime, "cvolume": self._clear("iw", ""),
            "ctime": self._clear("", "iw"), "svolume": self._svolume,
        }  # fmt: skip
        if self.options.targets == "volume":
            del self._on_screen["ttime"], self._on_screen["cttime"]
        if self.options.gang == 0:
            del self._always["gang"]
        directions: tuple[Direction, ...] = ("i", "w") if self.withdraws else ("i",)
        for way in directions:
            self._on_screen |= {
                f"{way}rate": self._one_rate(way), f"{way}ramp": self._one_ramp(way), f"{way}volume": self._volume(way),
                f"{way}time": self._elapsed(way), f"c{way}volume": self._clear(way, ""),
                f"c{way}time": self._clear("", way),
            }  # fmt: skip

    @property
    def model(self) -> Model:
        """Return what is fixed in this pump."""
        return MODELS[self.options.model]

    @property
    def withdraws(self) -> bool:
        """Tell whether it goes both ways."""
        return self.model.withdraws if self.options.withdraws == "model" else self.options.withdraws == "1"

    def execute(self, words: Args, now_ns: int) -> list[str]:
        """Obey one command. Raises Refused."""
        if not words:
            return []
        name = self._resolve(words[0])
        try:
            return (self._always.get(name) or self._on_screen[name])(words[1:], now_ns)
        except Malformed as error:
            why = {"tvolume": "Target volume out of range", "diameter": "Diameter out of range"}
            raise Refused("Argument", str(error), why.get(name, "Invalid argument")) from None

    def _resolve(self, word: str) -> str:
        known = {**self._always, **(self._on_screen if self.quick_start else {})}
        if word in known:
            return word
        longer = [name for name in known if len(word) >= _SHORTEST_NAME and name.startswith(word)]
        if len(longer) != 1:
            raise unknown()
        return longer[0]

    # --- system ---

    def _address(self, args: Args, _now_ns: int) -> list[str]:
        if not args:
            return [f"Pump address is {self.address}"]
        if not args[0].isdecimal() or int(args[0]) > 99:
            raise Refused("Argument", args[0], "Address out of range")
        self.address = int(args[0])
        return [f"Pump address set to {self.address}"]

    def _poll(self, args: Args, _now_ns: int) -> list[str]:
        if not args:
            return [self.poll.capitalize()]
        modes: dict[str, Poll] = {"on": "on", "off": "off", "remote": "remote"}
        if args[0] not in modes:
            raise Malformed(args[0])
        self.poll = modes[args[0]]
        if self.poll == "remote":
            self.echo = False
        return []

    def _echo(self, args: Args, _now_ns: int) -> list[str]:
        if self.poll == "remote":
            raise unknown()
        if not args:
            return ["On" if self.echo else "Off"]
        self.echo = _on_off(args[0])
        return []

    def _force(self, args: Args, _now_ns: int) -> list[str]:
        if not args:
            return [f"{self.force_percent}%"]
        if not args[0].isdecimal() or not 1 <= int(args[0]) <= 100:
            raise Refused("Argument", args[0], "Force out of range")
        self.force_percent = int(args[0])
        return []

    def _gang(self, args: Args, _now_ns: int) -> list[str]:
        if not args:
            return [f"{self.gang} syringes"]
        if not args[0].isdecimal() or not 1 <= int(args[0]) <= 2:
            raise Refused("Range", args[0], "Syringe count out of range of 1 to 2.")
        self.gang = int(args[0])
        return []

    def _load(self, args: Args, _now_ns: int) -> list[str]:
        ways = {"i": "Infuse Only", "w": "Withdraw Only", "iw": "Infuse/Withdraw", "wi": "Withdraw/Infuse"}
        if not args:
            return [f"Quick Start - {ways[self.load]} (qs {self.load})"]
        if self.motor.running:
            raise Refused("Command", "", "Pump is running")
        if len(args) != 2 or args[0] != "qs" or args[1] not in ways or ("w" in args[1] and not self.withdraws):
            raise Malformed(args[-1])
        self.quick_start, self.load = True, args[1]
        return []

    def _nvram(self, args: Args, _now_ns: int) -> list[str]:
        if self.options.nvram == "rsave":
            raise unknown()
        if not args:
            return ["On" if self.storing else self.options.nvram.capitalize()]
        if args[0] not in ("on", self.options.nvram):
            raise Malformed(args[0])
        self.storing = args[0] == "on"
        return []

    def _rsave(self, args: Args, _now_ns: int) -> list[str]:
        if self.options.nvram != "rsave":
            raise unknown()
        if not args:
            return ["On" if self.storing else "Off"]
        self.storing = _on_off(args[0])
        return []

    def _version(self, _args: Args, _now_ns: int) -> list[str]:
        facts = {"Firmware:": f"v{self.options.firmware}", "Pump address:": self.address,
                 "Serial number:": self.options.serial}  # fmt: skip
        width = 15 if self.options.version_spacing == "wide" else 0
        return [f"{f'{name} ':<{width}}{value}" for name, value in facts.items()]

    def _ver(self, _args: Args, _now_ns: int) -> list[str]:
        return [f"{self.model.version} {self.options.firmware}"]

    def _metrics(self, _args: Args, _now_ns: int) -> list[str]:
        return [f"{name:<19}{value}" for name, value in self.model.metrics(withdraws=self.withdraws).items()]

    def _time(self, args: Args, now_ns: int) -> list[str]:
        if args:
            try:
                self._clock_set = datetime.strptime(" ".join(args), "%m/%d/%y %H:%M:%S")  # noqa: DTZ007 - as above
            except ValueError:
                raise Malformed(args[0]) from None
            self._clock_set_ns = now_ns
        shown = self._clock_set + timedelta(seconds=(now_ns - self._clock_set_ns) // 1_000_000_000)
        hour = (shown.hour + 11) % 12 + 1
        return [f"{shown:%m/%d/%y} {hour}:{shown:%M:%S} {'PM' if shown.hour >= 12 else 'AM'}"]

    def _dim(self, args: Args, _now_ns: int) -> list[str]:
        if not args:
            return [f"{self._switches['dim']}%"]
        if not 0 <= numbers.number(args[0]) <= 100:
            raise Malformed(args[0])
        self._switches["dim"] = args[0]
        return []

    def _cmd(self, args: Args, _now_ns: int) -> list[str]:
        if args and args[0] != "ultra":  # the older command sets are another simulator's business
            raise Malformed(args[0])
        return [] if args else ["Ultra"]

    def _status(self, _args: Args, _now_ns: int) -> list[str]:
        motor, way = self.motor, self.motor.direction
        scale = 1e9 if self.options.status_counts == "fl" else 1e12
        flags = "".join((
            way.upper() if motor.running else way, "I" if motor.state == "switch" else ".",
            "S" if motor.state == "stalled" else ".", "T" if self.options.trigger == "high" else ".", "I",
            "T" if motor.state == "target" else ".",
        ))  # fmt: skip
        rate, time_ms = int(motor.rate_ul_per_min * scale / 60), motor.time_ns[way] // 1_000_000
        volume = round(motor.volume_ul[way] * scale)
        if self.options.status_padded:
            return [f"{f'{rate} {time_ms:>9} {volume:>8}':>28} {flags}"]
        return [f"{rate} {time_ms} {volume} {flags}"]

    # --- running ---

    def _irun(self, _args: Args, now_ns: int) -> list[str]:
        self.motor.run("i", now_ns)
        return []

    def _wrun(self, _args: Args, now_ns: int) -> list[str]:
        if not self.withdraws:
            raise unknown()
        self.motor.run("w", now_ns)
        return []

    def _rrun(self, args: Args, now_ns: int) -> list[str]:
        return self._wrun(args, now_ns) if self.motor.direction == "i" else self._irun(args, now_ns)

    def _run(self, _args: Args, now_ns: int) -> list[str]:
        self.motor.run(self.motor.direction, now_ns)
        return []

    def _stop(self, _args: Args, now_ns: int) -> list[str]:
        self.motor.stop(now_ns)
        return []

    # --- parameters ---

    def _diameter(self, args: Args, _now_ns: int) -> list[str]:
        if not args:
            return [f"{self.motor.settings.diameter_mm:.4f} mm"]
        if self.motor.running:
            raise Refused("Command", "", "Pump is running")
        diameter_mm = numbers.number(args[0])
        if not _SMALLEST_MM <= diameter_mm <= self.model.largest_mm:
            raise Malformed(args[0])
        self.motor.settings.diameter_mm = diameter_mm
        return []

    def _svolume(self, args: Args, _now_ns: int) -> list[str]:
        """The syringe's nominal volume: it is told and shown, and changes nothing."""
        if not args:
            return [numbers.volume_text(self.syringe_ul)]
        if len(args) < 2:
            raise Refused("Argument", "", "Missing argument")
        self.syringe_ul = numbers.volume(args[0], args[1])
        return []

    def _limits(self) -> tuple[float, float]:
        diameter_mm = self.motor.settings.diameter_mm
        return self.model.lowest_ul_per_min(diameter_mm), self.model.highest_ul_per_min(diameter_mm)

    def _one_rate(self, way: Direction) -> Handler:
        def handler(args: Args, now_ns: int) -> list[str]:
            settings = self.motor.settings
            low, high = self._limits()
            if not args:
                return [numbers.rate_text(settings.rate_ul_per_min[way], settings.rate_time[way])]
            if args[0] == "lim":
                return [f"{numbers.rate_text(low)} to {numbers.rate_text(high)}"]
            if args[0] in ("max", "min"):
                rate, time = (high if args[0] == "max" else low), "min"
            else:
                rate, time = self._checked_rate(args)
            settings.rate_ul_per_min[way], settings.rate_time[way] = rate, time
            if not self.options.ramp_survives_rate:
                settings.ramp[way] = None
            self.motor.retune(now_ns)
            return []

        return handler

    def _checked_rate(self, args: Args) -> tuple[float, str]:
        low, high = self._limits()
        if len(args) < 2:
            raise Refused("Argument", "", "Missing argument")
        rate, time = numbers.rate(args[0], args[1])
        if not low <= rate <= high:
            raise Refused("Argument", args[0], "Rate out of range")
        return rate, time

    def _rate(self, args: Args, now_ns: int) -> list[str]:
        return self._one_rate(self.motor.direction)(args, now_ns)

    def _crate(self, _args: Args, _now_ns: int) -> list[str]:
        if not self.motor.running:
            raise Refused("Command", "", "Pump is not running")
        text = numbers.rate_text(self.motor.rate_ul_per_min)
        value, _, unit = text.partition(" ")
        return [f"{'Infusing' if self.motor.direction == 'i' else 'Withdrawing'} at {float(value):.3f} {unit}"]

    def _one_ramp(self, way: Direction) -> Handler:
        def handler(args: Args, now_ns: int) -> list[str]:
            ramp = self.motor.settings.ramp[way]
            if not args and ramp is None:
                return ["Ramp not set up."]
            if not args and ramp is not None:
                ends = (numbers.rate_text(rate) for rate in (ramp.start_ul_per_min, ramp.end_ul_per_min))
                return [f"{' to '.join(ends)} in {numbers.six(ramp.seconds)} seconds"]
            if len(args) != 5:
                raise Refused("Argument", "", "Missing argument")
            seconds = numbers.number(args[4])
            if seconds <= 0:
                raise Malformed(args[4])
            self.motor.settings.ramp[way] = Ramp(
                self._checked_rate(args[:2])[0], self._checked_rate(args[2:4])[0], seconds
            )
            self.motor.retune(now_ns)
            return []

        return handler

    def _volume(self, way: Direction) -> Handler:
        return lambda _args, _now_ns: [numbers.volume_text(self.motor.volume_ul[way])]

    def _elapsed(self, way: Direction) -> Handler:
        return lambda _args, _now_ns: [numbers.time_text(self.motor.time_ns[way] / 1e9)]

    def _clear(self, volumes: str, times: str) -> Handler:
        def handler(_args: Args, _now_ns: int) -> list[str]:
            for way in self.motor.volume_ul:
                self.motor.volume_ul[way] = 0.0 if way in volumes else self.motor.volume_ul[way]
                self.motor.time_ns[way] = 0 if way in times else self.motor.time_ns[way]
            return []

        return handler

    def _tvolume(self, args: Args, now_ns: int) -> list[str]:
        settings = self.motor.settings
        if not args:
            unset = "Target volume not set" + ("." if self.options.target_unset_dot else "")
            return [unset if settings.target_ul is None else numbers.volume_text(settings.target_ul)]
        if len(args) < 2:
            raise Refused("Argument", "", "Missing argument")
        target_ul = numbers.volume(args[0], args[1])
        if not 0 < target_ul <= _LARGEST_TARGET_UL:
            raise Malformed(args[0])
        settings.target_ul = target_ul
        if self.options.targets == "last":
            settings.target_s = None
        self.motor.retune(now_ns)
        return []

    def _ttime(self, args: Args, now_ns: int) -> list[str]:
        settings = self.motor.settings
        if not args:
            unset = "Target time not set" + ("." if self.options.target_unset_dot else "")
            return [unset if settings.target_s is None else numbers.time_text(settings.target_s)]
        seconds = numbers.seconds(args[0])
        if not 0 < seconds <= numbers.LONGEST_S:
            raise Malformed(args[0])
        settings.target_s = seconds
        if self.options.targets == "last":
            settings.target_ul = None
        self.motor.retune(now_ns)
        return []

    def _ctvolume(self, _args: Args, now_ns: int) -> list[str]:
        self.motor.settings.target_ul = None
        self._target_cleared(now_ns)
        return []

    def _cttime(self, _args: Args, now_ns: int) -> list[str]:
        self.motor.settings.target_s = None
        if self.options.cttime_clears_ramp:
            self.motor.settings.ramp = {"i": None, "w": None}
        self._target_cleared(now_ns)
        return []

    def _target_cleared(self, now_ns: int) -> None:
        self.motor.forget_target()
        self.motor.retune(now_ns)


def _on_off(text: str) -> bool:
    if text not in ("on", "off"):
        raise Malformed(text)
    return text == "on"
