import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "deploy" / "systemd"
UNIT, TEMPLATE = SYSTEMD / "gateway.service", SYSTEMD / "gateway@.service"
PROGRAM = "/opt/gateway/current/bin/gateway"
EXPOSURE_MAX = 1.3

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing; on Debian: apt-get install systemd"
)


@pytest.fixture(params=[UNIT, TEMPLATE], ids=lambda path: path.name)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The unit with a program that exists here in place of the installed one, which systemd looks for."""
    source: Path = request.param
    copy = tmp_path / source.name.replace("@", "@north")
    copy.write_text(source.read_text(encoding="utf-8").replace(PROGRAM, sys.executable), encoding="utf-8")
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
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX * 10:.0f}", str(unit))
    assert done.returncode == 0, done.stdout


def test_an_instance_differs_in_its_name_alone() -> None:
    """Settings, data and the mark of ``gateway@north`` are those of the one gateway, with ``-north`` behind the name."""
    one = UNIT.read_text(encoding="utf-8")
    for folder in ("/etc/gateway", "/var/lib/gateway", "StateDirectory=gateway", "RuntimeDirectory=gateway"):
        one = one.replace(f"{folder}/", f"{folder}-%i/").replace(f"{folder}\n", f"{folder}-%i\n")
    assert TEMPLATE.read_text(encoding="utf-8") == one.replace(
        "Description=Province gateway:", "Description=Province gateway %i:"
    )


def test_it_never_gives_up_and_ends_in_order() -> None:
    service = section("Service")
    assert section("Unit")["StartLimitIntervalSec"] == "0"
    assert (service["Restart"], service["RestartSec"]) == ("always", "1")
    assert service["ExecStart"] == f"{PROGRAM} run -c /etc/gateway/gateway.yaml"
    assert service["TimeoutStopSec"] == "10"  # the gateway promises 5
    assert f"/var/lib/{service['StateDirectory']}" == service["WorkingDirectory"]


def test_systemd_waits_for_a_word_of_the_gateway_and_then_for_signs_of_life() -> None:
    service = section("Service")
    assert (service["Type"], service["WatchdogSec"]) == ("notify", "90s")


def test_the_service_may_write_the_registry_and_no_other_setting() -> None:
    service = section("Service")
    assert service["ProtectSystem"] == "strict"
    assert service["ReadWritePaths"] == "-/etc/gateway/registry"


def section(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    return parser[name]


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)
