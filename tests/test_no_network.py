"""The tests' own rule: nothing here talks to another machine."""

from __future__ import annotations

import socket

import pytest


def test_a_test_that_reaches_for_another_machine_fails() -> None:
    with socket.socket() as line, pytest.raises((RuntimeError, UserWarning), match="A test tried to use"):
        line.connect(("192.0.2.1", 80))  # a documentation address: nobody is there
