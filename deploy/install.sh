#!/bin/sh
# Installs, upgrades, rolls back or removes the gateway on Debian 12 or later and Raspberry Pi OS (64-bit): ./install.sh --help
# It belongs to a bundle, which `make bundle` makes. Run it again at any time: what is there stays, and no configuration is
# overwritten. It installs neither broker nor database. The work is done in gateway/admin/installation.
set -eu
LC_ALL=C.UTF-8
export LC_ALL

here=$(dirname -- "$(readlink -f -- "$0")")
python=${PYTHON:-/usr/bin/python3} # not just any from PATH: the user gateway must be able to run it

fail() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}

[ -f "$here/SHA256SUMS" ] || fail "$here is no bundle. In a checkout, make one first: make bundle"
(cd "$here" && sha256sum --check --quiet --strict SHA256SUMS) || fail "the bundle is damaged, see above; copy it again"
[ -x "$python" ] || fail "Python 3.11 or newer is missing: apt-get install python3 python3-venv"
set -- "$here"/wheels/province_gateway-*.whl "$here" "$@"
# Runs from the wheel as it is: nothing is installed yet.
exec "$python" -I -c 'import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from gateway.admin.installation.installer import main
sys.exit(main(Path(sys.argv[2]), sys.argv[3:]))' "$@"
