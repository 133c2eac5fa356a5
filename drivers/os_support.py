"""Everything that differs between Linux, macOS and Windows, in one place.

Knows how each platform syncs a file, opens a pseudo-terminal, names a local socket, starts and ends a process, and
which package holds a missing system library. Each function takes the platform's name (as ``sys.platform`` gives it)
so that the branches of the other platforms run in tests here. Knows nothing of instruments or experiments.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import re
import shutil
import signal
import socket
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, Protocol

PLATFORM: Final[str] = sys.platform
_F_FULLFSYNC = 51  # macOS <sys/fcntl.h>; Python offers the name only there
_WINDOWS_DETACHED_PROCESS = 0x8
_WINDOWS_NEW_PROCESS_GROUP = 0x200
_WINDOWS_QUERY_LIMITED = 0x1000
_WINDOWS_STILL_ACTIVE = 259
_UNIX_PATH_MAX = {"linux": 107, "darwin": 103}  # sun_path without its final zero


class NotOnThisPlatform(OSError):
    """The operating system has no such thing; the message says what to use instead."""


def is_windows(platform: str = PLATFORM) -> bool:
    """Tell whether this is Windows."""
    return platform == "win32"


# --- ports -----------------------------------------------------------------------------------------------------


def holders(port: Path, platform: str = PLATFORM, proc: Path = Path("/proc")) -> list[str]:
    """Return the other processes that have this port open, as ``name (pid)``, as far as this user may see them.

    An exclusive opening notices only programs that lock too, and some vendors' do not. Who serves a pseudo-terminal is
    the instrument at its far end, not a rival, also where it keeps the near end open. Empty where the system does not
    say (macOS) or opens exclusively by itself (Windows).
    """
    if platform != "linux":
        return []
    wanted = os.path.realpath(port)
    found = []
    for process in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile, or is another user's
            handles = [handle for handle in (process / "fd").iterdir() if os.path.realpath(handle) == wanted]
            if handles and process.name != str(os.getpid()) and not _serves(process, wanted):
                found.append(f"{(process / 'comm').read_text('utf-8', 'replace').strip()} ({process.name})")
    return sorted(found)


def _serves(process: Path, port: str) -> bool:
    """Tell whether this process holds the far end of the pseudo-terminal ``/dev/pts/N``. False when in doubt."""
    if not port.startswith("/dev/pts/"):
        return False
    number = port.removeprefix("/dev/pts/")
    try:
        return any(
            line.split() == ["tty-index:", number]
            for handle in (process / "fdinfo").iterdir()
            for line in handle.read_text("ascii", "replace").splitlines()
        )
    except OSError:  # it changes at this moment: whoever has the near end open is then a rival
        return False


# --- files -----------------------------------------------------------------------------------------------------


def durable_sync(fd: int, platform: str = PLATFORM) -> None:
    """Return when the file's data is on the medium, as far as the platform can promise it. Raises OSError."""
    if platform == "darwin":
        try:
            import_module("fcntl").fcntl(fd, _F_FULLFSYNC)
        except OSError:  # network and some external file systems refuse it; fsync is the most they offer
            os.fsync(fd)
    elif is_windows(platform) or not hasattr(os, "fdatasync"):
        os.fsync(fd)
    else:
        os.fdatasync(fd)


def durable_directory(path: Path, platform: str = PLATFORM) -> None:
    """Make the names inside a directory durable, after a file was created or renamed. Nothing to do on Windows."""
    if is_windows(platform):
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def open_append_flags(platform: str = PLATFORM) -> int:
    """Return flags for ``os.open`` that create a file and only ever append bytes to it, unchanged."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    if is_windows(platform):  # without O_BINARY every 0x0A would become two bytes
        return flags | int(getattr(os, "O_BINARY", 0x8000)) | int(getattr(os, "O_NOINHERIT", 0x80))
    return flags | int(getattr(os, "O_CLOEXEC", 0))


def free_bytes(path: Path) -> int:
    """Return how many bytes this user can still write on the volume of ``path``. Raises OSError."""
    return shutil.disk_usage(path).free


def private_file(path: Path, data: bytes) -> None:
    """Write a file that only this user can read, whole or not at all.

    On Windows the directory of the user's profile gives the protection. Raises OSError.
    """
    fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp creates it 0600
    temporary = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def runtime_dir(platform: str = PLATFORM) -> Path:
    """Return the directory for sockets and keys of running engines, made for this user only.

    Raises PermissionError when somebody else owns it: then it could be a trap.
    """
    with warnings.catch_warnings():  # it warns when it falls back to the temporary directory; checked below instead
        warnings.simplefilter("ignore")
        import platformdirs  # noqa: PLC0415 - not needed where STOP is on its way and the folder is named

        path = Path(platformdirs.user_runtime_path("amperfuse", appauthor=False))
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_windows(platform):
        return path
    info = path.lstat()
    parent_owner = path.parent.stat().st_uid  # who owns the parent can exchange what lies in it
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid() or parent_owner not in (0, os.getuid()):
        raise PermissionError(f"{path} is not a directory of yours; remove it, or set XDG_RUNTIME_DIR to one that is")
    if stat.S_IMODE(info.st_mode) != 0o700:
        path.chmod(0o700)
    return path


def check_private(path: Path, platform: str = PLATFORM) -> None:
    """Raise PermissionError when ``path`` is not a directory in which only this user can write (X11)."""
    if is_windows(platform):  # the user's profile protects it
        return
    info = path.stat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid() or info.st_mode & 0o022:
        raise PermissionError(f"{path} is not a directory in which only you can write; name another one")


# --- talking between processes ---------------------------------------------------------------------------------


def ipc_family(platform: str = PLATFORM) -> Literal["AF_UNIX", "AF_PIPE"]:
    """Return the family that ``multiprocessing.connection`` is to use."""
    return "AF_PIPE" if is_windows(platform) else "AF_UNIX"


def ipc_address(directory: Path, name: str, platform: str = PLATFORM) -> str:
    """Return the address of a local server called ``name``. Raises ValueError when a Unix path would be too long."""
    if is_windows(platform):  # pipes share one name space per machine: the directory keeps users and rigs apart
        digest = hashlib.sha256(str(directory).encode()).hexdigest()[:16]
        return rf"\\.\pipe\amperfuse-{digest}-{name}"
    address = str(directory / f"{name}.sock")
    limit = _UNIX_PATH_MAX.get(platform, min(_UNIX_PATH_MAX.values()))
    if len(os.fsencode(address)) > limit:
        raise ValueError(
            f"socket path {address} is longer than {limit} bytes; set XDG_RUNTIME_DIR to a shorter directory"
        )
    return address


class _Handle(Protocol):
    def fileno(self) -> int: ...


def hang_up(connection: _Handle, platform: str = PLATFORM, kernel32: Any = None) -> None:
    """End a local connection that another thread may be blocked in: its read or write fails instead of waiting.

    Closing alone does not wake a blocked thread. The owner still closes it. ``kernel32`` is given by tests only.
    """
    with contextlib.suppress(OSError):  # already closed: nothing to wake
        if is_windows(platform):
            library = kernel32 if kernel32 is not None else ctypes.CDLL("kernel32")
            library.CancelIoEx(ctypes.c_void_p(connection.fileno()), None)
            return
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


# --- pseudo-terminals ------------------------------------------------------------------------------------------


@dataclass
class Pty:
    """A serial port made of software. ``path`` is what a client opens; bytes appear at ``master_fd``.

    The client's side is held open here too: otherwise the master reads EIO whenever no client is connected.
    """

    master_fd: int
    held_fd: int
    path: Path
    link: Path | None

    def close(self) -> None:
        """Close both ends and remove the link, as if the cable were pulled. May be called twice."""
        if self.link is not None and self.link.is_symlink() and self.link.readlink() == self.path:
            self.link.unlink()
        for fd in (self.held_fd, self.master_fd):
            if fd >= 0:
                os.close(fd)
        self.held_fd = self.master_fd = -1


def open_pty(link: Path | None = None, platform: str = PLATFORM) -> Pty:
    """Open a raw pseudo-terminal, with a symbolic link at ``link`` if given.

    A dangling link, as a killed simulator leaves it, is replaced; a link that still leads somewhere, and anything
    else, is kept. Raises NotOnThisPlatform, FileExistsError, OSError.
    """
    if is_windows(platform):
        raise NotOnThisPlatform("Windows has no pseudo-terminals: serve on a TCP port instead (--tcp HOST:PORT)")
    if link is not None and (link.exists() or link.is_symlink()):
        if not link.is_symlink() or link.exists():
            raise FileExistsError(f"{link} exists already; remove it or choose another name")
        link.unlink()
    master_fd, held_fd = os.openpty()
    import_module("tty").setraw(held_fd)
    path = Path(os.ttyname(held_fd))
    pty = Pty(master_fd, held_fd, path, None)
    if link is not None:
        try:
            link.symlink_to(path)
        except OSError:
            pty.close()
            raise
        pty.link = link
    return pty


# --- processes -------------------------------------------------------------------------------------------------


def detached_process_options(platform: str = PLATFORM) -> dict[str, Any]:
    """Return keywords for ``subprocess.Popen`` that let a child outlive its parent and its terminal."""
    if is_windows(platform):
        return {"creationflags": _WINDOWS_DETACHED_PROCESS | _WINDOWS_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def kill_hard(pid: int, platform: str = PLATFORM) -> None:
    """End a process at once, without asking it. Raises ProcessLookupError, PermissionError."""
    # On Windows os.kill with any signal but CTRL_C/CTRL_BREAK is TerminateProcess.
    os.kill(pid, signal.SIGTERM if is_windows(platform) else signal.SIGKILL)


def process_alive(pid: int, platform: str = PLATFORM, kernel32: Any = None) -> bool:
    """Tell whether a process runs. A zombie does not run. ``kernel32`` is given by tests only."""
    if pid <= 0:
        return False
    if is_windows(platform):
        return _windows_process_alive(pid, kernel32 if kernel32 is not None else ctypes.CDLL("kernel32"))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return platform != "linux" or not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return True  # gone between the two looks
    return status.rpartition(")")[2].split()[0] in ("Z", "X")


def _windows_process_alive(pid: int, kernel32: Any) -> bool:
    # os.kill(pid, 0) would send CTRL_C there, so the exit code is asked for instead.
    kernel32.OpenProcess.restype = ctypes.c_void_p
    handle = kernel32.OpenProcess(_WINDOWS_QUERY_LIMITED, False, pid)  # noqa: FBT003 - signature of the Windows API
    if not handle:
        return False
    try:
        code = ctypes.c_ulong()
        if not kernel32.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(code)):
            return False
        return code.value == _WINDOWS_STILL_ACTIVE
    finally:
        kernel32.CloseHandle(ctypes.c_void_p(handle))


# --- system libraries of Qt ------------------------------------------------------------------------------------

_PACKAGES: Final[dict[str, tuple[str, str]]] = {  # library: (Debian/Ubuntu, Fedora/RHEL)
    "libEGL.so.1": ("libegl1", "libglvnd-egl"),
    "libGL.so.1": ("libgl1", "libglvnd-glx"),
    "libGLX.so.0": ("libglx0", "libglvnd-glx"),
    "libOpenGL.so.0": ("libopengl0", "libglvnd-opengl"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
    "libxcb.so.1": ("libxcb1", "libxcb"),
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-render-util.so.0": ("libxcb-render-util0", "xcb-util-renderutil"),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb"),
    "libxcb-randr.so.0": ("libxcb-randr0", "libxcb"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig"),
    "libfreetype.so.6": ("libfreetype6", "freetype"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libgthread-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libX11.so.6": ("libx11-6", "libX11"),
    "libX11-xcb.so.1": ("libx11-xcb1", "libX11-xcb"),
    "libSM.so.6": ("libsm6", "libSM"),
    "libICE.so.6": ("libice6", "libICE"),
    "libwayland-client.so.0": ("libwayland-client0", "libwayland-client"),
}
_DISPLAY_LIBRARIES = ("libEGL.so.1", "libGL.so.1", "libxkbcommon.so.0", "libxkbcommon-x11.so.0", "libxcb-cursor.so.0",
                      "libxcb-icccm.so.4", "libxcb-image.so.0", "libxcb-keysyms.so.1", "libxcb-render-util.so.0",
                      "libfontconfig.so.1", "libdbus-1.so.3")  # fmt: skip


def missing_library_hint(import_error: BaseException) -> str | None:
    """Return which package to install when an import failed for a missing system library; None for other failures."""
    found = re.search(r"(lib[\w.+-]+?\.so(?:\.\d+)*): cannot open shared object file", str(import_error))
    return _install_hint([found[1]]) if found else None


def has_display(platform: str = PLATFORM, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a window could be seen: always on Windows and macOS, elsewhere if a display server is named."""
    if is_windows(platform) or platform == "darwin":
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def missing_display_libraries(platform: str = PLATFORM, load: Callable[[str], object] = ctypes.CDLL) -> str | None:
    """Return which packages an X11 window needs that are not installed; None if nothing is missing.

    Asked before Qt opens a window: Qt aborts the process, without an exception, when its platform plugin misses one.
    """
    if platform != "linux":
        return None
    missing = []
    for library in _DISPLAY_LIBRARIES:
        try:
            load(library)
        except OSError:
            missing.append(library)
    return _install_hint(missing) if missing else None


def _install_hint(libraries: list[str]) -> str:
    known = [_PACKAGES[library] for library in libraries if library in _PACKAGES]
    named = ", ".join(libraries)
    noun = "library" if len(libraries) == 1 else "libraries"
    if not known:
        return f"The window needs the system {noun} {named}. Install the package of your system that contains it."
    apt = " ".join(dict.fromkeys(debian for debian, _fedora in known))
    dnf = " ".join(dict.fromkeys(fedora for _debian, fedora in known))
    return (
        f"The window needs the system {noun} {named}. Install with one of:\n"
        f"  Debian, Ubuntu:  sudo apt-get install {apt}\n"
        f"  Fedora, RHEL:    sudo dnf install {dnf}"
    )
