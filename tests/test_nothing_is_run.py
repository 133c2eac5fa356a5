"""X2: nothing in the product runs what came from outside. Read from its source, beside what the linter forbids."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("drivers", "sim_devices", "acquisition", "analysis", "gui", "amperfuse")
MODULES = {
    "pickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "code",
    "codeop",
    "yaml",
    "xmlrpc",
    "jsonpickle",
}
CALLS = {"eval", "exec", "compile", "__import__", "system", "popen", "load_module", "run_path", "literal_eval"}
"""Whatever they are called on."""
HARMLESS = {"re.compile", "app.exec", "platform.system"}
LITERALS = {"acquisition/recording/wire_log.py"}
"""``ast.literal_eval`` on what a strict pattern has matched before."""
SWITCHES = {"allow_pickle", "shell"}


def found_in(text: str, file: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"imports {name}" for name in names if name.partition(".")[0] in MODULES)
        if isinstance(node, ast.Call):
            yield from found_in_call(node, file)


def found_in_call(node: ast.Call, file: str) -> Iterator[str]:
    said = ast.unparse(node.func)
    name = said.rpartition(".")[2]
    if name in CALLS and said not in HARMLESS and not (name == "literal_eval" and file in LITERALS):
        yield f"calls {said}"
    if name == "recv" and not node.args:
        yield f"calls {said}(), which unpickles on a multiprocessing connection"
    for switch in node.keywords:
        if switch.arg in SWITCHES and not (isinstance(switch.value, ast.Constant) and switch.value.value is False):
            yield f"switches {switch.arg} on"
    if said in ("np.load", "numpy.load") and "allow_pickle" not in {switch.arg for switch in node.keywords}:
        yield "loads numpy files without saying allow_pickle=False"


def test_X2_no_code_of_the_product_runs_or_unpickles_what_it_reads() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {what}"
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for what in found_in(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from marshal import loads",
        "import yaml",
        "eval(text)",
        "exec(text)",
        "os.system(text)",
        "ast.literal_eval(text)",
        "connection.recv()",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(text, shell=True)",
        "runpy.run_path(path)",
    ],
)
def test_X2_each_way_would_be_found(text: str) -> None:
    assert list(found_in(text, "x.py"))


def test_X2_what_looks_alike_and_is_harmless_is_let_be() -> None:
    assert list(found_in("re.compile('a'); np.load(p, allow_pickle=False); line.recv(4096)", "x.py")) == []
