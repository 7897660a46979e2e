"""A small file system of a test's own, which can be filled to the last byte.

It is a tmpfs in a mount namespace that a sleeping process holds; a gateway joins that namespace, and the test looks in through
``/proc``. An ordinary user may do that too where the kernel lets users have namespaces of their own.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.commands.demo.services import Program
from tests.system.rig import Gateway

_BLOCK_BYTES = 4096


class SmallDisk:
    """Mounted on a folder, for those who join.

    :ivar seen: the mounted folder, as the test sees it.
    :ivar join: words before a command that is to see it.
    """

    def __init__(self, folder: Path, size_bytes: int) -> None:
        folder.mkdir(parents=True)
        self._folder = folder.resolve()
        as_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        mount = f"mount -t tmpfs -o size={size_bytes},mode=0755 none '{self._folder}' && echo mounted && exec sleep 600"
        self._holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", "unshare", *as_user, "--mount", "sh", "-c", mount],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "mounted\n":
            _, why = self._holder.communicate()
            pytest.skip(f"this user may not mount: {why.strip()}")
        self.seen = Path(f"/proc/{self._holder.pid}/root") / self._folder.relative_to("/")
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        self.join = [shutil.which("nsenter") or "nsenter", "--target", str(self._holder.pid), *user, "--mount"]

    def put_in(self, gate: Gateway) -> None:
        """From its next start on the gateway sees this disk."""
        program, *arguments = self.join
        gate.program = Program(Path(program))
        gate.arguments = [*arguments, "setpriv", "--pdeathsig", "KILL", "--", sys.executable, *gate.arguments]

    def fill(self) -> None:
        """Take all that is left."""
        with (self.seen / "ballast").open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(_BLOCK_BYTES))
            except OSError:
                pass

    def free(self) -> None:
        """Give it back."""
        (self.seen / "ballast").unlink()

    @property
    def free_bytes(self) -> int:
        """The free space."""
        return shutil.disk_usage(self.seen).free

    def remount(self, how: str) -> None:
        """``ro``: nothing can be written from now on, as after a fault of the disk; ``rw``: it can again."""
        subprocess.run([*self.join, "mount", "-o", f"remount,bind,{how}", self._folder], check=True)

    def close(self) -> None:
        """Nothing is left of it."""
        self._holder.kill()
        self._holder.communicate()


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[SmallDisk]:
    """Of so many bytes."""
    disk = SmallDisk(folder, size_bytes)
    try:
        yield disk
    finally:
        disk.close()
