"""A systemd that boots in namespaces of its own, from an overlay of this machine or of another Debian, and writes to neither.

Of what people keep on this machine it sees nothing, its /tmp least of all: Debian 12 empties that at boot.
"""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

SYSTEMD: Final = Path("/lib/systemd/systemd")
MASKED: Final = (
    "systemd-udevd.service systemd-udev-trigger.service systemd-networkd.service systemd-resolved.service "
    "systemd-timesyncd.service systemd-firstboot.service systemd-modules-load.service systemd-remount-fs.service "
    "getty.target apt-daily.timer dev-hugepages.mount dev-mqueue.mount tmp.mount sys-kernel-debug.mount "
    "sys-kernel-tracing.mount sys-kernel-config.mount"
)
JOIN: Final = """
    set -eu
    mount --make-rprivate /
    mkdir {folder}/cgroup
    mount -t cgroup2 cgroup2 {folder}/cgroup
    mkdir {folder}/cgroup/{name}
    echo $$ >{folder}/cgroup/{name}/cgroup.procs
    exec unshare -mnpfC --kill-child sh {folder}/boot.sh
"""
# What is read only comes to /mnt/bundle. In the end /mnt/machine is empty.
BOOT: Final = """
    set -eu
    root={folder}/root
    mkdir $root
    mount -t tmpfs tmpfs {folder}/over
    mkdir {folder}/over/upper {folder}/over/work
    mount -t overlay overlay -o lowerdir={lower},upperdir={folder}/over/upper,workdir={folder}/over/work $root
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
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin
    {inside}
    for unit in {masked}; do ln -sf /dev/null /etc/systemd/system/$unit; done
    : >/etc/fstab
    mount --make-rshared /
    exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin {systemd} --system --unit={unit}
"""


def can_boot() -> bool:
    """Tell if a systemd can be booted here."""
    return SYSTEMD.exists() and os.geteuid() == 0 and subprocess.run(["unshare", "-mnpfC", "true"], check=False).returncode == 0


class Booted:
    """A systemd that runs in namespaces of its own."""

    def __init__(self, folder: Path, bundle: Path, *, inside: str, unit: str, lower: Path = Path("/")) -> None:
        """Boot; ``inside``: commands in its root before; ``unit``: is started; ``lower``: the system it boots from."""
        self._name = f"gateway-test-{os.getpid()}-{folder.stat().st_ino}"  # others may be up
        self._folder = folder
        (folder / "over").mkdir()
        named = {"masked": MASKED, "systemd": SYSTEMD, "inside": inside, "unit": unit, "lower": lower}
        (folder / "boot.sh").write_text(BOOT.format(folder=folder, bundle=bundle, **named))
        join = JOIN.format(folder=folder, name=self._name)
        with (folder / "boot.log").open("wb") as log:
            self._process = subprocess.Popen(["unshare", "-m", "sh", "-c", join], stdout=log, stderr=log)

    def boots(self, unit: str = "gateway") -> bool:
        """Tell if a service is up; fail with what was printed if the boot has ended."""
        assert self._process.poll() is None, (self._folder / "boot.log").read_text()
        return self.run(f"systemctl is-active {unit}") == "active"

    @property
    def pid(self) -> int:
        """The process of systemd, outside; 0 before there is one."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def done(self, command: str) -> subprocess.CompletedProcess[str]:
        """Give a command inside, as root at its home."""
        inside = [
            "env",
            "-i",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "LC_ALL=C.UTF-8",
        ]
        words = ["nsenter", "-t", str(self.pid), "-m", "-p", "-n", "-C", *inside, "sh", "-c", command]
        return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def run(self, command: str) -> str:
        """Return what a command prints inside."""
        return self.done(command).stdout.strip()

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
