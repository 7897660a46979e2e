"""The real thing: a bundle is made, and installed, upgraded and taken away again in a throw-away root, with real programs."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.admin.installation.bundle import write_sums
from gateway.admin.installation.machine import UNIT, Layout
from gateway.commands.demo.services import Service, free_port
from tests.admin.installation.system_python import PYTHON, can_build
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.real, pytest.mark.timeout(900)]

PLAYED_SYSTEMCTL = Path(__file__).with_name("played_systemctl.py")
NEVER_CONNECTS = """
async def _never(self):
    import asyncio
    await asyncio.Event().wait()

Intake.run = _never
"""


needs_python = pytest.mark.skipif(not can_build(), reason="the Python of the system is missing, is another one, or has no venv")
needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["unshare", "-mn", "true"], check=False).returncode != 0,
    reason="namespaces of mounts and networks need root",
)


def later(bundle: Path, folder: Path, version: str, patch: str = "") -> Path:
    """Make the bundle of a later version, whose program differs in a line."""
    made = folder / version
    shutil.copytree(bundle, made)
    (made / "VERSION").write_text(f"{version}\n")
    (wheel,) = (made / "wheels").glob("*.whl")
    new = wheel.with_suffix(".new")
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as target:
        for name in old.namelist():
            more = f"\n# {version}\n{patch}".encode() if name == "gateway/ingest/intake/intake.py" else b""
            target.writestr(name, old.read(name) + more)
    new.rename(wheel)
    write_sums(made)
    return made


class Cabinet:
    """A root with a configuration for the broker of the test, and a systemctl that starts what the unit says.

    :ivar python: what builds the environment.
    :ivar patience_s: how long a version may take to be subscribed.
    """

    python = PYTHON
    patience_s = 30

    def __init__(self, folder: Path, broker_url: str, influxdb_url: str = "http://127.0.0.1:9") -> None:
        self.layout = Layout(folder / "root")
        (self.layout.root / "run" / "systemd" / "system").mkdir(parents=True)
        self.programs = folder / "programs"
        self.programs.mkdir()
        self._program("systemctl", f'exec {sys.executable} {PLAYED_SYSTEMCTL} {self.layout.root} "$@"')
        self._program("getent", "exit 0")
        self._program("useradd", "exit 0")
        self._program("userdel", "exit 0")
        settings = self.layout.settings()
        settings.mkdir(parents=True)
        self.journal = self.layout.data() / "journal.db"
        document = {
            "mqtt": {"url": broker_url},
            "influxdb": {"url": influxdb_url, "api": "v1"},
            "journal": {"path": str(self.journal), "min_free_bytes": 0},
            "http": {"port": free_port()},
        }
        (settings / "gateway.yaml").write_text(json.dumps(document))

    def _program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.programs / name).chmod(0o755)

    def run(self, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the script of a bundle."""
        environment = os.environ | {"PATH": f"{self.programs}:{os.environ['PATH']}", "PYTHON": self.python}
        words = ["sh", str(script), *arguments, "--root", str(self.layout.root), "--patience", str(self.patience_s)]
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)

    @property
    def current(self) -> str:
        """The version that runs from the next start on."""
        return self.layout.current.readlink().name

    @property
    def is_subscribed(self) -> bool:
        """True while the running gateway is subscribed."""
        return self.layout.subscribed(UNIT).exists()


@pytest.fixture
def cabinet(tmp_path: Path, mosquitto: Service) -> Iterator[Cabinet]:
    found = Cabinet(tmp_path, mosquitto.url)
    yield found
    subprocess.run([found.programs / "systemctl", "disable", "--now", UNIT], check=False)


@needs_python
def test_a_gateway_is_installed_upgraded_taken_back_and_removed(cabinet: Cabinet, bundle: Path, tmp_path: Path) -> None:
    first = (bundle / "VERSION").read_text().strip()
    done = cabinet.run(bundle / "install.sh")
    assert done.returncode == 0, done.stderr
    until(lambda: cabinet.is_subscribed, 60, what="the first version is subscribed")

    done = cabinet.run(later(bundle, tmp_path, "9.0.0") / "install.sh")
    assert done.returncode == 0, done.stderr
    assert (cabinet.current, cabinet.is_subscribed) == ("9.0.0", True)

    done = cabinet.run(later(bundle, tmp_path, "9.1.0", NEVER_CONNECTS) / "install.sh")
    assert done.returncode == 1
    assert "9.1.0 did not come as far as 9.0.0, which runs again" in done.stderr
    assert (cabinet.current, cabinet.is_subscribed) == ("9.0.0", True)

    done = cabinet.run(cabinet.layout.script, "rollback")
    assert done.returncode == 0, done.stderr
    assert (cabinet.current, cabinet.is_subscribed) == (first, True)

    assert cabinet.run(cabinet.layout.script, "remove").returncode == 0
    assert not cabinet.layout.home.exists()
    assert cabinet.journal.exists()
    assert cabinet.run(bundle / "install.sh", "purge", "--yes").returncode == 0
    assert not cabinet.layout.settings().exists()
    assert not cabinet.journal.exists()


@needs_python
def test_an_installation_that_is_killed_while_it_builds_goes_on(cabinet: Cabinet, bundle: Path) -> None:
    words = ["sh", str(bundle / "install.sh"), "--root", str(cabinet.layout.root)]
    environment = os.environ | {"PATH": f"{cabinet.programs}:{os.environ['PATH']}", "PYTHON": PYTHON}
    with subprocess.Popen(words, env=environment, start_new_session=True) as process:
        until(lambda: list(cabinet.layout.home.glob("*/lib/python*/site-packages/pydantic")), 120, what="half of it is built")
        os.killpg(process.pid, 9)
    assert not cabinet.layout.current.exists()
    done = cabinet.run(bundle / "install.sh")
    assert done.returncode == 0, done.stderr
    until(lambda: cabinet.is_subscribed, 60, what="subscribed")


@needs_python
@needs_namespaces
def test_it_is_installed_at_its_real_place_with_a_user_of_its_own_and_without_a_network(bundle: Path, tmp_path: Path) -> None:
    """In a namespace of its own, where what is written lies over the machine's folders and vanishes at the end."""
    over = tmp_path / "over"
    over.mkdir()
    story = f"""
        set -eu
        mount -t tmpfs tmpfs {over}
        for place in etc opt usr/local var/lib; do
            mkdir -p {over}/$place {over}/scratch/$place
            mount -t overlay overlay -o lowerdir=/$place,upperdir={over}/$place,workdir={over}/scratch/$place /$place
        done
        mount -t tmpfs tmpfs /run
        sh {bundle}/install.sh
        gateway --version
        stat -c '%U:%G %a %n' /etc/gateway /etc/gateway/gateway.yaml /etc/gateway/registry/devices.yaml /var/lib/gateway
        runuser -u gateway -- gateway check -c /etc/gateway/gateway.yaml >/dev/null
        ln -sfn /usr/bin/python3.0 /opt/gateway/current/bin/python
        eval "$(sed -n 's/^ExecStartPre=+//p' /etc/systemd/system/gateway.service)"
        gateway --version
        /opt/gateway/install.sh purge --yes
        ls /opt/gateway /etc/gateway /var/lib/gateway 2>&1 | grep -c 'No such file'
        getent passwd gateway || echo no user
    """
    done = subprocess.run(["unshare", "-mn", "sh", "-c", story], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    for line in (
        "root:gateway 750 /etc/gateway",
        "root:gateway 640 /etc/gateway/gateway.yaml",
        "gateway:gateway 640 /etc/gateway/registry/devices.yaml",
        "gateway:gateway 750 /var/lib/gateway",
        "no user",
        "3",
    ):
        assert line in printed, done.stdout
