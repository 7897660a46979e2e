"""Other Debians than this machine's, made by debootstrap once, with what the guide installs, in .cache/debian."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.admin.installation.booted import can_boot

PYTHONS: Final = {"bookworm": "3.11", "trixie": "3.13"}
"""The release → its Python."""
_PACKAGES: Final = (
    "ca-certificates,curl,dbus,influxdb,mosquitto,mosquitto-clients,nftables,openssl,procps,python3-venv,sqlite3,sudo,systemd,"
    "systemd-sysv"
)
_CACHE: Final = Path(__file__).parents[3] / ".cache" / "debian"
_FORMAT: Final = "$(REPO_URI) $(COMPONENT)"


def release_root(release: str) -> Path:
    """Return the root of a release, made if it is not there; skip, with a sentence, where it cannot be made."""
    if not can_boot():
        pytest.skip("a Debian beside this one needs root, systemd and namespaces")
    if shutil.which("debootstrap") is None:
        pytest.skip("debootstrap is missing; on Debian: apt-get install debootstrap")
    root = _CACHE / f"ladder-{release}"
    made_of = root / ".made-of"
    if made_of.exists() and made_of.read_text() == _PACKAGES:
        return root
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    words = ["unshare", "--mount", "debootstrap", "--variant=minbase", f"--include={_PACKAGES}", release, str(root), _archive()]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"debootstrap could not make Debian's {release} here: {done.stdout.splitlines()[-1:]}")
    made_of.write_text(_PACKAGES)
    return root


def _archive() -> str:
    """The address of Debian's archive, as this machine's apt knows it."""
    words = ["apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages"]
    try:
        told = subprocess.run(words, capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C"}).stdout
    except FileNotFoundError:
        told = ""
    for line in told.splitlines():
        address, component = line.split()
        if component == "main" and address.rstrip("/").endswith("/debian"):
            return address
    pytest.skip("apt knows no archive of Debian here")
