"""On which line of a TOML text each key stands. The standard library's parser forgets it; people need it.

Knows TOML's layout and nothing of any schema. Only called on text that ``tomllib`` has already accepted.
"""

from __future__ import annotations

import re
import tomllib

Key = str | int

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"{3}(?:\\.|[^\\])*?"{3,5}(?!")|' r"'{3}.*?'{3,5}(?!')|" r'"(?:\\.|[^"\\\n])*"|' r"'[^'\n]*'", re.DOTALL
)
_PLAIN = re.compile(r"[^,\]}\n#]+")


def key_lines(text: str) -> dict[tuple[Key, ...], int]:
    """Return the line (from 1) of every key, table and array element, by its path in the parsed document."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[tuple[Key, ...], int] = {}
        self.counts: dict[tuple[Key, ...], int] = {}
        self._line = 1
        self._line_at = 0

    def document(self) -> None:
        table: tuple[Key, ...] = ()
        while self._blank():
            if self.text.startswith("[[", self.at):
                table = self._array_header()
            elif self._take("["):
                table = self._resolved(self._key())
                self._skip_to_close("]")
                self.lines.setdefault(table, self._here())
            else:
                self._pair(table)

    def _array_header(self) -> tuple[Key, ...]:
        line = self._here()
        self.at += 2
        array = self._resolved(self._key(), last=False)
        self._skip_to_close("]]")
        index = self.counts.get(array, 0)
        self.counts[array] = index + 1
        self.lines.setdefault(array, line)
        self.lines[(*array, index)] = line
        return (*array, index)

    def _resolved(self, keys: list[str], *, last: bool = True) -> tuple[Key, ...]:
        """Return the path of a header: a name of an array of tables means its latest element."""
        path: tuple[Key, ...] = ()
        for position, key in enumerate(keys):
            path = (*path, key)
            if path in self.counts and (last or position < len(keys) - 1):
                path = (*path, self.counts[path] - 1)
        return path

    def _pair(self, table: tuple[Key, ...]) -> None:
        line = self._here()
        path = table
        for key in self._key():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._skip_to_close("=")
        self._value(path)

    def _value(self, path: tuple[Key, ...]) -> None:
        self._blank()
        if self._take("["):
            index = 0
            while self._blank() and not self._take("]"):
                self.lines[(*path, index)] = self._here()
                self._value((*path, index))
                index += 1
                self._blank()
                self._take(",")
        elif self._take("{"):
            while self._blank() and not self._take("}"):
                self._pair(path)
                self._blank()
                self._take(",")
        else:
            found = _STRING.match(self.text, self.at) or _PLAIN.match(self.text, self.at)
            self.at = found.end() if found else len(self.text)

    def _key(self) -> list[str]:
        keys: list[str] = []
        while True:
            self._blank()
            bare = _BARE.match(self.text, self.at)
            quoted = _STRING.match(self.text, self.at)
            found = bare or quoted
            if found is None:
                return keys
            self.at = found.end()
            keys.append(found.group() if bare else _unquoted(found.group()))
            self._blank()
            if not self._take("."):
                return keys

    def _blank(self) -> bool:
        """Skip white space and comments; tell whether anything is left."""
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at < len(self.text)

    def _take(self, sign: str) -> bool:
        if self.text.startswith(sign, self.at):
            self.at += len(sign)
            return True
        return False

    def _skip_to_close(self, sign: str) -> None:
        self._blank()
        self._take(sign)

    def _here(self) -> int:
        self._line += self.text.count("\n", self._line_at, self.at)
        self._line_at = self.at
        return self._line


def _unquoted(quoted: str) -> str:
    value = tomllib.loads(f"x = {quoted}")["x"]
    return str(value)
