"""A machine whose service has turned against it: in its own folders it swaps names just before root opens them.

The interpreter says before each open, rename and so on what it is about to do (``sys.addaudithook``). There one name is
swapped: at the first step, at the second and so on, until a whole command was attacked at each of its steps. No look that the
command took before helps then, and nothing here knows where it looks.
"""

import os
import pwd
import signal
import stat
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from ctypes import CDLL, c_uint32, get_errno
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

SERVICE: Final = pwd.getpwnam("nobody")
HIDDEN: Final = "what only root may read\n"
_HUNG_AFTER_S: Final = 20
_CRASHED: Final = 99
_PATHS: Final = {
    "open": (0,),
    "os.rename": (0, 1),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.mkdir": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.truncate": (0,),
    "os.link": (0, 1),
    "os.symlink": (1,),
    "os.listdir": (0,),
    "os.scandir": (0,),
    "sqlite3.connect": (0,),
}
"""Steps of a program → which of their arguments are paths."""
_OF_SQLITE: Final = ("", "-wal", "-shm", "-journal")
"""SQLite opens these without a word."""


class Outside:
    """Files and a folder of root's, which the service may not touch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secret = folder / "secret"
        self.within = folder / "within"

    def make(self) -> None:
        """Make it."""
        self.within.mkdir(parents=True)
        for path in (self.secret, self.within / "secret"):
            path.write_text(HIDDEN)
            path.chmod(0o600)

    def seen(self) -> dict[str, tuple[object, ...]]:
        """All that is there: name → kind and mode, owner, group, time of the last change, content."""
        return {str(path.relative_to(self.folder)): _seen(path) for path in [self.folder, *self.folder.rglob("*")]}


def _seen(path: Path) -> tuple[object, ...]:
    found = path.lstat()
    content = sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(found.st_mode) else ""
    return found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns, content


def link(name: Path, outside: Outside) -> None:
    """A link to a file, or to a folder, that is there."""
    name.symlink_to(outside.within if _put_away(name) else outside.secret)


def link_to_nothing(name: Path, outside: Outside) -> None:
    """A link to where nothing is: who makes a file there makes it outside."""
    _put_away(name)
    name.symlink_to(outside.folder / "made")


def second_name(name: Path, outside: Outside) -> None:
    """A second name of a file, as the kernel allows where ``fs.protected_hardlinks`` is off."""
    _put_away(name)
    name.hardlink_to(outside.secret)


def pipe(name: Path, _: Outside) -> None:
    """A pipe, at whose other end nobody is."""
    _put_away(name)
    os.mkfifo(name, 0o666)


Thing = Callable[[Path, Outside], None]
THINGS: Final[tuple[Thing, ...]] = (link, link_to_nothing, second_name, pipe)


def _put_away(name: Path) -> bool:
    """Free a name; tell if a folder had it."""
    if name.is_dir() and not name.is_symlink():
        name.rename(name.with_name(f"{name.name}.away"))
        return True
    name.unlink(missing_ok=True)
    return False


class Attacked(NamedTuple):
    """A command that was attacked.

    :ivar status: its exit status.
    :ivar fault: it hung or crashed; empty: it ended in order, done or with a fault that it told.
    :ivar steps: at which it touched what is the service's.
    :ivar said: what it printed, the steps among it.
    """

    status: int
    fault: str
    steps: int
    said: str


class Attack(NamedTuple):
    """A swap.

    :ivar at: the step before which it happens, counted from 0; -1: it does not.
    """

    thing: Thing
    outside: Outside
    at: int

    def on(self, name: Path) -> None:
        """Put the thing in the place of a name, whoever this process is just then."""
        was = os.geteuid()
        os.seteuid(0)
        try:
            if name.parent.stat().st_uid == SERVICE.pw_uid:
                self.thing(name, self.outside)
                if name.is_symlink() or name.is_fifo():
                    os.lchown(name, SERVICE.pw_uid, SERVICE.pw_gid)
        finally:
            os.seteuid(was)


def squash_root() -> None:
    """Make root of this process what it is on a share that squashes root: over the files of others it has nobody's rights.

    It may still be their owner, as there. Its own folders are its own.
    """
    libc, header, sets = CDLL(None, use_errno=True), (c_uint32 * 2)(0x20080522, 0), (c_uint32 * 6)()
    libc.capget(header, sets)
    for place in range(3):  # in force, allowed, handed on
        sets[place] &= ~(1 << 1 | 1 << 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if libc.capset(header, sets):
        raise OSError(get_errno(), "capset")


def attacked(
    command: Callable[[], int], theirs: tuple[Path, ...], attack: Attack, *, first: Callable[[], None] | None = None
) -> Attacked:
    """Run a command, in a process of its own.

    :param theirs: the folders of the service.
    :param first: is called in that process before.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of other tests, which the child does without
        child = os.fork()
    if not child:
        _run(command if first is None else lambda: (first(), command())[1], theirs, attack, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    fault = {-signal.SIGALRM: "it hung", _CRASHED: "it crashed"}.get(ended, "" if ended >= 0 else f"it ended by {-ended}")
    return Attacked(ended, fault, said.count("\n! "), said)


def _run(command: Callable[[], int], theirs: tuple[Path, ...], attack: Attack, told: int) -> None:
    """The child."""
    status = _CRASHED
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_HUNG_AFTER_S)
        os.dup2(told, 1)
        os.dup2(told, 2)
        sys.stdout = sys.stderr = os.fdopen(told, "w", buffering=1)
        sys.addaudithook(_hook(theirs, attack, told))
        status = command()
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
        os.write(told, traceback.format_exc().encode())
        status = 1 if isinstance(error, OSError) else _CRASHED
    finally:
        os._exit(status)


def _hook(theirs: tuple[Path, ...], attack: Attack, told: int) -> Callable[[str, tuple[object, ...]], None]:
    """Count the steps, and attack at one."""
    step, is_ours = 0, False

    def hook(event: str, given: tuple[object, ...]) -> None:
        nonlocal step, is_ours
        if is_ours or event not in _PATHS:
            return
        is_ours = True
        try:
            for name in _names(event, given, theirs):
                os.write(told, f"\n! {event} {name}\n".encode())
                # Where SQLite is about to open a pipe nothing helps but to wait, as for a lock that the service holds.
                if step == attack.at and not (attack.thing is pipe and event == "sqlite3.connect"):
                    attack.on(name)
                step += 1
        finally:
            is_ours = False

    return hook


def _names(event: str, given: tuple[object, ...], theirs: tuple[Path, ...]) -> Iterator[Path]:
    """The names in the folders of the service that a step is about to use."""
    for number in _PATHS[event]:
        path = given[number] if number < len(given) else None
        if not isinstance(path, str | bytes | os.PathLike):
            continue
        text = os.fsdecode(path)
        if event == "sqlite3.connect":
            text = unquote(text.removeprefix("file:").partition("?")[0])
        place = Path(os.path.realpath(os.path.dirname(text)), os.path.basename(text))  # noqa: PTH119, PTH120
        if os.path.islink(place) and not _is_within(place, theirs):  # noqa: PTH114 - root may have no right to look
            place = Path(os.path.realpath(place))  # a link of root's
        if _is_within(place, theirs):
            ends = _OF_SQLITE if event == "sqlite3.connect" else ("",)
            yield from (place.with_name(place.name + end) for end in ends)


def _is_within(place: Path, theirs: tuple[Path, ...]) -> bool:
    return any(folder in place.parents for folder in theirs)
