"""The days that certificates have left, for metrics and alerts."""

import ssl
import subprocess
from pathlib import Path

import pytest

from gateway.runtime.jobs.certificates import certificate_ends
from gateway.support.config.model import Config, HttpSection, HttpTls, InfluxdbTls


@pytest.mark.parametrize("days", ["2", "20000"], ids=["a UTCTime", "a GeneralizedTime"])
def test_the_end_of_a_certificate_is_what_openssl_says(tmp_path: Path, days: str) -> None:
    file, key = tmp_path / "own.crt", tmp_path / "own.key"
    made = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=pi"]
    openssl("req", *made, "-days", days, "-keyout", str(key), "-out", str(file))
    end = openssl("x509", "-in", str(file), "-noout", "-enddate").strip().removeprefix("notAfter=")
    config = Config(http=HttpSection(tls=HttpTls(cert=file, key=key)))
    assert certificate_ends(config) == {"http.tls.cert": ssl.cert_time_to_seconds(end) * 1000}


def openssl(*arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"])
def test_a_file_without_a_certificate_is_left_out(tmp_path: Path, text: str) -> None:
    (tmp_path / "ca.crt").write_text(text)
    config = Config()
    influxdb = config.influxdb.model_copy(update={"tls": InfluxdbTls(ca=tmp_path / "ca.crt")})
    assert certificate_ends(config.model_copy(update={"influxdb": influxdb})) == {}
