"""Addresses the pages listen on."""

import socket
from contextlib import closing
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from gateway.support.tls import tls_context
from tests.system.brokers import Authority
from tests.system.rig import Gateway, gateway

pytestmark = pytest.mark.real

TOKEN = "correct-horse-battery-staple"  # noqa: S105 - of this test
LOOPBACKS = ["127.0.0.1", "::1"]


def status_at(gate: Gateway, address: str, authority: Authority | None, token: str = TOKEN) -> int:
    """Return the HTTP status of ``/api/status`` at one address of this machine; 0 where nothing listens."""
    name = f"[{address}]:{gate.port}" if ":" in address else f"{address}:{gate.port}"
    if authority is not None:
        context = tls_context(authority.certificate)
        context.check_hostname = False
        connection: HTTPConnection = HTTPSConnection(address, gate.port, timeout=10, context=context)
    else:
        connection = HTTPConnection(address, gate.port, timeout=10)
    with closing(connection):
        try:
            connection.request("GET", "/api/status", headers={"Host": name, "Authorization": f"Bearer {token}"})
        except OSError:
            return 0
        return connection.getresponse().status


@pytest.mark.parametrize("secured", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("host", ["::", "0:0::0"])
def test_all_of_ipv6_is_all_of_ipv4_too(
    mosquitto: Service,
    influxdb: Service,
    tmp_path: Path,
    host: str,
    secured: bool,  # noqa: FBT001
) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    (tmp_path / "token").write_text(TOKEN)
    authority = Authority(tmp_path / "authority") if secured else None
    tls = dict(zip(("cert", "key"), map(str, authority.issue("gateway")), strict=True)) if authority else {}
    http = {"host": host, "token_file": "../token", "tls": tls}
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, http=http)
    gate.answers = lambda: status_at(gate, "::1", authority) == 200
    with gate:
        assert [status_at(gate, address, authority) for address in LOOPBACKS] == [200, 200]
        assert [status_at(gate, address, authority, "wrong") for address in LOOPBACKS] == [401, 401]
        done = gate.command("rejects", "list")
        assert (done.returncode, done.stderr) == (0, "")


def test_ipv6_s_loopback_stays_closed_to_ipv4(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, http={"host": "::1"})
    gate.answers = lambda: status_at(gate, "::1", None) == 200
    with gate:
        assert status_at(gate, "127.0.0.1", None) == 0
