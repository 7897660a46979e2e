#!/bin/sh
# Installs, upgrades, rolls back or removes the gateway on Debian 12 or later and Raspberry Pi OS (64-bit): ./install.sh --help
# It belongs to a bundle, which `make bundle` makes. Run it again at any time: what is there stays, and no configuration is
# overwritten. It installs neither broker nor database. The work is done in gateway/admin/installation.
#
# On the machine it is /opt/gateway/install.sh, a file of its own: the way back is open too where the disk has damaged the kept
# copy of the version that runs. Then the program is taken from another copy, or from an environment that was built.
set -eu
LC_ALL=C.UTF-8
export LC_ALL

here=$(dirname -- "$(readlink -f -- "$0")")
python=${PYTHON:-/usr/bin/python3} # not just any from PATH: the user gateway must be able to run it

say() { printf 'install.sh: %s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

# The wheel of the program in a bundle, if it is the one that its list names.
whole_wheel() { # FOLDER
    line=$(grep -E '^[0-9a-f]{64}  wheels/province_gateway-[^/]*[.]whl$' "$1/SHA256SUMS" 2>/dev/null) || return 1
    (cd "$1" && printf '%s\n' "$line" | sha256sum --check --quiet --strict >&2) || return 1
    printf '%s\n' "$1/${line#*  }"
}

can_run() { # PLACE
    "$python" -I -B -c 'import sys; sys.path.insert(0, sys.argv[1]); import gateway.admin.installation.installer' "$1" 2>/dev/null
}

# What holds the program on this machine: this copy, that of the version that runs, that of the one before, what was built.
whole_program() {
    tried=
    for version in "$(basename -- "$here")" "$(readlink "$home/current")" "$(readlink "$home/previous")"; do
        [ -n "$version" ] && [ "$version" != "$tried" ] || continue
        tried=$version
        if found=$(whole_wheel "$home/kept/$version"); then
            can_run "$found" || continue # a version of before, which has another script
            printf '%s\n' "$found"
            return
        fi
        say "$home/kept/$version is damaged: it has no program, or one that differs from its SHA256SUMS"
    done
    for place in "$home"/current/lib/python3*/site-packages "$home"/previous/lib/python3*/site-packages; do
        if [ -d "$place" ] && can_run "$place"; then
            printf '%s\n' "$place"
            return
        fi
    done
    return 1
}

[ -x "$python" ] || fail "Python 3.11 or newer is missing: apt-get install python3 python3-venv"
home=$here
[ -e "$here/kept" ] || home=$(dirname -- "$(dirname -- "$here")")
if [ -L "$home/current" ] && [ -d "$home/kept" ]; then
    [ "$here" != "$home" ] || here=$home/kept/$(readlink "$home/current")
    program=$(whole_program) || fail "no whole program is left in $home: unpack a bundle and run its install.sh"
else
    [ -f "$here/SHA256SUMS" ] || fail "$here is no bundle. In a checkout, make one first: make bundle"
    program=$(whole_wheel "$here") || fail "the bundle is damaged: $here has no program, or another one than its SHA256SUMS says; copy it again"
fi
# Runs from where it lies: nothing is installed yet. It compares the rest of the bundle itself, if it is to be installed.
exec "$python" -I -B -c 'import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from gateway.admin.installation.installer import main
sys.exit(main(Path(sys.argv[2]), sys.argv[3:]))' "$program" "$here" "$@"
