#!/bin/sh
# Makes the secrets of compose.yaml that are not there yet, each at random. The folder is for its owner alone; each file can be read by the
# user of the container that it is mounted into.
set -eu
cd "$(dirname "$0")"
mkdir -p -m 700 secrets
for name in gateway_password fleet_password influxdb_password influxdb_token grafana_password http_token; do
    [ -s "secrets/$name" ] || head -c 32 /dev/urandom | base64 | tr -d '+/=\n' >"secrets/$name"
    chmod 644 "secrets/$name"
done
