"""A registry through a backup, a purge, a restore and upgrades, at its real place: byte for byte each time."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.admin.installation.system_python import can_build
from tests.admin.installation.test_installed import later, needs_namespaces

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not can_build(), reason="the Python of the system is missing, is another one, or has no venv"),
    needs_namespaces,
]

ROOT = Path(__file__).parents[3]
STORY = """
set -eu
cd /
mount -t tmpfs tmpfs {over}
for place in etc opt usr/local var/lib; do
    mkdir -p {over}/$place {over}/scratch/$place
    mount -t overlay overlay -o lowerdir=/$place,upperdir={over}/$place,workdir={over}/scratch/$place /$place
done
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/wanted
names="gateway gateway-north"

as_service() {{ runuser -u gateway -- "$@"; }}
install() {{ sh {folder}/$1/install.sh; }}
add() {{ as_service gateway devices add $2 --site s1 --domain water -c /etc/$1/gateway.yaml >/dev/null; }}
note() {{ cp /etc/$1/registry/devices.yaml /run/wanted/$1; chmod 644 /run/wanted/$1; }}
same() {{
    for name in $names; do
        as_service cmp /etc/$name/devices.yaml /run/wanted/$name
        readlink /etc/$name/devices.yaml
        stat -c '%U:%G %a' /etc/$name/registry/devices.yaml
    done
    echo "same $1"
}}
grow() {{ for name in $names; do add $name $1; note $name; done; }}
both() {{
    command=$1
    shift
    for name in $names; do gateway $command /run/$name.tar.gz "$@" -c /etc/$name/gateway.yaml; done
}}
settings() {{
    mkdir -p /etc/gateway-north
    echo '{{mqtt: {{client_id: north}}, journal: {{path: /var/lib/gateway-north/journal.db}}}}' >/etc/gateway-north/gateway.yaml
}}

settings
install first
for name in $names; do
    for device in wm-1 wm-2 wm-3; do add $name $device; done
    note $name
done
both backup
sh {folder}/first/install.sh purge --yes
settings
install first
both restore --replace --yes
same "after the restore"
install 9.0.0
same "after an upgrade"
install 9.1.0
same "after a second upgrade"
grow wm-4

for name in $names; do
    rm /run/$name.tar.gz
    gateway backup /run/$name.tar.gz -c /etc/$name/gateway.yaml
    (cd {root} && {python} -c "
from pathlib import Path
from tests.admin.backup.test_links import as_before
as_before(Path('/run/$name.tar.gz'))")
    echo 'devices: []' >/etc/$name/devices.yaml
done
both restore --replace --yes
same "of an archive made by the version before"
install 9.0.0
same "of such an archive after an upgrade"
grow wm-5

for name in $names; do
    rm /etc/$name/devices.yaml
    cp /etc/$name/registry/devices.yaml /etc/$name/devices.yaml
    chmod 777 /etc/$name/devices.yaml
    echo 'devices: []' >/etc/$name/registry/devices.yaml
done
install 9.1.0
same "on a machine that was harmed"
grow wm-6
same "at the end"
"""


def test_a_restored_registry_outlives_every_upgrade_byte_for_byte(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "over").mkdir()
    (tmp_path / "first").symlink_to(bundle)
    for version in ("9.0.0", "9.1.0"):
        later(bundle, tmp_path, version)
    story = STORY.format(over=tmp_path / "over", folder=tmp_path, root=ROOT, python=sys.executable)
    done = subprocess.run(["unshare", "-mn", "sh", "-c", story], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr
    printed = done.stdout.splitlines()
    assert [line.removeprefix("same ") for line in printed if line.startswith("same ")] == [
        "after the restore",
        "after an upgrade",
        "after a second upgrade",
        "of an archive made by the version before",
        "of such an archive after an upgrade",
        "on a machine that was harmed",
        "at the end",
    ]
    assert printed.count("registry/devices.yaml") == printed.count("gateway:gateway 640") == 2 * 7
    assert sum("Nothing is lost" in line for line in printed) == 2
