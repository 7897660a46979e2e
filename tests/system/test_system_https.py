"""HTTPS of the gateway's own, and a proxy before it."""

import socket
import subprocess
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from gateway.support.tls import tls_context
from tests.system.brokers import Authority
from tests.system.rig import Gateway, gateway
from tests.system.visitor import Browser
from tests.waiting import until

pytestmark = pytest.mark.real

TOKEN = "correct-horse-battery-staple"  # noqa: S105 - of this test
PURGE = "/api/rejects/purge"
PROXY = {"X_Forwarded_For": "192.0.2.7", "X_Forwarded_Proto": "https", "Host": "gateway.example.vn"}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Make the authority that signs the gateway's certificate."""
    return Authority(tmp_path / "authority")


def site(mosquitto: Service, influxdb: Service, folder: Path, **http: object) -> Gateway:
    (folder / "token").write_text(f"{TOKEN}\n")
    return gateway(folder / "gateway", mosquitto.url, influxdb.url, http={"token_file": "../token", **http})


def secure(found: Gateway, authority: Authority) -> Browser:
    """A browser that knows the authority, once the gateway listens."""
    browser = Browser(found, f"https://{found.host}:{found.port}", tls_context(authority.certificate))

    def answers() -> bool:
        try:
            return browser.ask("GET", "/healthz").status == 200
        except OSError:
            return False

    found.answers = answers
    return browser


def test_pages_come_over_https_with_cookies_for_nothing_else_and_commands_go_on(
    mosquitto: Service, influxdb: Service, tmp_path: Path, authority: Authority
) -> None:
    cert, key = authority.issue("gateway.example.vn")
    found = site(mosquitto, influxdb, tmp_path, tls={"cert": str(cert), "key": str(key)})
    browser = secure(found, authority)
    with found:
        assert browser.log_in(TOKEN).status == 303
        cookie = browser.session()
        assert (cookie.key, cookie["path"], cookie["domain"]) == ("__Host-gateway_session", "/", "")
        assert cookie["secure"]
        assert cookie["httponly"]
        assert browser.ask("POST", PURGE).status == 200
        assert browser.ask("POST", PURGE, Origin=f"http://{found.host}:{found.port}").status == 403, (
            "the plain page of this port"
        )
        done = found.command("rejects", "purge", "--yes")
        assert (done.returncode, done.stderr) == (0, "")
        with pytest.raises(OSError, match=r".*"):
            found.ask("/healthz")


def test_a_thousand_connections_without_a_handshake_take_no_files(
    mosquitto: Service, influxdb: Service, tmp_path: Path, authority: Authority
) -> None:
    cert, key = authority.issue("gateway.example.vn")
    found = site(mosquitto, influxdb, tmp_path, tls={"cert": str(cert), "key": str(key)})
    browser = secure(found, authority)
    with found, ExitStack() as opened:
        before = found.open_files
        for number in range(1000):
            opened.enter_context(closing(socket.create_connection((found.host, found.port), timeout=10)))
            if number % 100 == 0:
                assert browser.ask("GET", "/healthz").status == 200
        assert browser.ask("GET", "/healthz").status == 200
        until(lambda: found.open_files <= before + 64, within_s=5.0, what="the oldest are ended")


def test_a_command_shows_the_token_to_nobody_with_another_certificate(
    mosquitto: Service, influxdb: Service, tmp_path: Path, authority: Authority
) -> None:
    cert, key = authority.issue("gateway.example.vn")
    found = site(mosquitto, influxdb, tmp_path, tls={"cert": str(cert), "key": str(key)})
    secure(found, authority)
    with found:
        other, _ = authority.issue("other")
        cert.write_bytes(other.read_bytes())
        done = found.command("rejects", "purge", "--yes")
        assert done.returncode == 3
        assert f"it does not show the certificate in {cert}" in done.stderr


@pytest.mark.parametrize("fault", ["no-certificate", "key-of-another", "key-under-a-password"])
def test_a_certificate_that_cannot_be_used_is_told_by_check_and_run(
    mosquitto: Service, influxdb: Service, tmp_path: Path, authority: Authority, fault: str
) -> None:
    cert, key = authority.issue("gateway.example.vn")
    if fault == "no-certificate":
        cert.write_text("not a certificate\n")
    elif fault == "key-of-another":
        key = authority.issue("other")[1]
    else:
        locked: list[str | Path] = [
            "openssl",
            "ec",
            "-in",
            key,
            "-aes256",
            "-passout",
            "pass:geheim",
            "-out",
            key.with_suffix(".locked"),
        ]
        subprocess.run(locked, check=True, capture_output=True)
        key = key.with_suffix(".locked")
    found = site(mosquitto, influxdb, tmp_path, tls={"cert": str(cert), "key": str(key)})
    told = f"{cert}: http.tls: cannot be used with the key {key}: "
    done = found.command("check")
    assert (done.returncode, done.stderr.startswith(told), done.stderr.count("\n")) == (2, True, 1), done.stderr
    found.start()
    assert found.wait_ended() == 2
    assert found.said(told) == 1


def test_a_request_that_was_forwarded_is_never_from_loopback(gate: Gateway) -> None:
    browser = Browser(gate)
    assert browser.ask("GET", "/api/status").status == 200
    for header in ("Forwarded", "X_Forwarded_For", "X_Forwarded_Host", "Via"):
        assert browser.ask("GET", "/api/status", **{header: "192.0.2.7"}).status == 401, header


def test_behind_a_trusted_proxy_each_client_is_slowed_for_himself(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    hosts = {"hosts": ["gateway.example.vn"], "trusted_proxies": ["127.0.0.1"]}
    with site(mosquitto, influxdb, tmp_path, **hosts) as found:
        until(lambda: found.ask("/healthz")[0] == 200)
        guesser, other = Browser(found, "https://gateway.example.vn"), Browser(found, "https://gateway.example.vn")
        assert other.ask("GET", "/", **PROXY).status == 401
        for number in range(5):
            assert guesser.log_in(f"guess-{number}", **PROXY).status == 401
        assert guesser.log_in("guess-6", **PROXY).status == 429
        written = PROXY | {"X_Forwarded_For": "203.0.113.1, 192.0.2.7"}
        assert guesser.log_in("guess-7", **written).status == 429, "an address that the guesser wrote himself"
        assert other.log_in(TOKEN, **(PROXY | {"X_Forwarded_For": "192.0.2.8"})).status == 303
        assert other.session().key == "__Host-gateway_session"
        assert other.ask("POST", PURGE, **PROXY).status == 200
        assert other.ask("POST", PURGE, **(PROXY | {"Origin": "http://gateway.example.vn"})).status == 403
