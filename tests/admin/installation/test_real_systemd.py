"""The installed unit under a real systemd, which boots in namespaces of its own and starts the service and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import pytest

from tests.admin.installation.booted import Booted, can_boot
from tests.admin.installation.system_python import can_build
from tests.waiting import until

INSIDE: Final = """
    sh /mnt/bundle/install.sh
    echo secret >/etc/gateway/secrets/influxdb.token
    chmod 600 /etc/gateway/secrets/influxdb.token
    cat >/etc/gateway/gateway.yaml <<TEXT
influxdb: {token_file: secrets/influxdb.token}
journal: {path: /var/lib/gateway/journal.db}
TEXT
    echo 'D /tmp 1777 root root -' >/etc/tmpfiles.d/tmp.conf # that of Debian 12, which empties /tmp at boot
    : >/tmp/left-behind
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not can_boot(), reason="systemd is missing, or namespaces, which need root"),
    pytest.mark.skipif(not can_build(), reason="the Python of the system is missing, is another one, or has no venv"),
]


@pytest.fixture(scope="module")
def canary() -> Iterator[Path]:
    """A file in the machine's own /tmp, as others have theirs there."""
    with NamedTemporaryFile(prefix="canary-", dir="/tmp") as file:
        yield Path(file.name)


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory, bundle: Path, canary: Path) -> Iterator[Booted]:
    """Boot one, with a file in the machine's own /tmp, and start the service."""
    assert canary.exists()
    found = Booted(tmp_path_factory.mktemp("systemd"), bundle, inside=INSIDE, unit="gateway.service")
    try:
        until(found.boots, 180, what="the service is up")
        yield found
    finally:
        found.end()


def test_what_boots_sees_nothing_of_the_machine_and_empties_no_tmp_but_its_own(canary: Path, booted: Booted) -> None:
    until(lambda: show(booted, "ActiveState", "systemd-tmpfiles-setup") == "active", 60)
    seen = booted.run("find /home /root /srv /mnt /var/tmp -mindepth 1 -maxdepth 1").split()
    assert {name for name in seen if "/systemd-private-" not in name} - {"/root/.ssh"} == {"/mnt/bundle", "/mnt/machine"}
    assert booted.run(f"ls {canary} /tmp/left-behind") == "", "one is not seen, the other was removed at boot"
    assert booted.run("ls /mnt/machine") == ""
    assert booted.run("touch /usr/written && echo written") == "written"
    assert not Path("/usr/written").exists()
    assert canary.exists()


def show(booted: Booted, name: str, unit: str = "gateway") -> str:
    return booted.run(f"systemctl show -p {name} --value {unit}")


def start_instance(booted: Booted) -> None:
    """Set up ``gateway@north`` as the guide says, and check that it has its own folders and its own state."""
    settings = "{mqtt: {client_id: north}, http: {port: 8081}, journal: {path: /var/lib/gateway-north/journal.db}}"
    booted.run(f"mkdir /etc/gateway-north && echo '{settings}' >/etc/gateway-north/gateway.yaml")
    said = booted.run("/opt/gateway/install.sh 2>&1 && systemctl enable --now gateway@north 2>&1")
    until(lambda: show(booted, "ActiveState", "gateway@north") == "active", 180, what=said)
    until(lambda: "MQTT broker: not connected" in show(booted, "StatusText", "gateway@north"), 60)
    assert booted.run("stat -c %U:%a /var/lib/gateway-north /var/lib/gateway-north/journal.db").split() == [
        "gateway:750",
        "gateway:600",
    ]
    assert show(booted, "MainPID", "gateway@north") != show(booted, "MainPID")
    assert booted.boots(), "the first one runs beside it"


def test_systemd_starts_it_without_a_broker_knows_its_state_and_restarts_it_when_it_hangs(booted: Booted) -> None:
    until(lambda: "MQTT broker: not connected" in show(booted, "StatusText"), 60)
    assert show(booted, "NRestarts") == "0"
    assert booted.run("stat -c %U /proc/$(systemctl show -p MainPID --value gateway)") == "gateway"

    booted.run("ln -sfn /usr/bin/python3.0 /opt/gateway/current/bin/python; rm -r /etc/gateway/secrets")
    booted.run("echo 'journal: {path: /var/lib/gateway/journal.db}' >/etc/gateway/gateway.yaml; systemctl restart gateway")
    assert booted.boots(), "built again, and without a folder of secrets"

    start_instance(booted)
    hung = show(booted, "MainPID")
    booted.run(f"kill -STOP {hung}")
    until(lambda: show(booted, "NRestarts") == "1", 180, what="a restart by the watchdog")
    until(booted.boots)
    assert show(booted, "MainPID") != hung
    assert show(booted, "NRestarts", "gateway@north") == "0"
