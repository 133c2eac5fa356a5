"""What the simulated MethodSCRIPT models are: texts, current ranges, limits, resolution. Tables only.

Marks are those of the wire-format reference: [MEM] from general knowledge, [INF] or [I] inferred.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Family:
    """One instrument model."""

    identity: str
    """Reply to ``t`` without its ``t``."""
    serial_number: str
    ranges: tuple[tuple[int, float], ...]
    """(code, nominal full scale in amperes), rising."""
    potential_v: dict[int, tuple[float, float]]
    """pgstat mode -> lowest and highest potential."""
    resolution: float
    """Smallest step as a fraction of the range [MEM]."""
    overload_at: float
    """|I| above this fraction of the range is flagged and clipped."""
    bipot: bool = False
    multi: bool = False
    """One channel of a MultiEmStat4, which has one port per channel."""


_PICO_LOW_SPEED = ((0, 100e-9), (1, 2e-6), (2, 4e-6), (3, 8e-6), (4, 16e-6), (5, 32e-6), (6, 63e-6), (7, 125e-6),
                   (8, 250e-6), (9, 500e-6), (10, 1e-3), (11, 5e-3))  # fmt: skip
"""The high-speed mode has codes of its own (128 to 137), not simulated: amperometry uses mode 2."""
_ES4_LR_RANGES = ((3, 1e-9), (6, 10e-9), (9, 100e-9), (12, 1e-6), (15, 10e-6), (18, 100e-6), (21, 1e-3), (24, 10e-3))

PICO = Family(
    identity="espico1400#Jan 17 2025 10:12:45",  # layout as documented, digits and date are a stand-in [INF]
    serial_number="ESPIC21A0007",
    ranges=_PICO_LOW_SPEED,
    potential_v={2: (-1.25, 2.0), 3: (-1.7, 2.0), 4: (-1.7, 2.0)},
    resolution=5.5e-5,  # 5.5 pA on 100 nA [MEM]
    overload_at=0.6,  # usable up to about 0.6 x nominal
    bipot=True,
)
SENSIT = replace(PICO, identity="senswb1300#Feb 20 2025 09:30:00", serial_number="SNSWB22B0011")
EMSTAT4_LR = Family(
    identity="es4_lr1500#Mar 12 2026 14:28:01",
    serial_number="ES4LR20B0008",
    ranges=_ES4_LR_RANGES,
    potential_v={2: (-3.0, 3.0), 3: (-3.0, 3.0), 4: (-3.0, 3.0)},
    resolution=9.2e-5,  # 92 fA on 1 nA [MEM]
    overload_at=1.5,  # the reference session shows 1.2355 nA on the 1 nA range with status OK [INF]
)
EMSTAT4_HR = replace(
    EMSTAT4_LR,
    identity="es4_hr1500#Mar 12 2026 14:28:01",
    serial_number="ES4HR20B0009",
    ranges=(*_ES4_LR_RANGES[2:], (27, 100e-3)),
    potential_v=dict.fromkeys((2, 3, 4), (-6.0, 6.0)),
)
MULTI_LR = replace(EMSTAT4_LR, identity="mes4lr1500#Mar 12 2026 14:28:01", serial_number="MES4LR22C0001", multi=True)
MULTI_HR = replace(EMSTAT4_HR, identity="mes4hr1500#Mar 12 2026 14:28:01", serial_number="MES4HR22C0002", multi=True)
NEXUS = Family(
    identity="nexus11200#Mar 12 2026 14:28:01",  # digits and date are a stand-in [INF]
    serial_number="NEXUS24A0003",
    ranges=((16, 100e-12), (0, 1e-9), (1, 10e-9), (2, 100e-9), (3, 1e-6), (4, 10e-6), (5, 100e-6), (8, 1e-3),
            (9, 10e-3), (10, 100e-3), (11, 1.0)),
    potential_v=dict.fromkeys((2, 3, 4), (-10.0, 10.0)),
    resolution=9.2e-5,  # as an EmStat4 [INF]
    overload_at=1.5,  # as an EmStat4 [INF]
)  # fmt: skip

FAMILIES = {"pico": PICO, "sensit": SENSIT, "es4": EMSTAT4_LR, "es4lr": EMSTAT4_LR, "es4hr": EMSTAT4_HR,
            "mes4lr": MULTI_LR, "mes4hr": MULTI_HR, "nexus": NEXUS}  # fmt: skip

MODEL_OF_TEXT = (("multiemstat4 hr", "mes4hr"), ("multiemstat4", "mes4lr"), ("emstat4 hr", "es4hr"),
                 ("emstat4", "es4lr"), ("nexus", "nexus"), ("sensit", "sensit"), ("emstat pico", "pico"))  # fmt: skip
"""How a rig file names the models, first match first."""

UNDERLOAD_BELOW = 0.01
"""|I| below this fraction of the range is flagged: "about 1 %" in the reference."""
NEAR_LIMIT_ABOVE = 0.9
"""|I| above this fraction of the overload limit warns [I]."""

COMMANDS_CC = {"t": 1, "CC": 32, "CM": 33, "S": 34, "G": 35, "l": 36, "r": 37, "e": 38, "i": 48, "v": 49, "m": 60,
               "h": 96, "H": 97, "Z": 98, "Y": 99}  # fmt: skip
COMMANDS_CM = {"var": 1, "store_var": 3, "add_var": 5, "set_e": 9, "wait": 12, "loop": 13, "endloop": 14,
               "meas_loop_ca": 28, "set_autoranging": 32, "pck_start": 33, "pck_add": 34, "pck_end": 35,
               "set_max_bandwidth": 36, "cell_on": 38, "cell_off": 39, "set_pgstat_mode": 40, "send_string": 41,
               "set_pgstat_chan": 42, "timer_start": 63, "timer_get": 64, "set_range": 65,
               "set_range_minmax": 66}  # fmt: skip
POLY_CM = {"set_poly_we_mode": 49}
BIPOT_CM = {"set_bipot_mode": 104, "set_bipot_potential": 105}
MULTI_CM = {"set_channel_sync": 79}


def capability_mask(bits: dict[str, int]) -> str:
    """Return the 256-bit mask as 64 hex digits: what this simulator can really do."""
    return f"{sum(1 << bit for bit in bits.values()):064X}"
