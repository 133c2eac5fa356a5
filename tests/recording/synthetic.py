"""A small engine's worth of records, the same for the same numbers: block n holds values computed from n alone."""

from __future__ import annotations

import numpy as np

from acquisition.events import Event, EventKind
from acquisition.recording.records import InfusionRow, SessionHeader, StreamSpec
from drivers.capabilities import SampleBlock

ROWS = 25
INTERVAL_NS = 10_000_000
STARTED_NS = 5_000_000_000
STARTED_WALL_NS = 1_767_258_000_000_000_000
CHANNELS = ("glutamate", "sentinel")

PLAN = {
    "name": "synthetic",
    "description": "a plan for tests",
    "simulated": True,
    "subject": {
        "subject_id": "m01",
        "species": "mouse",
        "sex": "F",
        "age": "P12W",
        "weight_g": 25.0,
        "weighed_on": "2026-01-01",
        "description": "",
    },
    "pumps": [
        {
            "name": "drug",
            "driver": "new-era",
            "url": "sim://new-era",
            "expected_model": "NE1000",
            "expected_serial_number": "",
            "syringe": "1 mL glass",
            "drug": "ketamine",
            "concentration_mg_per_ml": 2.0,
            "route": "iv_infusion",
        }
    ],
    "potentiostats": [
        {"name": "stat", "driver": "methodscript", "url": "sim://emstat", "expected_model": "es4", "potential_v": 0.7}
    ],
    "steps": [
        {"number": 1, "kind": "wait", "label": "baseline", "duration_s": 2.0},
        {
            "number": 2,
            "kind": "infuse",
            "label": "ketamine",
            "pump": "drug",
            "volume_ul": 10.0,
            "rate_ul_per_min": 5.0,
            "dose_mg_per_kg": 0.8,
        },
    ],
    "protocol_sha256": "a" * 64,
    "rig_sha256": "b" * 64,
    "limits_sha256": "c" * 64,
    "warnings": [],
}


def header(*, simulated: bool = True, session_id: str = "20260101-090000-m01") -> SessionHeader:
    return SessionHeader(
        session_id=session_id,
        simulated=simulated,
        started_ns=STARTED_NS,
        started_wall_ns=STARTED_WALL_NS,
        software="amperfuse 0.1.0",
        plan_sha256="d" * 64,
        plan=PLAN,
        streams=(
            StreamSpec(
                "stat", CHANNELS, ("glutamate", "sentinel"), (7e-12, None), INTERVAL_NS / 1e9, 0.7, (1e-7, 1e-7)
            ),
        ),
        pumps=("drug",),
        seed=4,
    )


def block(number: int, rows: int = ROWS) -> SampleBlock:
    index = np.arange(number * rows, (number + 1) * rows, dtype=np.int64)
    current = np.stack([index * 1e-12 + 1e-10, -index * 3e-13], axis=1)
    flags = np.stack([index % 7 == 0, index % 11 == 0], axis=1).astype(np.uint8)
    received = STARTED_NS + int(index[-1]) * INTERVAL_NS + 3_000_000
    return SampleBlock("stat", 0, STARTED_NS, INTERVAL_NS, CHANNELS, index, current, flags, received)


def event(number: int, kind: EventKind = EventKind.MARK) -> Event:
    t_ns = STARTED_NS + number * 250_000_000
    return Event(
        kind,
        t_ns,
        STARTED_WALL_NS + number * 250_000_000,
        "operator",
        f"mark {number} µL\nsecond line",
        {"number": number, "volume_ul": number / 3, "confirmed": number % 2 == 0, "by": None},
    )


def infusion(number: int) -> InfusionRow:
    t_ns = STARTED_NS + number * 250_000_000 + 7
    return InfusionRow("drug", t_ns, 5.0, 4.9, 4.8, number * 1.0, number * 0.9, 0.1, number * 0.8)
