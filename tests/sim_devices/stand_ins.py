"""Stand-ins for what another's package imports and the part under test never uses: web servers, shells, databases.

Knows how to let such imports pass while a client is imported, and to leave no trace of it for other tests.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Unused(Exception):
    """Accepts any arguments; some are base classes of errors."""

    def __init__(self, *args: object, **settings: object) -> None:
        super().__init__(*args)


class _Empty(ModuleType):
    """A module in which every public name is a class that nobody uses."""

    def __getattr__(self, name: str) -> type[_Unused]:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (_Unused,), {})


class _Finder(MetaPathFinder, Loader):
    """Finds an empty module for every name below the given packages."""

    def __init__(self, packages: tuple[str, ...]) -> None:
        self.packages = packages

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in self.packages:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Empty(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


@contextmanager
def stood_in(*packages: str) -> Iterator[None]:
    """Let ``import`` find empty modules for these top-level packages, and forget them on the way out."""
    finder = _Finder(packages)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name, module in sys.modules.items() if isinstance(module, _Empty)]:
            del sys.modules[name]
