"""A disk without room: it is said in words before anything is built, and nothing half-built stays."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.admin.installation.system_python import PYTHON, can_build
from tests.admin.installation.test_installed import needs_namespaces

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not can_build(), reason="the Python of the system is missing, is another one, or has no venv"),
    needs_namespaces,
]


def install(bundle: Path, folder: Path, disk: str, story: str = "") -> subprocess.CompletedProcess[str]:
    """Install below a folder whose /opt is a disk of its own, and print what is there afterwards."""
    root = folder / "root"
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("getent", "useradd", "runuser"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    whole = f"""
        mkdir -p {root}/opt
        mount -t tmpfs -o {disk} tmpfs {root}/opt
        {story}
        sh {bundle}/install.sh --root {root}
        status=$?
        find {root}/opt ! -type d | head
        exit $status
    """
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHON": PYTHON, "LC_ALL": "C"}
    return subprocess.run(["unshare", "-mn", "sh", "-c", whole], env=environment, capture_output=True, text=True, check=False)


def test_too_little_room_is_told_before_anything_is_built(bundle: Path, tmp_path: Path) -> None:
    done = install(bundle, tmp_path, "size=100m")
    assert (done.returncode, done.stdout) == (1, "")
    place = re.escape(f"{tmp_path}/root/opt")
    said = rf"install\.sh: {place} has 10\d MB left, (\d+) MB are needed: make room \(df -h {place}\)\. Nothing was switched\n"
    found = re.fullmatch(said, done.stderr)
    assert found, done.stderr
    done = install(bundle, tmp_path, f"size={found[1]}000000")
    assert done.returncode == 0, "what it asks for is enough"
    used = f"df --output=used -B1000000 {tmp_path}/root/opt | tail -n 1 >{tmp_path}/used"
    done = install(bundle, tmp_path, "size=1g", f"trap '{used}' EXIT")
    assert int(found[1]) < 1.2 * int((tmp_path / "used").read_text()), "and not much more than it takes"


def test_a_disk_that_fills_while_it_builds_is_told_in_words_and_what_is_half_built_goes(bundle: Path, tmp_path: Path) -> None:
    done = install(bundle, tmp_path, "size=400m,nr_inodes=4000")
    assert done.returncode == 1
    assert done.stdout == "", "not even the kept copy of what did not come to run"
    last = done.stderr.splitlines()[-1]
    assert re.match(
        r"install\.sh: the program could not be built in .*: why stands above \(.*/opt/gateway has \d+ MB left\)", last
    )
    assert "pip install" not in last
