"""pytest plug-in: ``pytest --driver NAME --device URL`` runs the compliance suite of that driver on that instrument.

Knows pytest's command line and nothing of instruments. It does nothing at all unless ``--driver`` is given. With it,
the suite is added to whatever else is collected; alone in an empty folder it is all that runs.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from drivers import registry
from drivers.capabilities import OptionValue, PumpProgram
from drivers.compliance.chosen import Chosen, NeedsAPerson

SUITE = Path(__file__).with_name("suite.py")
KIND = {"TestPump": "pump", "TestPotentiostat": "potentiostat"}
"""Which kind of instrument each class of the suite is for."""
_KEY = pytest.StashKey[Chosen]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("amperfuse", "compliance of an instrument driver")
    group.addoption("--driver", metavar="NAME", help="name of an installed driver (entry point amperfuse.drivers)")
    group.addoption("--device", metavar="URL", help="sim://NAME[?OPTION=VALUE], or the port of a real instrument")
    group.addoption("--address", type=int, default=0, help="address of a pump on a shared line")
    group.addoption("--baud", type=int, default=None, help="line speed, where the driver shall not find it")
    group.addoption("--setting", action="append", default=[], metavar="KEY=VALUE", help="a setting of the driver's own")
    group.addoption("--diameter-mm", type=float, default=4.699, help="inner diameter of the syringe")
    group.addoption("--rate-ul-per-min", type=float, default=50.0, help="rate; target over rate is 10 to 100 s")
    group.addoption("--target-ul", type=float, default=20.0, help="volume of one infusion")
    group.addoption("--potential-v", type=float, default=0.6, help="potential of a potentiostat")
    group.addoption("--interval-s", type=float, default=0.1, help="sampling interval, 0.05 to 0.5 s")
    group.addoption("--range-a", type=float, default=100e-9, help="current range")
    group.addoption("--resistor-ohm", type=float, default=None, help="resistor at a real first electrode")
    group.addoption("--may-move", action="store_true", help="a real pump may move: water in it, its line in a beaker")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Add the suite to what is collected. Raises UsageError for what cannot be run."""
    name, device = config.getoption("--driver"), config.getoption("--device")
    if name is None and device is None:
        return
    if name is None or device is None:
        raise pytest.UsageError("--driver NAME and --device URL go together")
    try:
        registry.driver(name)
    except registry.UnknownName as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[_KEY] = _chosen(config, name, device)
    config.args.append(str(SUITE))


def _chosen(config: pytest.Config, name: str, device: str) -> Chosen:
    option = config.getoption
    settings: dict[str, OptionValue] = {}
    for text in option("--setting"):
        key, equals, value = text.partition("=")
        if not equals:
            raise pytest.UsageError(f"--setting {text!r}: write KEY=VALUE")
        settings[key] = _value(value)
    return Chosen(
        driver=name,
        device=device,
        address=option("--address"),
        baud=option("--baud"),
        settings=settings,
        program=PumpProgram(option("--diameter-mm"), option("--rate-ul-per-min"), option("--target-ul")),
        potential_v=option("--potential-v"),
        interval_s=option("--interval-s"),
        range_a=option("--range-a"),
        resistor_ohm=option("--resistor-ohm"),
        may_move=option("--may-move"),
    )


def _value(text: str) -> OptionValue:
    """Return a setting as a rig file would give it: true and false, numbers, else text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is tested, and that it is simulated where so."""
    chosen = config.stash.get(_KEY, None)
    if chosen is None:
        return []
    mark = "SIMULATED instrument" if chosen.simulated else "REAL instrument"
    return [f"amperfuse: driver {chosen.driver} on {chosen.device} ({mark})"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep only the suite of the driver's kind."""
    chosen = config.stash.get(_KEY, None)
    if chosen is None:
        return
    kind = registry.driver(chosen.driver).kind
    other = [item for item in items if _suite_kind(item) not in ("", kind)]
    if other:
        config.hook.pytest_deselected(items=other)
        items[:] = [item for item in items if item not in other]


def _suite_kind(item: pytest.Item) -> str:
    parent = item.getparent(pytest.Class)
    return KIND.get(parent.name, "") if parent is not None and Path(item.path) == SUITE else ""


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, object, object]:
    """Skip what only a person could do on a real instrument."""
    try:
        return (yield)
    except NeedsAPerson as error:
        pytest.skip(str(error))


@pytest.fixture
def chosen_device(request: pytest.FixtureRequest) -> Chosen:
    """Return the instrument of the command line; skips a test that needs one when none was chosen."""
    chosen = request.config.stash.get(_KEY, None)
    if chosen is None:
        pytest.skip("no instrument was chosen: --driver NAME --device URL")
    return chosen
