"""The bundle for 64-bit ARM, installed and run by an ARM Python that qemu plays; broker and database are this machine's."""

import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from gateway import __version__
from gateway.admin.installation.bundle import make_bundle
from gateway.admin.installation.machine import UNIT
from gateway.commands.demo.services import Service
from tests.admin.installation.test_installed import Cabinet
from tests.influx import query
from tests.site import CODEC, RADIO, Site
from tests.system.fleet import client_of, publish
from tests.waiting import until

CHECKOUT: Final = Path(__file__).parents[3]
UNPACKED: Final = CHECKOUT / ".cache" / "arm64"
QEMU: Final = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
READINGS: Final = 80

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real,
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(QEMU is None, reason="qemu-user is missing; on Debian: qemu-user-static"),
    pytest.mark.skipif(platform.machine() == "aarch64", reason="this is 64-bit ARM: test_installed.py has installed it"),
]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ARM Python of Debian 13, as a program that takes itself for what it is called by: no kernel need know of qemu."""
    done = subprocess.run([CHECKOUT / ".ci" / "setup", "arm64"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"the Python of Debian 13 for ARM cannot be had here: {(done.stdout + done.stderr).splitlines()[-1:]}")
    root = tmp_path_factory.mktemp("arm64") / "root"
    shutil.copytree(UNPACKED, root, symlinks=True)
    found = root / "usr" / "bin" / "python3.13"
    program = found.rename(found.with_name("python3.13-arm64"))
    found.write_text(f'#!/bin/sh\nexec {QEMU} -L {root} -0 "$0" {program} "$@"\n')
    found.chmod(0o755)
    return found


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make what ``make bundle PYTHON=3.13 MACHINE=aarch64`` packs."""
    try:
        return make_bundle(tmp_path_factory.mktemp("bundle"), "3.13", "aarch64")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the wheels for ARM cannot be fetched here: {error}")


@pytest.fixture
def cabinet(tmp_path: Path, mosquitto: Service, influxdb: Service, python: Path) -> Iterator[Cabinet]:
    found = Cabinet(tmp_path, mosquitto.url, influxdb.url)
    found.python, found.patience_s = str(python), 300
    yield found
    subprocess.run([found.programs / "systemctl", "disable", "--now", UNIT], check=False)


def test_it_is_installed_checks_itself_and_loses_none_of_80_readings(
    cabinet: Cabinet, bundle: Path, mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    begun_s = time.monotonic()
    done = cabinet.run(bundle / "install.sh")
    assert done.returncode == 0, done.stderr
    installed_s = time.monotonic() - begun_s
    log = cabinet.layout.root / "run" / "gateway.log"
    until(lambda: cabinet.is_subscribed, 300, what="it is subscribed")
    program = cabinet.layout.current / "bin"

    def said(*words: str | Path) -> str:
        given = subprocess.run([program / "gateway", *words], capture_output=True, text=True, check=False)
        assert given.returncode == 0, given.stderr
        return given.stdout + given.stderr

    asked = [str(program / "python"), "-c", "import platform, sys; print(platform.machine(), sys.version_info[:2])"]
    told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert told == "aarch64 (3, 13)\n"
    assert said("--version").startswith(f"{__version__}, commit ")
    said("check", "-c", cabinet.layout.settings() / "gateway.yaml")

    with client_of(mosquitto) as client:
        for number in range(READINGS):
            publish(client, f"iot/v1/s1/water/m{number % 8}/readings", f'{{"seq": {number}, "volume_m3": {number + 0.5}}}')
    stored = "SELECT volume_m3 FROM water"
    until(lambda: len(query(influxdb.url, "iot", stored)) >= READINGS, 120, what="all is in the database")
    values = sorted(row["volume_m3"] for row in query(influxdb.url, "iot", stored))
    assert values == [number + 0.5 for number in range(READINGS)], log.read_text()[-2000:]
    print(f"installed in {installed_s:.0f} s, {len(values)} of {READINGS} readings in InfluxDB")  # noqa: T201 - for whoever measures

    # qemu knows neither Landlock nor seccomp, as a kernel without both; the engine of codecs itself runs.
    (tmp_path / "site").mkdir()
    site = Site(tmp_path / "site")
    site.profile("mine", RADIO, mine=CODEC)
    words = ["check", "-c", str(site.folder / "gateway.yaml")]
    assert site.config
    assert "codecs are not run: on this machine neither Landlock nor seccomp keeps them" in said(*words)
    site.sections["codecs"] = {"unconfined": "accept"}
    assert site.config
    unconfined = said(*words)
    assert "codecs are not run" not in unconfined
    assert "not run here" not in unconfined
