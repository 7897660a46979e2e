"""Files that hold a password or a token."""

from pathlib import Path

import pytest

from gateway.config.files import ConfigurationFault, secret


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
