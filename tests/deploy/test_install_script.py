import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "install.sh"


def install(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable}
    return subprocess.run(
        ["/bin/sh", str(SCRIPT), *arguments], capture_output=True, text=True, timeout=60, check=False, env=environment
    )


def test_a_shell_can_read_it() -> None:
    assert subprocess.run(["/bin/sh", "-n", str(SCRIPT)], check=False).returncode == 0


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is missing; on Debian: apt-get install shellcheck")
def test_shellcheck_finds_nothing() -> None:
    done = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


needs_venv = pytest.mark.skipif(find_spec("ensurepip") is None, reason="this Python has no ensurepip: install python3-venv")


@needs_venv
def test_a_dry_run_says_every_step_and_takes_none() -> None:
    before = [path.exists() for path in changed_by_an_installation()]
    done = install("--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines
    assert all(line.startswith(("would run: ", "kept: ")) for line in lines)
    for step in (
        "/opt/gateway",
        f"pip install --quiet {ROOT}[codecs,setup]",
        "/etc/gateway/gateway.yaml",
        "/etc/gateway/devices.yaml",
        "/etc/systemd/system/gateway.service",
        "systemctl enable gateway.service",
        "systemctl restart gateway.service",
    ):
        assert any(step in line for line in lines), step
    assert [path.exists() for path in changed_by_an_installation()] == before


@needs_venv
def test_a_dry_run_takes_a_wheel(tmp_path: Path) -> None:
    wheel = tmp_path / "province_gateway-0.1.0-py3-none-any.whl"
    wheel.touch()
    assert f"pip install --quiet {wheel}[codecs,setup]" in install("--dry-run", str(wheel)).stdout


@pytest.mark.parametrize(
    ("argument", "status", "said"),
    [
        pytest.param("/nowhere", 1, "/nowhere does not exist", id="nothing there"),
        pytest.param("/etc/passwd", 1, "/etc/passwd is neither a wheel nor a checkout", id="a file of another kind"),
        pytest.param("/etc", 1, "it has no pyproject.toml", id="a folder of another kind"),
        pytest.param("--now", 2, "usage: sudo deploy/install.sh", id="an unknown option"),
    ],
)
def test_what_it_cannot_install_is_named_before_anything_is_done(argument: str, status: int, said: str) -> None:
    done = install(argument)
    assert done.returncode == status
    assert said in done.stderr
    assert done.stdout == ""


def changed_by_an_installation() -> list[Path]:
    return [Path("/opt/gateway"), Path("/etc/gateway"), Path("/etc/systemd/system/gateway.service"), Path("/var/lib/gateway")]
