"""The ends of the certificates that the broker and the database show are known, whoever issued them."""

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.runtime.jobs import certificates
from gateway.runtime.jobs.certificates import CertificateWatch, TlsServer, tls_servers
from gateway.support.clock import WallClock
from gateway.support.config.model import Config, EnrolmentSection, HttpSection, HttpTls, Influxdb, Mqtt
from gateway.support.tls import server_context
from tests.monitoring.status.test_certificates import openssl
from tests.waiting import until

OLD_MS = 1_700_000_000_000


@dataclass
class Seen:
    """The part of the status that the watch needs."""

    config: Config
    clock: WallClock = field(default_factory=WallClock)
    certificates: dict[str, int] = field(default_factory=dict)


def test_servers_without_tls_show_no_certificate() -> None:
    assert list(tls_servers(Config())) == []
    devices = EnrolmentSection(url="mqtts://broker.example.vn:8884")
    secure = Config(mqtt=Mqtt(url="mqtts://broker"), influxdb=Influxdb(url="https://[::1]:8086"), enrolment=devices)
    assert list(tls_servers(secure)) == [
        TlsServer("mqtt.url", "broker", 8883),
        TlsServer("influxdb.url", "::1", 8086),
        TlsServer("enrolment.url", "broker.example.vn", 8884),
    ]


def made(cert: Path, key: Path, *, days: int) -> None:
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=broker"]
    openssl("req", *kind, "-days", str(days), "-keyout", str(key), "-out", str(cert))


async def looked(cert: Path, key: Path, seen: Seen) -> None:
    """Look at a server with a certificate, and at one that does not answer."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context(cert, key)) as server:
        port = server.sockets[0].getsockname()[1]
        watch = CertificateWatch(seen)  # type: ignore[arg-type] # it needs no more of the status
        await watch.look([TlsServer("mqtt.url", "127.0.0.1", port), TlsServer("influxdb.url", "127.0.0.1", 1)])


def test_the_end_of_a_certificate_that_nobody_trusts_is_known_too(tmp_path: Path) -> None:
    cert, key = tmp_path / "broker.crt", tmp_path / "broker.key"
    made(cert, key, days=9)
    seen = Seen(Config(), certificates={"influxdb.url": OLD_MS})
    asyncio.run(looked(cert, key, seen))
    end = openssl("x509", "-in", str(cert), "-noout", "-enddate").strip().removeprefix("notAfter=")
    assert seen.certificates == {"mqtt.url": ssl.cert_time_to_seconds(end) * 1000, "influxdb.url": OLD_MS}


def test_a_renewal_is_seen_without_waiting_for_tomorrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = tmp_path / "pages.crt", tmp_path / "pages.key"
    made(cert, key, days=9)
    seen = Seen(Config(http=HttpSection(tls=HttpTls(cert=cert, key=key))))

    async def renew() -> None:
        watch = CertificateWatch(seen)  # type: ignore[arg-type] # it needs no more of the status
        watching = asyncio.create_task(watch.run())
        await asyncio.to_thread(until, lambda: seen.certificates)
        first_ms = seen.certificates["http.tls.cert"]
        made(cert, key, days=90)
        watch.look_again()
        await asyncio.to_thread(until, lambda: seen.certificates["http.tls.cert"] > first_ms)
        watching.cancel()

    monkeypatch.setattr(certificates, "_FIRST_LOOK_S", 0.0)
    asyncio.run(renew())
