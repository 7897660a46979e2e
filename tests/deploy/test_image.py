"""The image is built and run as deploy/compose/README.md prints it: from a Debian of debootstrap and a bundle, by podman."""

import json
import os
import re
import resource
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from gateway.admin.installation import bundle
from gateway.commands.demo.services import Service, free_port
from tests.influx import query
from tests.system.fleet import client_of, publish
from tests.system.rig import Document
from tests.waiting import until

FOLDER = Path(__file__).parents[2] / "deploy" / "compose"
COMPOSITION: Document = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
IN_NAMESPACES = """
    set -eu
    mount --make-rprivate /
    if [ -d /sys/fs/cgroup/unified ]; then umount -l /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; fi
    exec "$@"
"""
"""Podman wants one hierarchy of cgroups, and a machine may have two."""


def can_build() -> bool:
    """Tell if images can be built here."""
    return os.geteuid() == 0 and all(map(shutil.which, ("podman", "crun", "debootstrap", "unshare")))


pytestmark = [
    pytest.mark.slow,
    pytest.mark.real,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not can_build(), reason="podman, crun or debootstrap is missing, or root"),
]


class Podman:
    """Podman with a store of the test's own, and without cgroups, which a machine may not give."""

    def __init__(self, folder: Path) -> None:
        self._words = ["unshare", "-mC", "sh", "-c", IN_NAMESPACES, "sh", "/usr/bin/podman", "--storage-driver", "overlay"]
        self._words += ["--root", f"{folder}/store", "--runroot", f"{folder}/run"]

    def words(self, action: str) -> list[str]:
        """The words of an action."""
        limits = [f"{name}={hard}:{hard}" for name, (_, hard) in _limits().items()]
        own = {
            "build": ["--isolation=chroot", *(word for limit in limits for word in ("--ulimit", limit))],
            "run": ["--rm", "--pull=never", "--cgroups=disabled", "--network=host"],
        }
        return [*self._words, action, *own.get(action, [])]

    def run(self, action: str, *words: str) -> str:
        """Return what it prints."""
        return _told(subprocess.run([*self.words(action), *words], capture_output=True, text=True, check=False))


def _told(done: subprocess.CompletedProcess[str]) -> str:
    """Return what was printed; skip where podman may not set the limits that it sets whatever it is told."""
    if done.returncode != 0 and "RLIMIT_NPROC" in done.stderr:
        pytest.skip(f"this machine forbids podman to set limits: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def _limits() -> dict[str, tuple[int, int]]:
    return {"nofile": resource.getrlimit(resource.RLIMIT_NOFILE), "nproc": resource.getrlimit(resource.RLIMIT_NPROC)}


def build(folder: Path, podman: Podman) -> None:
    """Run the block of the guide; its bundle is there already."""
    (folder / "deploy").symlink_to(FOLDER.parent)
    guide = (FOLDER / "README.md").read_text(encoding="utf-8")
    (python,) = re.findall(r"^make bundle PYTHON=(\S+)", guide, re.MULTILINE)
    assert bundle.main(["--python", python, "--out", str(folder / "dist")]) == 0
    cases = "".join(f'{action}) exec {shlex.join(podman.words(action))} "$@" ;;\n' for action in ("build", "import"))
    played = {"sudo": 'exec "$@"', "make": "exit 0", "podman": f"action=$1\nshift\ncase $action in\n{cases}esac"}
    for name, text in played.items():
        (folder / "programs" / name).parent.mkdir(exist_ok=True)
        (folder / "programs" / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / "programs" / name).chmod(0o755)
    (commands,) = re.findall(r"^```sh\n(sudo debootstrap.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    environment = os.environ | {"PATH": f"{folder}/programs:{os.environ['PATH']}"}
    _told(subprocess.run(["sh", "-euc", commands], cwd=folder, env=environment, capture_output=True, text=True, check=False))


def lay_out(folder: Path, mqtt_url: str, influxdb_url: str, port: int) -> list[str]:
    """Settings, secrets and data as the composition mounts them; the words that mount them."""
    settings: Document = yaml.safe_load((FOLDER / "gateway.yaml").read_text(encoding="utf-8"))
    settings["mqtt"]["url"] = mqtt_url
    settings["influxdb"] = {"url": influxdb_url, "api": "v1"}
    settings["http"] |= {"port": port, "host": "127.0.0.1"}
    for name in ("settings", "secrets", "data"):
        (folder / name).mkdir()
    (folder / "settings" / "gateway.yaml").write_text(json.dumps(settings))
    for name in COMPOSITION["services"]["gateway"]["secrets"]:
        (folder / "secrets" / name).write_text("a secret of more than sixteen letters\n")
    os.chown(folder / "data", 10001, 10001)
    places = {"settings": "/etc/gateway:ro", "secrets": "/run/secrets:ro", "data": "/var/lib/gateway"}
    return [word for name, place in places.items() for word in ("--volume", f"{folder / name}:{place}")]


def test_the_image_of_the_guide_runs_without_rights_and_its_gateway_works(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    podman, port = Podman(tmp_path), free_port()
    build(tmp_path, podman)
    service = COMPOSITION["services"]["gateway"]
    confined = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp"]
    mounts = lay_out(tmp_path, mosquitto.url, influxdb.url, port)
    image = "localhost/gateway"
    assert podman.run("run", "--entrypoint=id", image).startswith("uid=10001")
    assert json.loads(podman.run("run", "--entrypoint=cat", image, "/opt/gateway/sbom.cdx.json"))["bomFormat"] == "CycloneDX"
    script = service["command"][0].replace("$$", "$")
    started = ["--name=gateway", "--entrypoint=sh", *confined, *mounts, image, "-euc", script]
    with (tmp_path / "container.log").open("wb") as log:
        running = subprocess.Popen([*podman.words("run"), *started], stdout=log, stderr=log)
    try:
        until(lambda: "subscribed to" in (tmp_path / "container.log").read_text(errors="replace"), 120, what="subscribed")
        with client_of(mosquitto) as client:
            publish(client, "iot/v1/site/water/m1/readings", '{"flow_m3_h": 1.5}')
        until(lambda: query(influxdb.url, "iot", "SELECT flow_m3_h FROM water"), 60, what="the reading is written")
        program, *words = [word.replace("8080", str(port)) for word in service["healthcheck"]["test"][1:]]
        podman.run("exec", "gateway", program, *words)
        assert (tmp_path / "data" / "devices.yaml").read_text().count("- id:") == 40
    finally:
        podman.run("kill", "--signal=TERM", "gateway")
        assert running.wait(60) == 0
