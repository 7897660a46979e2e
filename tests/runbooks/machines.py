"""Machines on which the commands of a page are run as they are printed: each has a folder of the test as its root.

What needs root or a whole machine is played: ``sudo`` runs its command, ``systemctl`` starts and stops the real broker,
database and gateway of the test. Places and addresses of the page are those of the test, as a reader puts in his own.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import chdir
from pathlib import Path
from socketserver import StreamRequestHandler, UnixStreamServer
from tempfile import TemporaryFile
from typing import Final

from gateway.commands.demo.services import Service
from tests.system.rig import run_gateway

Answer = tuple[int, str]
Program = Callable[[list[str]], Answer]

_ROOTS: Final = re.compile(r"(?<![\w./-])/(etc|var|root|media)(?=/)")
_ASK: Final = """
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect(sys.argv[1])
    asked.sendall(json.dumps([os.getcwd(), *sys.argv[2:]]).encode() + b"\\n")
    status, out, err = json.loads(asked.makefile().readline())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
"""
_SHELL: Final = {
    "sudo": '[ "$1" != -u ] || shift 2; exec "$@"',
    "install": 'shift 2; [ "$1" != -g ] || shift 2; exec /usr/bin/install -m 600 "$@"',
}
"""The files belong to who runs the test."""
_FOLDERS: Final = (
    *("etc/gateway", "etc/mosquitto/conf.d", "etc/mosquitto/certs", "etc/mosquitto/ca_certificates", "etc/systemd"),
    *("var/lib/gateway", "var/lib/influxdb", "var/lib/mosquitto", "root", "media/usb"),
)


class Machine:
    """A machine of a page.

    :ivar units: the services that its systemctl knows.
    :ivar programs: further programs that are played.
    :ivar printed: words of the page → the test's.
    :ivar join: words before each command, for a machine with a disk of its own.
    """

    def __init__(self, root: Path, units: Mapping[str, Service], media: "Machine | None" = None) -> None:
        self.root = root
        self.units = dict(units)
        self.programs: dict[str, Program] = {"systemctl": self._systemctl, "journalctl": self._journalctl}
        self.printed: dict[str, str] = {}
        self.join: list[str] = []
        for name in _FOLDERS:
            (root / name).mkdir(parents=True, exist_ok=True)
        if media is not None:
            (root / "media" / "usb").rmdir()
            (root / "media" / "usb").symlink_to(media.root / "media" / "usb")

    def run(self, commands: str) -> subprocess.CompletedProcess[str]:
        """Run commands as somebody at this machine; the programs that are played ask here, in this thread, meanwhile."""
        folder, programs = self.root / "etc" / "gateway", self._lay_out()
        words = [*self.join, "sh", "-euc", f"cd {folder}\n{self.here(commands)}"]
        environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
        with (
            UnixStreamServer(str(self._door), self._handler()) as server,
            TemporaryFile("w+") as out,
            TemporaryFile("w+") as err,
        ):
            server.timeout = 0.02
            running = subprocess.Popen(words, env=environment, stdout=out, stderr=err)
            while running.poll() is None:
                server.handle_request()
            out.seek(0)
            err.seek(0)
            self._door.unlink()
            return subprocess.CompletedProcess(words, running.returncode, out.read(), err.read())

    def here(self, commands: str) -> str:
        """The same with the test's folder, addresses and names."""
        for printed, ours in self.printed.items():
            commands = commands.replace(printed, ours)
        return _ROOTS.sub(rf"{self.root}/\1", commands).replace("-C / ", f"-C {self.root} ")

    @property
    def _door(self) -> Path:
        return self.root / "asked"

    def _lay_out(self) -> Path:
        """A folder of programs that ask this process."""
        folder = self.root / "programs"
        folder.mkdir(exist_ok=True)
        (folder / "ask.py").write_text(_ASK)
        asking = f'exec {sys.executable} -SE {folder}/ask.py {self._door} "$(basename "$0")" "$@"'
        commands = {"gateway": f'exec {sys.executable} -m gateway "$@"' if self.join else asking}
        for name, text in (_SHELL | dict.fromkeys(self.programs, asking) | commands).items():
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)
        return folder

    def _handler(self) -> type[StreamRequestHandler]:
        answer = self._answer

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(json.dumps(answer(*json.loads(self.rfile.readline()))).encode() + b"\n")

        return Handler

    def _answer(self, folder: str, name: str, *words: str) -> tuple[int, str, str]:
        if name == "gateway":  # in this process, for there are many
            with chdir(folder):
                done = run_gateway(*words)
            return done.returncode, done.stdout, done.stderr
        status, said = self.programs[name](list(words))
        return status, f"{said}\n", ""

    def _systemctl(self, words: list[str]) -> Answer:
        action, *names = words
        services = [self.units[name] for name in names if name in self.units]
        for service in services:
            _ACTIONS.get(action, _nothing)(service)
        states = ["active" if service.pid else "inactive" for service in services]
        return (3 if action == "is-active" and "inactive" in states else 0), "\n".join(states)

    def _journalctl(self, words: list[str]) -> Answer:
        logs = [self.units[name].log for name in words if name in self.units]
        return 0, "\n".join(log.read_text(errors="replace") for log in logs if log.exists())


def _start(service: Service) -> None:
    service.start()
    service.wait_ready()


def _restart(service: Service) -> None:
    service.stop()
    _start(service)


def _reload(service: Service) -> None:
    assert service.pid is not None
    os.kill(service.pid, signal.SIGHUP)


def _nothing(_service: Service) -> None:
    """Leave it as it is: whether it starts at boot concerns no test."""


_ACTIONS: Final[Mapping[str, Callable[[Service], None]]] = {
    "start": _start,
    "stop": Service.stop,
    "restart": _restart,
    "reload": _reload,
}
