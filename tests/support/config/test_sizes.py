"""Sizes in the configuration: bytes, or a number with its unit."""

from pathlib import Path

import pytest

from gateway.support.config.files import ConfigurationFault, load
from gateway.support.config.model import Config


def config_with(folder: Path, size: str) -> Config:
    """The configuration with this size of the journal."""
    file = folder / "gateway.yaml"
    file.write_text(f"journal: {{max_bytes: {size}}}\n")
    return load(file, environment={})


@pytest.mark.parametrize(
    ("size", "number"),
    [
        pytest.param("262144", 262144, id="bytes"),
        pytest.param("0", 0, id="nothing"),
        pytest.param("64KiB", 65536, id="kibibytes"),
        pytest.param("32 mib", 33554432, id="small-letters-and-a-blank"),
        pytest.param("1.5GiB", 1610612736, id="fraction"),
        pytest.param("1GB", 10**9, id="power-of-ten"),
        pytest.param("'512'", 512, id="text"),
    ],
)
def test_a_size_is_bytes_or_has_its_unit(size: str, number: int, tmp_path: Path) -> None:
    assert config_with(tmp_path, size).journal.max_bytes == number


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        pytest.param("-1", "-1", id="negative"),
        pytest.param("1.5", "1.5", id="half-a-byte"),
        pytest.param("yes", "True", id="yes"),
        pytest.param("64kbit", "'64kbit'", id="bits"),
        pytest.param("64M", "'64M'", id="without-a-b"),
        pytest.param("64MiB or so", "'64MiB or so'", id="with-something-behind"),
        pytest.param("plenty", "'plenty'", id="word"),
        pytest.param("[1]", "[1]", id="list"),
        pytest.param(f"{'1' * 400}MiB", f"'{'1' * 400}MiB'", id="beyond-all-numbers"),
    ],
)
def test_what_is_no_size_is_told_with_its_key(size: str, shown: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault) as fault:
        config_with(tmp_path, size)
    told = f"journal.max_bytes: {shown} is not a size; write for example 262144, 64MiB or 1GiB"
    assert fault.value.lines == [f"{tmp_path / 'gateway.yaml'}: {told}"]
