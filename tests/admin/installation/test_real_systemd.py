"""The installed unit under a real systemd, which boots in namespaces of its own and starts the service and nothing else."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest

from tests.admin.installation.system_python import can_build
from tests.waiting import until

SYSTEMD = Path("/lib/systemd/systemd")
MASKED = (
    "systemd-udevd.service systemd-udev-trigger.service systemd-networkd.service systemd-resolved.service "
    "systemd-timesyncd.service systemd-firstboot.service systemd-modules-load.service systemd-remount-fs.service "
    "getty.target apt-daily.timer dev-hugepages.mount dev-mqueue.mount tmp.mount sys-kernel-debug.mount "
    "sys-kernel-tracing.mount sys-kernel-config.mount"
)
JOIN = """
    set -eu
    mount --make-rprivate /
    mkdir {folder}/cgroup
    mount -t cgroup2 cgroup2 {folder}/cgroup
    mkdir {folder}/cgroup/{name}
    echo $$ >{folder}/cgroup/{name}/cgroup.procs
    exec unshare -mnpfC --kill-child sh {folder}/boot.sh
"""
# The root is an overlay of the machine's, so nothing of that is written; of what people keep there nothing is seen.
BOOT = """
    set -eu
    root={folder}/root
    mkdir $root
    mount -t tmpfs tmpfs {folder}/over
    mkdir {folder}/over/upper {folder}/over/work
    mount -t overlay overlay -o lowerdir=/,upperdir={folder}/over/upper,workdir={folder}/over/work $root
    for place in tmp var/tmp; do mount -t tmpfs -o mode=1777 tmpfs $root/$place; done
    for place in run home root srv mnt dev; do mount -t tmpfs -o mode=0755 tmpfs $root/$place; done
    for node in null zero full random urandom tty; do
        : >$root/dev/$node
        mount --bind /dev/$node $root/dev/$node
    done
    mkdir $root/dev/shm $root/dev/pts $root/mnt/bundle $root/mnt/machine
    mount -t tmpfs -o mode=1777 tmpfs $root/dev/shm
    mount -t devpts -o newinstance,ptmxmode=0666 devpts $root/dev/pts
    ln -s pts/ptmx $root/dev/ptmx
    mount -t proc proc $root/proc
    mount -t sysfs -o ro sysfs $root/sys
    mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
    mount --bind -o ro {bundle} $root/mnt/bundle
    cd $root
    pivot_root . mnt/machine
    umount -l /mnt/machine

    sh /mnt/bundle/install.sh
    echo secret >/etc/gateway/secrets/influxdb.token
    chmod 600 /etc/gateway/secrets/influxdb.token
    cat >/etc/gateway/gateway.yaml <<TEXT
influxdb: {{token_file: secrets/influxdb.token}}
journal: {{path: /var/lib/gateway/journal.db}}
TEXT
    for unit in {masked}; do ln -sf /dev/null /etc/systemd/system/$unit; done
    : >/etc/fstab
    echo 'D /tmp 1777 root root -' >/etc/tmpfiles.d/tmp.conf # that of Debian 12, which empties /tmp at boot
    : >/tmp/left-behind
    mount --make-rshared /
    exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin {systemd} --system --unit=gateway.service
"""


def can_boot() -> bool:
    """Tell if a systemd can be booted here."""
    return SYSTEMD.exists() and os.geteuid() == 0 and subprocess.run(["unshare", "-mnpfC", "true"], check=False).returncode == 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.real,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not can_boot(), reason="systemd is missing, or namespaces, which need root"),
    pytest.mark.skipif(not can_build(), reason="the Python of the system is missing, is another one, or has no venv"),
]


class Booted:
    """A systemd that runs in namespaces of its own."""

    def __init__(self, folder: Path, bundle: Path) -> None:
        self._name = f"gateway-test-{os.getpid()}"
        self._folder = folder
        (folder / "over").mkdir()
        boot = BOOT.format(folder=folder, bundle=bundle, masked=MASKED, systemd=SYSTEMD)
        (folder / "boot.sh").write_text(boot)
        join = JOIN.format(folder=folder, name=self._name)
        with (folder / "boot.log").open("wb") as log:
            self._process = subprocess.Popen(["unshare", "-m", "sh", "-c", join], stdout=log, stderr=log)

    def boots(self) -> bool:
        """Tell if the service is up; fail with what was printed if the boot has ended."""
        assert self._process.poll() is None, (self._folder / "boot.log").read_text()
        return self.run("systemctl is-active gateway") == "active"

    @property
    def pid(self) -> int:
        """The process of systemd, outside; 0 before there is one."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def run(self, command: str) -> str:
        """Return what a command prints inside."""
        words = ["nsenter", "-t", str(self.pid), "-m", "-p", "-n", "-C", "sh", "-c", command]
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()

    def end(self) -> None:
        """End all, and remove the group of processes."""
        if self._process.poll() is None and self.pid:
            os.kill(self.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(30)
        self._process.kill()
        tidy = f"mount --make-rprivate /; mount -t cgroup2 cgroup2 {self._folder}/cgroup; cd {self._folder}/cgroup"
        subprocess.run(
            ["unshare", "-m", "sh", "-c", f"{tidy}; find {self._name} -depth -type d -exec rmdir {{}} +"], check=False
        )


@pytest.fixture(scope="module")
def canary() -> Iterator[Path]:
    """A file in the machine's own /tmp, as others have theirs there."""
    with NamedTemporaryFile(prefix="canary-", dir="/tmp") as file:
        yield Path(file.name)


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory, bundle: Path, canary: Path) -> Iterator[Booted]:
    """Boot one, with a file in the machine's own /tmp, and start the service."""
    assert canary.exists()
    found = Booted(tmp_path_factory.mktemp("systemd"), bundle)
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
