"""Files that hold a password or a token."""

from pathlib import Path

import pytest

from gateway.support.config.files import ConfigurationFault, load, secret


def test_the_first_line_is_the_secret(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"\xef\xbb\xbfgeheim \nmore\n")
    assert secret(None, file) == "geheim"
    assert secret("written down", file) == "written down"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(None, "document: cannot be read: Is a directory", id="a-folder"),
        pytest.param(b"\xff\xfe", "document: is not UTF-8: invalid start byte at byte 0", id="no-text"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_fault_with_its_name(content: bytes | None, what: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(ConfigurationFault) as fault:
        secret(None, file)
    assert fault.value.lines == [f"{file}: {what}"]


def test_the_service_reads_what_systemd_gave_it_and_commands_find_the_same_file(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    for folder in ("secrets", "credentials"):
        (tmp_path / folder).mkdir()
    (tmp_path / "secrets" / "influxdb.token").write_text("of the administrator\n")
    (credentials / "secrets_influxdb.token").write_text("of systemd\n")
    file = tmp_path / "gateway.yaml"
    file.write_text("influxdb: {token_file: secrets/influxdb.token}\n")
    assert secret(None, load(file, {}).influxdb.token_file) == "of the administrator"
    of_service = load(file, {"CREDENTIALS_DIRECTORY": str(credentials)})
    assert secret(None, of_service.influxdb.token_file) == "of systemd"


def test_a_file_that_a_reload_reads_again_is_none_of_systemd_s(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets_tokens").touch()
    file = tmp_path / "gateway.yaml"
    file.write_text("http: {tokens_file: secrets/tokens}\n")
    assert load(file, {"CREDENTIALS_DIRECTORY": str(tmp_path)}).http.tokens_file == tmp_path / "secrets" / "tokens"
