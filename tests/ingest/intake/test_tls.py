"""TLS: its versions, its ciphers, whom our clients believe, and what is asked of people when a handshake fails."""

import asyncio
import gc
import socket
import ssl
import threading
from contextlib import closing
from pathlib import Path

import pytest

from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.support.config.model import Influxdb
from gateway.support.tls import ended, handshake_fault, pinned_context, resuming_context, server_context, tls_context
from tests.system.brokers import Authority

STRENGTH_BITS = 128


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Make the authority that signs certificates."""
    return Authority(tmp_path / "authority")


@pytest.fixture
def contexts(authority: Authority) -> list[ssl.SSLContext]:
    """One of each kind."""
    ours = [tls_context(None), tls_context(authority.certificate), resuming_context(authority.certificate)]
    return [*ours, server_context(*authority.issue("a")), pinned_context()]


def test_nothing_older_than_tls_1_2_is_spoken(contexts: list[ssl.SSLContext]) -> None:
    for context in contexts:
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert {cipher["protocol"] for cipher in context.get_ciphers()} == {"TLSv1.2", "TLSv1.3"}


def test_every_cipher_has_128_bits_and_forward_secrecy(contexts: list[ssl.SSLContext]) -> None:
    for context in contexts:
        ciphers = context.get_ciphers()
        assert ciphers
        for cipher in ciphers:
            assert "PSK" not in cipher["name"]
            assert cipher["strength_bits"] >= STRENGTH_BITS, cipher["name"]
            assert cipher["protocol"] == "TLSv1.3" or cipher["name"].startswith(("ECDHE-", "DHE-")), cipher["name"]


def test_a_database_whose_certificate_nobody_we_know_signed_hears_nothing(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger")

    async def answer() -> tuple[int, str, bytes]:
        heard = b""

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal heard
            heard += await reader.read(65536)
            writer.close()

        context = server_context(*stranger.issue("influxdb"))
        async with await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context) as server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            given = {"url": url, "token": "secret", "tls": {"ca": authority.certificate}}
            async with InfluxdbClient(Influxdb.model_validate(given)) as influxdb:
                found = await influxdb.write(b"")
        return found.status, found.text, heard

    status, text, heard = asyncio.run(answer())
    assert (status, heard) == (0, b"")
    assert "certificate verify failed" in text


def test_a_connection_to_a_server_that_never_says_goodbye_is_closed(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop that ends before would leave the socket open: Python warns of it, and the test run takes that for a fault."""
    monkeypatch.setattr("gateway.support.tls._ENDS_WITHIN_S", 0.05)
    is_over = threading.Event()

    def serve(listening: socket.socket) -> None:
        plain, _ = listening.accept()
        with server_context(*authority.issue("localhost")).wrap_socket(plain, server_side=True):
            is_over.wait()

    async def come_and_go(port: int) -> bool:
        name = "localhost"
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=tls_context(authority.certificate), server_hostname=name
        )
        async with ended(writer):
            assert not writer.is_closing()
        return writer.is_closing()

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = threading.Thread(target=serve, args=(listening,))
        server.start()
        assert asyncio.run(come_and_go(listening.getsockname()[1]))
        gc.collect()
        is_over.set()
        server.join()


def _of(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset"), _of("WRONG_VERSION_NUMBER")], ids=repr)
def test_a_server_that_breaks_off_a_handshake_is_asked_for_its_port(error: OSError) -> None:
    assert "is this a TLS port?" in handshake_fault(error, tls=True)
    assert "TLS" not in handshake_fault(error, tls=False)


@pytest.mark.parametrize("error", [ConnectionRefusedError(111, "refused"), _of("CERTIFICATE_VERIFY_FAILED")], ids=repr)
def test_other_faults_of_a_connection_are_told_as_they_are(error: OSError) -> None:
    assert handshake_fault(error, tls=True) == error.strerror
