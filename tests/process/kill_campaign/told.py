"""What a client was told until its connection broke: everything that must be there afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pynwb import NWBHDF5IO

from acquisition.client import EngineClient
from acquisition.messages import ChannelSamples, EngineState, Report
from acquisition.recording.manifest import NWB_NAME
from acquisition.recording.session_data import SessionData


@dataclass
class Told:
    """What was acknowledged."""

    records: int = 0
    """Records that are stored, as the engine says."""
    given_ul: float = 0.0
    """Confirmed by the pump, as the engine says."""
    samples: list[ChannelSamples] = field(default_factory=list)
    client: EngineClient | None = None

    def hear(self, report: Report) -> None:
        """Take a report; the feed goes on as soon as samples came."""
        if isinstance(report, EngineState):
            self.records = max(self.records, report.recorder.records)
            self.given_ul = max([self.given_ul, *(pump.session_ul for pump in report.pumps)])
        elif isinstance(report, ChannelSamples):
            self.samples.append(report)
            if self.client is not None:
                self.client.credit()

    @property
    def phase(self) -> str:
        """Return what the engine did when it was heard last."""
        state = None if self.client is None else self.client.state
        return "" if state is None else state.phase

    def acknowledged(self) -> list[ChannelSamples]:
        """Return the samples the engine has said are stored; the newest ones it had only shown."""
        return [shown for shown in self.samples if shown.journal_sequence < self.records]


def look_up(told: Told, session: SessionData, session_dir: Path) -> int:
    """Find every acknowledged sample, by time and to the last bit, in journal and NWB; return how many there were."""
    if not session.streams:
        assert not told.acknowledged()
        return 0
    (stream,) = session.streams.values()
    checked = 0
    with NWBHDF5IO(str(session_dir / NWB_NAME), "r") as io:
        series = io.read().acquisition[f"{stream.spec.instrument}_{stream.spec.channels[0]}"]
        file_t_s, file_a = series.timestamps[:], series.data[:]
    assert np.array_equal(file_a, stream.current_a[:, 0])
    for shown in told.acknowledged():
        current_a = np.array(shown.current_a[0])
        real = ~np.isnan(current_a)
        t_ns = np.array(shown.t_ns, np.int64)[real]
        at = np.searchsorted(stream.t_ns, t_ns)
        assert at.max(initial=-1) < len(stream.t_ns), "acknowledged samples are not in the journal"
        assert np.array_equal(stream.t_ns[at], t_ns)
        assert np.array_equal(stream.current_a[at, 0], current_a[real])
        assert np.array_equal(file_t_s[at], (t_ns - session.header.started_ns) / 1e9)
        checked += len(t_ns)
    return checked
