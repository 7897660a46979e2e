"""The command line of ``install.sh``."""

import argparse
import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gateway.admin.installation.installer import Installer
from gateway.admin.installation.machine import Layout, Machine, NotDone
from gateway.admin.installation.release import open_bundle

_OLDEST: Final = (3, 11)
_HELP: Final = {
    "install": "install, or upgrade from an earlier version (default)",
    "keep": "keep the wheels of this bundle, for a Python that Debian is to be upgraded to",
    "rollback": "go back to the version before",
    "repair": "build the environment again if its Python is gone",
    "remove": "remove the program; settings and data stay",
    "purge": "remove everything; readings that wait are lost",
}


def main(folder: Path, words: Sequence[str]) -> int:
    """Run ``install.sh WORDS`` of the bundle in ``folder``; return the exit status."""
    options = _parser().parse_args(words)
    os.umask(0o022)
    layout = Layout(options.root)
    machine = Machine(dry_run=options.dry_run, owns=options.root == Path("/"))
    installer = Installer(layout, machine, patience_s=options.patience)
    try:
        _look_at_machine(options)
        _hold_signals()
        with _alone(layout, options):
            _act(installer, options, folder)
    except NotDone as why:
        print(f"install.sh: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("install.sh: interrupted; run it again to go on", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="install.sh", description="Installs the gateway as a service.")
    actions = "\n".join(f"{name}: {text}" for name, text in _HELP.items())
    parser.formatter_class = argparse.RawTextHelpFormatter
    parser.add_argument("action", nargs="?", choices=list(_HELP), default="install", help=actions)
    parser.add_argument("--dry-run", action="store_true", help="print what would be done and change nothing")
    parser.add_argument("--yes", action="store_true", help="with purge: do it")
    parser.add_argument("--root", type=Path, default=Path("/"), help="install below this folder, to try it")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds in which a new version must be subscribed (60)")
    return parser


def _look_at_machine(options: argparse.Namespace) -> None:
    if sys.version_info < _OLDEST:
        raise NotDone("Python 3.11 or newer is missing. Debian 12 or later has it: apt-get install python3 python3-venv")
    try:
        import ensurepip  # noqa: F401, PLC0415 - to see if it is there
    except ImportError as error:
        raise NotDone("Python's venv is missing: apt-get install python3-venv") from error
    if not options.dry_run and options.root == Path("/") and os.geteuid() != 0:
        raise NotDone("run it as root: sudo ./install.sh")


def _hold_signals() -> None:
    """End in order on SIGTERM as on Ctrl-C; a lost connection to the administrator's terminal ends nothing."""

    def interrupt(_: int, __: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@contextmanager
def _alone(layout: Layout, options: argparse.Namespace) -> Iterator[None]:
    """Let no second one work at the same time."""
    if options.dry_run:
        yield
        return
    place = layout.root / "run"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "gateway-install.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotDone("another installation is running") from None
        yield


def _act(installer: Installer, options: argparse.Namespace, folder: Path) -> None:
    if options.action in {"install", "keep"}:
        getattr(installer, options.action)(folder)
        if options.action == "install" and not options.dry_run:
            print(f"{open_bundle(folder).version} is installed. What next: {folder}/deploy/README.md")
        return
    if options.action == "purge" and not options.yes and not options.dry_run:
        lost = " ".join(map(str, installer.lost_by_purge()))
        raise NotDone(f"these would be lost for good: {lost}. To do it: install.sh purge --yes")
    getattr(installer, options.action)()
