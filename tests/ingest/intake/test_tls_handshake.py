"""A TLS handshake that fails: what is asked of the person who wrote the address."""

import ssl

import pytest

from gateway.support.tls import handshake_fault


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
