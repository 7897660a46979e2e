"""Certificates of one's own authority, shown in a TLS handshake without a network."""

import ssl
from pathlib import Path

import pytest

from tests.system.rig import run_gateway

HOST = "broker.example.vn"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with the certificate of a server with two names, and of a device."""
    folder = tmp_path / "authority"
    for words in (["server", HOST, "--also", "2001:db8::10"], ["client", "wm-0001"]):
        assert run_gateway("setup", "certificates", *words, "--to", folder).returncode == 0
    return folder


def handshake(folder: Path, host: str, *, device: str = "", revoked: bool = False) -> str:
    """The name in the certificate that the server sees, "" without one.

    :raises ssl.SSLError: one of the two does not accept the other.
    """
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.crt"))
    server_side.load_cert_chain(folder / f"{HOST}.crt", folder / f"{HOST}.key")
    server_side.verify_mode = ssl.CERT_REQUIRED if device else ssl.CERT_NONE
    if revoked:
        server_side.load_verify_locations(folder / "ca.crl")
        server_side.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    client_side = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    if device:
        client_side.load_cert_chain(folder / f"{device}.crt", folder / f"{device}.key")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client_side.wrap_bio(back, there, server_hostname=host),
        server_side.wrap_bio(there, back, server_side=True),
    ]
    for turn in range(8):
        try:
            ends[turn % 2].do_handshake()
        except ssl.SSLWantReadError:
            continue
    shown = ends[1].getpeercert()
    return str(shown["subject"][0][0][1]) if shown else ""


def test_a_server_is_trusted_under_each_of_its_names_and_no_other(made: Path) -> None:
    handshake(made, HOST)
    handshake(made, "2001:db8::10")
    with pytest.raises(ssl.SSLError, match="not valid for"):
        handshake(made, "other.example.vn")


def test_the_name_in_a_devices_certificate_is_its_account_until_it_is_revoked(made: Path) -> None:
    assert handshake(made, HOST, device="wm-0001", revoked=True) == "wm-0001"
    assert run_gateway("setup", "certificates", "client", "wm-0002", "--to", made).returncode == 0
    for name in ("wm-0001", HOST):
        assert run_gateway("setup", "certificates", "revoke", "--yes", name, "--to", made).returncode == 0
    with pytest.raises(ssl.SSLError, match="revoked"):
        handshake(made, HOST, device="wm-0001", revoked=True)
    assert handshake(made, HOST, device="wm-0002", revoked=True) == "wm-0002"


def test_a_server_shows_the_authority_too_which_devices_know_by_its_fingerprint(made: Path) -> None:
    assert (made / f"{HOST}.crt").read_text().endswith((made / "ca.crt").read_text())
    assert (made / "wm-0001.crt").read_text().count("BEGIN CERTIFICATE") == 1


def test_a_renewed_certificate_has_the_same_names_and_a_new_key(made: Path) -> None:
    before = (made / f"{HOST}.key").read_bytes()
    assert run_gateway("setup", "certificates", "renew", HOST, "--to", made).returncode == 0
    handshake(made, "2001:db8::10")
    assert (made / f"{HOST}.key").read_bytes() != before
    assert (made / f"{HOST}.key").stat().st_mode & 0o077 == 0


def test_what_cannot_be_made_is_named_with_what_to_do(made: Path, tmp_path: Path) -> None:
    again = run_gateway("setup", "certificates", "server", HOST, "--to", made)
    nobody = run_gateway("setup", "certificates", "renew", "x", "--to", made)
    name = run_gateway("setup", "certificates", "client", "../x", "--to", made)
    (tmp_path / "file").touch()
    place = run_gateway("setup", "certificates", "client", "x", "--to", tmp_path / "file")
    (made / "ca.key").write_bytes((made / "wm-0001.key").read_bytes())
    other = run_gateway("setup", "certificates", "client", "x", "--to", made)
    assert {one.returncode for one in (again, nobody, name, place, other)} == {2}
    assert f"is there already; `gateway setup certificates renew {HOST}` makes it anew" in again.stderr
    assert "x.crt: cannot be read: No such file or directory" in nobody.stderr
    assert "a name or an address is 1 to 64 of" in name.stderr
    assert "cannot be written" in place.stderr
    assert "certificate and key do not belong together" in other.stderr


@pytest.mark.parametrize("name", ["gateway", "administration", "chirpstack", "node-red", "ca"])
def test_no_device_gets_a_certificate_with_the_name_of_a_service_or_of_the_authority(tmp_path: Path, name: str) -> None:
    done = run_gateway("setup", "certificates", "client", name, "--to", tmp_path / "authority")
    assert (done.returncode, done.stderr.startswith(f"{name}: is the ")) == (2, True), done.stderr
    assert not (tmp_path / "authority").exists()
    assert name == "ca" or run_gateway("setup", "certificates", "service", name, "--to", tmp_path / "a").returncode == 0
