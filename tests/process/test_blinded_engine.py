"""A blinded syringe in a live engine, which opens it by itself: labels outside, and one person is told at once."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from acquisition.books.unblindings import unblindings
from acquisition.client import EngineClient
from acquisition.events import EventKind
from acquisition.messages import Finish, Stop
from acquisition.recording.session_data import read_session
from amperfuse.cli import app
from tests.experiment.blinded_kit import CODE, STUDY, ketamine, sealed
from tests.process.engine_kit import LONG, private_runtime, running_engine, wait_gone, write_files

_OPEN = 'drug = "ketamine"\nform = "hydrochloride"\nconcentration = "5 mg/mL"\n'
_DRUG = re.compile(rb"ketamine|hydrochloride|5(\.0)? mg|vehicle", re.IGNORECASE)


def test_one_person_is_told_what_a_running_session_gives_and_the_session_notes_it_by_its_label(tmp_path: Path) -> None:
    with private_runtime() as runtime:
        text = sealed(ketamine(5.0))
        protocol = LONG.replace(_OPEN, f'code = "{CODE}"\nsealed = "{text}"\n').replace(', label = "ketamine"', "")
        with running_engine(write_files(tmp_path, protocol).options(autostart=True)) as record:
            told = CliRunner().invoke(app, ["unblind", CODE, "--by", "Bo", "--reason", "apnoea"])
            assert "K7Q holds ketamine hydrochloride, 5 mg/mL." in told.stdout
            assert "NOT WRITTEN" not in told.output
            status = CliRunner().invoke(app, ["status"]).output
            with EngineClient.connect(record) as client:
                client.request(Stop(request=0), 10.0)
                client.request(Finish(request=0), 10.0)
                state = client.state
            assert wait_gone(record.pid)
        assert [one.reason for one in unblindings(STUDY)] == ["apnoea"]
        notes = [e.text for e in read_session(record.session_dir).events if e.kind is EventKind.NOTE]
        assert notes == ["UNBLINDED K7Q by Bo: apnoea"]
        assert state is not None
        assert state.pumps[0].drug == "blinded K7Q"
        assert not _DRUG.search(status.encode() + state.model_dump_json().encode())
        files = [path for folder in (record.session_dir, runtime) for path in folder.rglob("*") if path.is_file()]
        telling = {path.name for path in files if path.suffix != ".key" and _DRUG.search(path.read_bytes())}
        assert telling == {"limits.toml", "simulated.toml"}, "these are the same whatever is in the syringe"
