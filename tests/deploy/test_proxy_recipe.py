"""The guide's recipe for a proxy is used as it stands, with another name's certificate and port."""

import re
import shutil
import ssl
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from gateway.commands.demo.services import Program, Service, free_port
from gateway.support.tls import tls_context
from tests.system.brokers import Authority
from tests.system.rig import Gateway, gateway
from tests.system.visitor import Browser
from tests.waiting import PATIENCE_S

NGINX = shutil.which("nginx")
GUIDE = Path(__file__).parents[2] / "deploy" / "README.md"
TOKEN = "correct-horse-battery-staple"  # noqa: S105 - of this test
PURGE = "/api/rejects/purge"
NAME = "gateway.example.vn"
SURROUNDINGS = """
daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{}}
http {{ access_log off; {temporary} {server} }}
"""

pytestmark = [pytest.mark.real, pytest.mark.skipif(NGINX is None, reason="needs nginx")]


def proxy(folder: Path, port: int, gate: Gateway, authority: Authority) -> tuple[Service, ssl.SSLContext]:
    """The nginx of the guide before a gateway, and the context to speak with it."""
    folder.mkdir()
    cert, key = authority.issue(NAME)
    block = re.search(r"^server \{$.*?^\}$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    server = block[0]
    for written, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/gateway.crt": str(cert),
        "/etc/ssl/gateway.key": str(key),
        "127.0.0.1:8080": f"127.0.0.1:{gate.port}",
    }.items():
        assert server.count(written) == 1, written
        server = server.replace(written, here)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    config = folder / "nginx.conf"
    config.write_text(SURROUNDINGS.format(folder=folder, temporary=temporary, server=server))
    assert NGINX is not None
    context = tls_context(authority.certificate)
    arguments = ["-c", str(config), "-p", str(folder)]
    url = f"https://127.0.0.1:{port}"
    return Service(
        "nginx", "127.0.0.1", port, folder, url, Program(Path(NGINX)), arguments, lambda: _alive(port, context)
    ), context


def _alive(port: int, context: ssl.SSLContext) -> bool:
    try:
        with closing(HTTPSConnection("127.0.0.1", port, timeout=PATIENCE_S, context=context)) as connection:
            connection.request("GET", "/healthz", headers={"Host": NAME})
            return connection.getresponse().status == 200
    except OSError:
        return False


def test_behind_the_proxy_of_the_guide_one_logs_in_and_changes(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    http = {"token_file": "../token", "hosts": [NAME], "trusted_proxies": ["127.0.0.1"]}
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, http=http)
    with gate:
        port = free_port()
        before, context = proxy(tmp_path / "nginx", port, gate, Authority(tmp_path / "authority"))
        with before:
            browser = Browser(gate, f"https://{NAME}:{port}", context, port=port)
            host = f"{NAME}:{port}"
            assert browser.ask("GET", "/api/status", Host=host).status == 401, "a forwarded request is not from loopback"
            assert browser.log_in(TOKEN, Host=host).status == 303
            assert browser.session().key == "__Host-gateway_session"
            assert browser.ask("POST", PURGE, Host=host).status == 200
            assert browser.ask("POST", PURGE, Host=host, Origin=f"http://{host}").status == 403
            for number in range(5):  # each under another address, which the guesser writes himself
                assert browser.log_in(f"guess-{number}", Host=host, X_Forwarded_For=f"192.0.2.{number}").status == 401
            assert browser.log_in(TOKEN, Host=host, X_Forwarded_For="192.0.2.9").status == 429
