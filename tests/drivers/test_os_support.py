"""What differs between platforms: the running one for real, the others by injection of their name."""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from drivers import os_support
from drivers.clock import NS_PER_S, SystemClock
from drivers.os_support import (
    NotOnThisPlatform,
    detached_process_options,
    durable_directory,
    durable_sync,
    free_bytes,
    ipc_address,
    ipc_family,
    kill_hard,
    missing_display_libraries,
    missing_library_hint,
    open_append_flags,
    open_pty,
    private_file,
    process_alive,
    runtime_dir,
)


@pytest.mark.parametrize(
    ("platform", "refused", "calls"),
    [
        ("linux", False, ["fdatasync"]),
        ("darwin", False, ["fullfsync"]),
        ("darwin", True, ["fullfsync", "fsync"]),
        ("win32", False, ["fsync"]),
    ],
)
def test_data_is_synced_as_each_platform_means_it(
    monkeypatch: pytest.MonkeyPatch, platform: str, refused: bool, calls: list[str]
) -> None:
    made: list[str] = []

    def fcntl(_fd: int, command: int) -> None:
        assert command == 51
        made.append("fullfsync")
        if refused:
            raise OSError("not on this file system")

    monkeypatch.setattr(os, "fdatasync", lambda _fd: made.append("fdatasync"))
    monkeypatch.setattr(os, "fsync", lambda _fd: made.append("fsync"))
    monkeypatch.setattr(os_support, "import_module", lambda _name: SimpleNamespace(fcntl=fcntl))
    durable_sync(3, platform)
    assert made == calls


def test_syncing_works_here(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "journal", open_append_flags(), 0o600)
    os.write(fd, b"one\n")
    durable_sync(fd)
    durable_directory(tmp_path)
    durable_directory(tmp_path, "win32")
    os.close(fd)
    fd = os.open(tmp_path / "journal", open_append_flags())
    os.write(fd, b"two\n")
    os.close(fd)
    assert (tmp_path / "journal").read_bytes() == b"one\ntwo\n"


def test_windows_appends_bytes_unchanged() -> None:
    assert open_append_flags("win32") & 0x8000, "O_BINARY"
    assert open_append_flags("linux") & os.O_CLOEXEC


def test_free_space_is_told(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0


def test_private_files_are_private_whole_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "key"
    private_file(path, b"old")
    private_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _fd: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        private_file(tmp_path / "key", b"secret")
    assert list(tmp_path.iterdir()) == []


def test_the_runtime_directory_is_for_this_user_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    path = runtime_dir()
    assert path.is_relative_to(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    path.chmod(0o755)
    assert stat.S_IMODE(runtime_dir().stat().st_mode) == 0o700


def test_a_runtime_directory_of_somebody_else_is_a_trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    runtime_dir()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(PermissionError, match="XDG_RUNTIME_DIR"):
        runtime_dir()


def test_local_sockets_are_named_for_each_platform() -> None:
    assert (ipc_family("linux"), ipc_family("darwin"), ipc_family("win32")) == ("AF_UNIX", "AF_UNIX", "AF_PIPE")
    assert ipc_address(Path("run"), "engine", "linux") == os.path.join("run", "engine.sock")  # noqa: PTH118 - text
    one, other = (ipc_address(Path(name), "engine", "win32") for name in ("a", "b"))
    assert one.startswith("\\\\.\\pipe\\amperfuse-")
    assert one != other


@pytest.mark.parametrize(("platform", "longest"), [("linux", 107), ("darwin", 103)])
def test_a_socket_path_that_is_too_long_is_refused_with_help(platform: str, longest: int) -> None:
    fits = Path("d" * (longest - len("/engine.sock")))
    assert len(ipc_address(fits, "engine", platform)) == longest
    with pytest.raises(ValueError, match="XDG_RUNTIME_DIR"):
        ipc_address(Path(f"{fits}d"), "engine", platform)


def test_a_pseudo_terminal_is_raw_and_has_a_link_that_goes_with_it(tmp_path: Path) -> None:
    link = tmp_path / "pump"
    pty = open_pty(link)
    client = os.open(link, os.O_RDWR | os.O_NOCTTY)
    os.write(client, b"0\r\n\x03")
    assert os.read(pty.master_fd, 10) == b"0\r\n\x03"
    os.write(pty.master_fd, b"\x0200S\x03\r")
    assert os.read(client, 10) == b"\x0200S\x03\r"
    os.close(client)
    with pytest.raises(FileExistsError):
        open_pty(link)
    pty.close()
    pty.close()
    assert not link.is_symlink()


def test_a_dangling_link_is_replaced_and_a_file_is_not(tmp_path: Path) -> None:
    link = tmp_path / "pump"
    link.symlink_to(tmp_path / "gone")
    open_pty(link).close()
    link.write_text("mine")
    with pytest.raises(FileExistsError):
        open_pty(link)
    assert link.read_text() == "mine"


def test_windows_has_no_pseudo_terminals_and_says_what_to_use() -> None:
    with pytest.raises(NotOnThisPlatform, match="--tcp"):
        open_pty(platform="win32")


def test_processes_are_started_apart_found_and_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, **detached_process_options())
    try:
        assert process_alive(child.pid)
        assert os.getsid(child.pid) == child.pid
        kill_hard(child.pid)
        deadline_ns = SystemClock().now_ns() + 10 * NS_PER_S
        while process_alive(child.pid) and SystemClock().now_ns() < deadline_ns:
            pass
        assert not process_alive(child.pid), "a zombie does not run"
    finally:
        child.kill()
        child.communicate()
    assert child.returncode == -signal.SIGKILL
    assert not process_alive(child.pid)
    assert not process_alive(0)
    assert process_alive(os.getpid())


def test_windows_starts_processes_detached() -> None:
    assert detached_process_options("win32") == {"creationflags": 0x208}


def test_windows_ends_a_process_by_its_own_means(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    kill_hard(77, "win32")
    kill_hard(77, "linux")
    assert sent == [(77, signal.SIGTERM), (77, signal.SIGKILL)]


class Kernel32:
    """As much of Windows as is asked."""

    def __init__(self, handle: int, code: int) -> None:
        self.code = code
        self.closed: list[object] = []

        def open_process(access: int, inherit: bool, pid: int) -> int:
            return handle

        self.OpenProcess = open_process

    def GetExitCodeProcess(self, _handle: object, code: object) -> int:
        ctypes.cast(code, ctypes.POINTER(ctypes.c_ulong)).contents.value = self.code  # type: ignore[arg-type]
        return 1

    def CloseHandle(self, handle: object) -> None:
        self.closed.append(handle)


@pytest.mark.parametrize(("handle", "code", "alive"), [(5, 259, True), (5, 0, False), (0, 259, False)])
def test_windows_is_asked_for_the_exit_code(handle: int, code: int, alive: bool) -> None:
    kernel32 = Kernel32(handle, code)
    assert process_alive(77, "win32", kernel32) is alive
    assert len(kernel32.closed) == (1 if handle else 0)


@pytest.mark.parametrize(
    ("library", "apt", "dnf"),
    [
        ("libEGL.so.1", "libegl1", "libglvnd-egl"),
        ("libGL.so.1", "libgl1", "libglvnd-glx"),
        ("libxkbcommon.so.0", "libxkbcommon0", "libxkbcommon"),
        ("libxcb-cursor.so.0", "libxcb-cursor0", "xcb-util-cursor"),
        ("libfontconfig.so.1", "libfontconfig1", "fontconfig"),
        ("libdbus-1.so.3", "libdbus-1-3", "dbus-libs"),
    ],
)
def test_a_missing_library_is_named_with_its_package(library: str, apt: str, dnf: str) -> None:
    hint = missing_library_hint(ImportError(f"{library}: cannot open shared object file: No such file or directory"))
    assert hint is not None
    assert f"apt-get install {apt}" in hint
    assert f"dnf install {dnf}" in hint


def test_other_import_errors_and_unknown_libraries() -> None:
    assert missing_library_hint(ImportError("No module named 'PyQt6'")) is None
    hint = missing_library_hint(ImportError("libodd.so.9: cannot open shared object file: No such file"))
    assert hint is not None
    assert "libodd.so.9" in hint


def test_all_missing_display_libraries_are_named_at_once() -> None:
    def load(name: str) -> None:
        if "xcb-cursor" in name or "EGL" in name:
            raise OSError(name)

    hint = missing_display_libraries("linux", load)
    assert hint is not None
    assert "apt-get install libegl1 libxcb-cursor0" in hint
    assert missing_display_libraries("linux", lambda _name: None) is None
    assert missing_display_libraries("darwin", load) is None
