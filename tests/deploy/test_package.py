"""The package of Debian around a bundle: what dpkg is told, whom its files belong to, and the same bytes again."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is missing"),
]


def made(folder: Path, python: str, machine: str) -> Path:
    words = [str(CHECKOUT / ".ci" / "deb"), "--python", python, "--machine", machine, "--out", str(folder)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    (package,) = folder.glob("*.deb")
    return package


def asked(*words: str | Path) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("python", "machine", "release", "architecture"),
    [("3.11", "aarch64", "deb12", "arm64"), ("3.13", "x86_64", "deb13", "amd64")],
)
def test_a_package_says_its_debian_and_is_the_same_again(
    tmp_path: Path, python: str, machine: str, release: str, architecture: str
) -> None:
    package, again = (made(tmp_path / name, python, machine) for name in ("one", "two"))
    assert hashlib.sha256(package.read_bytes()).digest() == hashlib.sha256(again.read_bytes()).digest()
    assert package.name.endswith(f"~{release}_{architecture}.deb")
    told = asked("dpkg-deb", "-f", package)
    alternative = " | python3-pip-whl" if python == "3.11" else ""
    assert f"Depends: python3, python{python}, python{python}-venv{alternative}, passwd" in told
    assert re.search(r"^Recommends: mosquitto, influxdb \| victoria-metrics, nftables$", told, re.MULTILINE)
    assert "@" not in told.replace("authors@", "")
    rows = [line.split(maxsplit=5) for line in asked("dpkg-deb", "-c", package).splitlines()]
    assert {row[1] for row in rows} == {"root/root"}
    assert not [row[5] for row in rows if row[0][5] == "w" or row[0][8] == "w"], "nobody else writes there"
    names = {row[5] for row in rows}
    assert "./usr/share/doc/province-gateway/copyright" in names
    assert "./usr/lib/province-gateway/bundle/install.sh" in names
    tag = f"cp{python.replace('.', '')}-{machine}"
    assert any(name.startswith(f"./usr/lib/province-gateway/bundle/wheels/{tag}/") for name in names)


def test_a_python_or_a_machine_that_no_debian_has_is_refused(tmp_path: Path) -> None:
    for words, said in (
        (["--python", "3.12"], "no Debian has Python 3.12"),
        (["--machine", "riscv"], "riscv: x86_64 or aarch64"),
    ):
        done = subprocess.run(
            [str(CHECKOUT / ".ci" / "deb"), *words, "--out", tmp_path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert said in done.stderr
    assert list(tmp_path.iterdir()) == []
