"""The names in certificates, made by openssl, beside the addresses by which devices and people come."""

import json
import re
import ssl
import subprocess
from ipaddress import ip_address
from pathlib import Path

import pytest

from gateway.commands.check.servers import unnamed
from gateway.runtime.jobs.certificates import names_in
from gateway.support.config.files import load
from tests.rows import each_row

NAMES = "DNS:broker.example.vn,DNS:*.water.example.vn,IP:192.0.2.10,IP:2001:db8::10"


def certificate(folder: Path, names: str = NAMES) -> Path:
    """Make a certificate with openssl."""
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-subj",
        "/CN=cn.vn",
    ]
    more = ["-addext", f"subjectAltName={names}"] if names else []
    files = ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
    subprocess.run([*words, *more, *files], check=True, capture_output=True)
    return folder / "tls.crt"


def faults(folder: Path, document: dict[str, object], names: str = NAMES) -> list[str]:
    """Return the faults of a configuration whose servers show a certificate with these names."""
    der = ssl.PEM_cert_to_DER_cert(certificate(folder, names).read_text())
    (folder / "gateway.yaml").write_text(json.dumps(document))
    return [fault for fault in unnamed(load(folder / "gateway.yaml"), {"enrolment.url": der}) if fault]


@each_row(
    ("url", "is_named"),
    [
        ("mqtts://broker.example.vn:8883", True),
        ("mqtts://BROKER.example.vn", True),
        ("mqtts://north.water.example.vn", True),
        ("mqtts://192.0.2.10", True),
        ("mqtts://[2001:db8:0::10]:8883", True),
        ("mqtts://example.vn", False),
        ("mqtts://water.example.vn", False),
        ("mqtts://a.north.water.example.vn", False),
        ("mqtts://192.0.2.11", False),
        ("mqtts://cn.vn", False),
    ],
)
def test_a_certificate_that_does_not_name_the_address_of_devices_is_a_fault(tmp_path: Path, url: str, is_named: bool) -> None:  # noqa: FBT001
    found = faults(tmp_path, {"enrolment": {"url": url}})
    assert found == [] if is_named else len(found) == 1


def test_the_fault_tells_both_names(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, {"enrolment": {"url": "mqtts://broker.example.com:8883"}})
    assert found == (
        "enrolment.url: broker.example.com: the broker's certificate is for broker.example.vn, *.water.example.vn, 192.0.2.10, "
        "2001:db8::10, and not for broker.example.com: devices refuse it. Make one with that name, or write one that it has"
    )
    (found,) = faults(tmp_path, {"enrolment": {"url": "mqtts://cn.vn"}}, names="")
    assert "the broker's certificate has no name in it, and not for cn.vn" in found


def test_the_pages_are_asked_by_the_names_that_people_open(tmp_path: Path) -> None:
    pages = {"tls": {"cert": str(tmp_path / "tls.crt"), "key": str(tmp_path / "tls.key")}}
    (found,) = faults(tmp_path, {"http": {**pages, "hosts": ["broker.example.vn", "gateway.example.vn"]}})
    assert found.startswith(f"http.hosts: gateway.example.vn: {tmp_path}/tls.crt is for broker.example.vn, ")
    assert faults(tmp_path, {"http": {**pages, "hosts": ["gateway.example.vn"], "trusted_proxies": ["127.0.0.1"]}}) == []


@pytest.mark.parametrize("names", ["", NAMES])
def test_names_are_those_that_openssl_shows(tmp_path: Path, names: str) -> None:
    path = certificate(tmp_path, names)
    words = ["openssl", "x509", "-in", str(path), "-noout", "-ext", "subjectAltName"]
    shown = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    wanted = re.findall(r"DNS:([^,\s]+)", shown) + [str(ip_address(one)) for one in re.findall(r"Address:([^,\s]+)", shown)]
    assert names_in(ssl.PEM_cert_to_DER_cert(path.read_text())) == wanted
    assert len(wanted) == (4 if names else 0)
