"""Contexts of TLS: who is believed, what is shown, and the sentence where a file cannot be used."""

import asyncio
import ssl
import subprocess
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest

from gateway.support import tls
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config, EnrolmentSection, HttpSection, HttpTls, Influxdb, InfluxdbTls, Mqtt, MqttTls

NAME = "gateway.example.vn"


class Pair(NamedTuple):
    """A certificate that speaks for itself, and its key."""

    cert: Path
    key: Path


def made(folder: Path, name: str, *more: str) -> Pair:
    pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", f"/CN={NAME}", "-days", "2"]
    names = ["-addext", f"subjectAltName=DNS:{NAME}"]
    subprocess.run(
        ["openssl", "req", *kind, *names, *more, "-keyout", str(pair.key), "-out", str(pair.cert)],
        check=True,
        capture_output=True,
    )
    return pair


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def own(folder: Path) -> Pair:
    return made(folder, "own", "-nodes")


@pytest.fixture(scope="module")
def other(folder: Path) -> Pair:
    return made(folder, "other", "-nodes")


def shaken(client: ssl.SSLContext, server: ssl.SSLContext, name: str = NAME) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Shake hands in memory, and answer a word."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(back, there, server_hostname=name)
    two = server.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (one, two):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    two.write(b"hello")
    assert one.read() == b"hello"
    return one, two


def test_a_server_is_believed_if_its_authority_is_known_and_its_name_fits(own: Pair, other: Pair) -> None:
    server = tls.server_context(*own)
    for context in (tls.tls_context(own.cert), tls.resuming_context(own.cert)):
        one, _ = shaken(context, server)
        assert one.version() == "TLSv1.3"
        with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
            shaken(context, server, "elsewhere.example.vn")
    for context in (
        tls.tls_context(other.cert),
        tls.resuming_context(other.cert),
        tls.tls_context(None),
        tls.resuming_context(None),
    ):
        with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
            shaken(context, server)
    assert tls.resuming_context(None).cert_store_stats()["x509_ca"] > 0, "the system's authorities"


def test_old_protocols_and_ciphers_without_forward_secrecy_are_left_out(own: Pair) -> None:
    contexts = [tls.tls_context(own.cert), tls.resuming_context(own.cert), tls.server_context(*own), tls.pinned_context()]
    for context in contexts:
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        older = {cipher["name"] for cipher in context.get_ciphers() if cipher["protocol"] != "TLSv1.3"}
        assert older
        assert all(name.startswith(("ECDHE-", "DHE-")) for name in older)
    for context in contexts[:2]:
        assert not context.verify_flags & ssl.VERIFY_X509_STRICT, "authorities by openssl req -x509 lack what it asks for"
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED


def test_a_client_shows_its_certificate_if_it_has_both_parts(own: Pair, other: Pair) -> None:
    server = tls.server_context(*own)
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(other.cert)
    _, seen = shaken(tls.tls_context(own.cert, *other), server)
    assert tls.shows(seen.getpeercert(binary_form=True), other.cert)
    for context in (tls.tls_context(own.cert), tls.tls_context(own.cert, other.cert, None)):
        with pytest.raises(ssl.SSLError):
            shaken(context, server)


def test_a_session_is_gone_on_with_under_the_name_that_was_checked_alone(own: Pair) -> None:
    client, server = tls.resuming_context(own.cert), tls.server_context(*own)
    first, _ = shaken(client, server)
    assert not first.session_reused
    client.remember(first)
    again, _ = shaken(client, server)
    assert again.session_reused
    unnamed = cast("Any", SimpleNamespace(session=first.session, server_hostname=None))
    client.remember(unnamed)
    client.remember(cast("Any", SimpleNamespace(session=None, server_hostname=NAME)))
    assert shaken(client, server)[0].session_reused, "what is none takes the place of none"
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(client, server, "elsewhere.example.vn")


def test_a_pinned_certificate_is_compared_whatever_name_is_in_it(own: Pair, other: Pair, folder: Path) -> None:
    one, _ = shaken(tls.pinned_context(), tls.server_context(*own), "any.name")
    shown = one.getpeercert(binary_form=True)
    assert tls.shows(shown, own.cert)
    assert not tls.shows(shown, other.cert)
    assert not tls.shows(None, own.cert)
    chain = folder / "chain.pem"
    chain.write_text(f"a comment\n{own.cert.read_text()}{other.cert.read_text()}")
    assert tls.shows(shown, chain), "the first one counts"


def test_what_a_server_broke_off_is_told_with_the_likely_cause() -> None:
    plain = "; is this a TLS port? One without TLS is written mqtt://"
    reset = ConnectionResetError(104, "Connection reset by peer")
    wrong = ssl.SSLError(1, "wrong version number")
    wrong.reason = "WRONG_VERSION_NUMBER"
    refused = ConnectionRefusedError(111, "Connection refused")
    assert tls.handshake_fault(reset, tls=True) == f"Connection reset by peer{plain}"
    assert tls.handshake_fault(wrong, tls=True).endswith(plain)
    assert tls.handshake_fault(reset, tls=False) == "Connection reset by peer"
    assert tls.handshake_fault(refused, tls=True) == "Connection refused"
    assert tls.handshake_fault(OSError("gone"), tls=True) == "gone"


def test_a_connection_is_ended_on_leaving_and_a_broker_that_does_not_end_is_waited_for_two_seconds() -> None:
    done: list[str] = []

    async def story(error: Exception | None) -> None:
        async def wait_closed() -> None:
            done.append("waited")
            if error is not None:
                raise error

        transport = SimpleNamespace(abort=lambda: done.append("aborted"))
        writer = SimpleNamespace(close=lambda: done.append("closed"), wait_closed=wait_closed, transport=transport)
        async with tls.ended(cast("asyncio.StreamWriter", writer)):
            done.append("used")

    for error in (None, OSError("reset"), TimeoutError()):
        done.clear()
        asyncio.run(story(error))
        assert done == ["used", "closed", "waited", "aborted"]


def config_of(own: Pair) -> Config:
    return Config(
        mqtt=Mqtt(url="mqtts://b", tls=MqttTls(ca=own.cert, cert=own.cert, key=own.key)),
        influxdb=Influxdb(url="https://d", tls=InfluxdbTls(ca=own.cert)),
        http=HttpSection(tls=HttpTls(cert=own.cert, key=own.key)),
        enrolment=EnrolmentSection(ca=own.cert),
    )


def test_contexts_are_made_of_the_files_of_the_settings(own: Pair) -> None:
    assert tls.tls_contexts(Config()) == tls.TlsContexts(None, None, None)
    assert tls.tls_files(Config()) == {}
    config = config_of(own)
    found = tls.tls_contexts(config)
    assert found.broker is not None
    assert found.pages is not None
    assert isinstance(found.database, tls.ResumingContext)
    shaken(found.broker, found.pages)
    assert list(tls.tls_files(config).items()) == [
        ("http.tls.cert", own.cert),
        ("http.tls.key", own.key),
        ("mqtt.tls.cert", own.cert),
        ("mqtt.tls.key", own.key),
        ("mqtt.tls.ca", own.cert),
        ("influxdb.tls.ca", own.cert),
        ("enrolment.ca", own.cert),
    ]


def test_a_file_that_cannot_be_used_is_a_fault_with_its_setting(own: Pair, other: Pair, folder: Path) -> None:
    locked, missing = made(folder, "locked", "-passout", "pass:secret"), folder / "missing.crt"
    faults = {
        f"{missing}: mqtt.tls: cannot be used: No such file or directory": Mqtt(url="mqtts://b", tls=MqttTls(ca=missing)),
        f"{own.cert}: mqtt.tls: cannot be used: ": Mqtt(url="mqtts://b", tls=MqttTls(cert=own.cert, key=other.key)),
        f"{missing}: influxdb.tls: cannot be used: No such file": Influxdb(url="https://d", tls=InfluxdbTls(ca=missing)),
        f"{locked.cert}: http.tls: cannot be used with the key {locked.key}: ": HttpSection(
            tls=HttpTls(cert=locked.cert, key=locked.key)
        ),
    }
    for text, section in faults.items():
        kind = {Mqtt: tls.broker_tls, Influxdb: tls.database_tls, HttpSection: tls.pages_tls}[type(section)]
        with pytest.raises(ConfigurationFault) as fault:
            cast("Any", kind)(section)
        assert fault.value.lines[0].startswith(text)
        assert not fault.value.lines[0].endswith(": ")
