import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "gateway.service"
PROGRAM = "/opt/gateway/bin/gateway"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing; on Debian: apt-get install systemd"
)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists here in place of the installed one, which systemd looks for."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text(encoding="utf-8").replace(PROGRAM, sys.executable), encoding="utf-8")
    return copy


@needs_systemd
def test_systemd_accepts_the_unit(unit: Path) -> None:
    done = analyze("verify", str(unit))
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_systemd_would_tell_of_a_mistake(unit: Path) -> None:
    unit.write_text(unit.read_text(encoding="utf-8").replace("PrivateTmp=yes", "PrivateTmpp=yes"), encoding="utf-8")
    assert "PrivateTmpp" in analyze("verify", str(unit)).stderr


@needs_systemd
def test_little_of_the_machine_is_exposed_to_the_service(unit: Path) -> None:
    done = analyze("security", "--offline=true", "--threshold=20", str(unit))
    assert done.returncode == 0, done.stdout


def test_it_never_gives_up_and_ends_in_order() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    service = parser["Service"]
    assert parser["Unit"]["StartLimitIntervalSec"] == "0"
    assert (service["Restart"], service["RestartSec"]) == ("always", "1")
    assert service["ExecStart"] == f"{PROGRAM} run -c /etc/gateway/gateway.yaml"
    assert service["TimeoutStopSec"] == "10"  # the gateway promises 5
    assert f"/var/lib/{service['StateDirectory']}" == service["WorkingDirectory"]


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)
