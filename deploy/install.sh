#!/bin/sh
# Installs or upgrades the gateway as a service on Debian 12 or later and Raspberry Pi OS. Run it again at any time: what is
# there stays, and a configuration is never overwritten. It does not install a broker or a database.
set -eu
LC_ALL=C.UTF-8
export LC_ALL

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
home=/opt/gateway
settings=/etc/gateway
data=/var/lib/gateway
unit=/etc/systemd/system/gateway.service
python=${PYTHON:-/usr/bin/python3} # not just any from PATH: the user gateway must be able to run it
dry_run=
source=$here/..

usage() {
    cat <<TEXT
usage: sudo deploy/install.sh [--dry-run] [WHEEL | CHECKOUT]

  --dry-run  print what would be done and change nothing
  WHEEL      a built package (province_gateway-*.whl); without it the checkout this script lies in is installed
TEXT
}

main() {
    arguments "$@"
    check_machine
    user
    program
    configuration
    service
    [ -z "$dry_run" ] || exit 0
    say "Installed. Next: edit $settings/gateway.yaml and $settings/registry/devices.yaml, then: sudo systemctl restart gateway"
}

say() { printf '%s\n' "$*"; }

fail() {
    say "install.sh: $*" >&2
    exit 1
}

# Runs a command, or with --dry-run only prints it.
run() {
    if [ -n "$dry_run" ]; then
        say "would run: $*"
    else
        "$@" || fail "this failed: $*"
    fi
}

arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
        --dry-run) dry_run=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        -*)
            usage >&2
            exit 2
            ;;
        *) source=$1 ;;
        esac
        shift
    done
    [ -e "$source" ] || fail "$source does not exist"
    if [ -d "$source" ]; then
        source=$(CDPATH='' cd -- "$source" && pwd)
        [ -f "$source/pyproject.toml" ] || fail "$source is neither a wheel nor a checkout: it has no pyproject.toml"
    else
        case $source in
        *.whl) source=$(CDPATH='' cd -- "$(dirname -- "$source")" && pwd)/$(basename -- "$source") ;;
        *) fail "$source is neither a wheel nor a checkout" ;;
        esac
    fi
}

check_machine() {
    [ -n "$dry_run" ] || [ "$(id -u)" = 0 ] || fail "run it as root: sudo deploy/install.sh"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "Python 3.11 or newer is missing. Debian 12 or later has it: apt-get install python3 python3-venv"
    "$python" -c 'import ensurepip, venv' 2>/dev/null || fail "Python's venv is missing: apt-get install python3-venv"
}

user() {
    if getent passwd gateway >/dev/null; then
        say "kept: user gateway"
    else
        run useradd --system --user-group --home-dir "$data" --no-create-home --shell /usr/sbin/nologin gateway
    fi
}

# The running gateway is not disturbed: it has read its modules, and is restarted at the end. After an upgrade of Debian to a
# newer Python the old environment no longer works and is created again.
program() {
    "$home/bin/python" -m pip --version >/dev/null 2>&1 || run "$python" -m venv --clear "$home"
    run "$home/bin/python" -m pip install --quiet "${source}[codecs,setup]"
    run "$home/bin/python" -m pip install --quiet --force-reinstall --no-deps "$source"
    run ln -sfn "$home/bin/gateway" /usr/local/bin/gateway
}

# Secrets lie beside the configuration: only root and the gateway read them.
configuration() {
    run install -d -m 0750 -o root -g gateway "$settings" "$settings/profiles"
    run install -d -m 0750 -o gateway -g gateway "$data" "$settings/registry"
    if [ -e "$settings/gateway.yaml" ]; then
        say "kept: $settings/gateway.yaml"
    else
        run install -m 0640 -o root -g gateway "$here/gateway.yaml" "$settings/gateway.yaml"
    fi
    registry
    run install -m 0644 "$here/gateway.yaml" "$settings/gateway.yaml.sample"
}

# The gateway writes the registry when people register devices on its pages, and no other setting. So the registry has a folder of
# its own. A devices.yaml that lies beside gateway.yaml, as of earlier versions, moves there; a link leads to it.
registry() {
    if [ -f "$settings/devices.yaml" ] && [ ! -L "$settings/devices.yaml" ]; then
        run mv -n "$settings/devices.yaml" "$settings/registry/devices.yaml"
        run chown gateway:gateway "$settings/registry/devices.yaml"
    elif [ -e "$settings/registry/devices.yaml" ]; then
        say "kept: $settings/registry/devices.yaml"
    else
        run install -m 0640 -o gateway -g gateway "$here/devices.yaml" "$settings/registry/devices.yaml"
    fi
    [ -L "$settings/devices.yaml" ] || run ln -s registry/devices.yaml "$settings/devices.yaml"
}

service() {
    run install -m 0644 "$here/systemd/gateway.service" "$unit"
    if [ -z "$dry_run" ] && [ ! -d /run/systemd/system ]; then
        say "systemd does not run here: the service is installed, but neither enabled nor started"
        return
    fi
    run systemctl daemon-reload
    run systemctl enable gateway.service
    # As the gateway: then it is known, too, that it may read its secrets.
    if [ -z "$dry_run" ] && ! runuser -u gateway -- "$home/bin/gateway" check -c "$settings/gateway.yaml"; then
        fail "the configuration is faulty, see above; the gateway was not restarted"
    fi
    run systemctl restart gateway.service
}

main "$@"
