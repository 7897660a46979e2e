"""``make bundle``: a bundle as one archive, from a checkout.

``python -m gateway.admin.installation.bundle --python 3.13 --machine aarch64`` writes
``dist/gateway-VERSION-cp313-aarch64.tar.gz`` and its SHA-256 beside it, and Grafana's dashboards as zips, one for each store
in each language. Packages come with the hashes of the lock; the project is built with the locked tools of the checkout.
The name of a version that is not tagged ends with a part of the program's digest: two programs never have the same.
A tagged one, which is a release, is made only when no text stands in English for want of a Vietnamese one.
"""

import argparse
import ast
import gzip
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from gateway import __version__
from gateway.admin.installation.release import LOCK, SCRIPT, SUMS, WHEELS, build_tag, digest, sums_text
from gateway.admin.installation.sbom import SBOM, sbom_text

_CHECKOUT: Final = Path(__file__).parents[3]
_GLIBC_MINORS: Final = range(17, 37)
"""Those of Debian 12 and before: wheels made for them run there."""
_DEPLOY: Final = ("README.md", "devices.yaml", "gateway.yaml", "mosquitto", "nftables", "profiles", "prometheus", "systemd")
_WITH_TEXTS: Final = ("firmware_sim", "gateway", "grafana", "schemas")
_PACKAGES: Final = "debian-packages.txt"
_MTIME: Final = 1_700_000_000
"""The time of all files: the same contents make the same archive."""


def main(words: Sequence[str] | None = None) -> int:
    """Make the bundle; return the exit status."""
    parser = argparse.ArgumentParser(prog="make bundle", description="Makes a bundle for machines without Internet.")
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    parser.add_argument("--python", default=here, help="version of Python, as 3.11 (default: this one)")
    parser.add_argument("--machine", default=platform.machine(), choices=["x86_64", "aarch64"], help="kind of machine")
    parser.add_argument("--out", type=Path, default=_CHECKOUT / "dist", help="folder for the archive (default: dist)")
    parser.add_argument("--untranslated", action="store_true", help="make nothing; list texts that have no Vietnamese yet")
    options = parser.parse_args(words)
    if options.untranslated:
        for place, english in untranslated(_CHECKOUT):
            print(f"{place}: no Vietnamese yet: {english}")
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=options.out) as folder:
        made = make_bundle(Path(folder), options.python, options.machine)
        archive = options.out / f"{made.name}.tar.gz"
        _pack(made, archive)
        version = (made / "VERSION").read_text(encoding="utf-8").strip()
    words_of_zips = [sys.executable, "-m", "grafana.build", "--zips", str(options.out.absolute()), "--version", version]
    subprocess.run(words_of_zips, cwd=_CHECKOUT, check=True)  # noqa: S603 - our words
    archive.with_name(archive.name + ".sha256").write_text(f"{digest(archive)}  {archive.name}\n", encoding="utf-8")
    print(f"{archive}: {archive.stat().st_size / 1e6:.1f} MB")
    return 0


def make_bundle(folder: Path, python: str, machine: str) -> Path:
    """Make a bundle in ``folder``, return its own folder there; SystemExit for a release with untranslated texts."""
    is_release = _is_tagged()
    if is_release and (lacking := [place for place, _ in untranslated(_CHECKOUT)]):
        raise SystemExit(f"A release has all texts in Vietnamese; write each in place of its todo(…): {', '.join(lacking)}")
    major, minor = python.split(".")
    tag = build_tag((int(major), int(minor)), machine)
    wheel = _build_program(folder)
    version = __version__ if is_release else f"{__version__}+{digest(wheel)[:8]}"
    made = folder / f"gateway-{version}-{tag}"
    (made / WHEELS).mkdir(parents=True)
    wheel.rename(made / WHEELS / wheel.name)
    _fetch(made / WHEELS / tag, python, machine)
    for name in _DEPLOY:
        _copy(_CHECKOUT / "deploy" / name, made / "deploy" / name)
    _copy(_CHECKOUT / "deploy" / SCRIPT, made / SCRIPT)
    _copy(_CHECKOUT / "deploy" / _PACKAGES, made / _PACKAGES)
    _copy(_CHECKOUT / LOCK, made / LOCK)
    (made / "VERSION").write_text(f"{version}\n", encoding="utf-8")
    wheels = {digest(path) for path in (made / WHEELS / tag).iterdir()}
    (made / SBOM).write_text(sbom_text((_CHECKOUT / LOCK).read_text(encoding="utf-8"), version, wheels), encoding="utf-8")
    write_sums(made)
    return made


def write_sums(made: Path) -> None:
    """Write the list of sums of all files of a bundle."""
    files = (path for path in made.rglob("*") if path.is_file() and path.name != SUMS)
    (made / SUMS).write_text(sums_text({str(path.relative_to(made)): digest(path) for path in files}), encoding="utf-8")


def _build_program(folder: Path) -> Path:
    """Build the wheel of the project, the same from the same sources."""
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(_MTIME)}
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder.absolute())]
    subprocess.run(words, cwd=_CHECKOUT, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our words
    (wheel,) = folder.glob("*.whl")
    return wheel


def untranslated(checkout: Path) -> Iterator[tuple[str, str]]:
    """Yield the place, file and line, and the text of all that stands in English by :func:`schemas.glossary.todo`."""
    for path in sorted(path for folder in _WITH_TEXTS for path in (checkout / folder).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for call in ast.walk(ast.parse(source)) if "todo(" in source else ():
            match call:
                case ast.Call(func=ast.Name("todo") | ast.Attribute(attr="todo"), args=[english]):
                    text = english.value if isinstance(english, ast.Constant) else ast.unparse(english)
                    yield f"{path.relative_to(checkout)}:{call.lineno}", str(text)


def _is_tagged() -> bool:
    """Tell if the checkout is the commit that the tag of its version names."""
    words = ["git", "describe", "--exact-match", "--dirty", "--match", f"v{__version__}"]
    told = subprocess.run(words, cwd=_CHECKOUT, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    return told == f"v{__version__}"


def _fetch(target: Path, python: str, machine: str) -> None:
    """Fetch the locked packages as wheels for a Python on a kind of machine."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in _GLIBC_MINORS] + [f"manylinux2014_{machine}"]
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    words += ["--disable-pip-version-check", "--python-version", python, "--implementation", "cp", "--dest", str(target)]
    words += [word for name in platforms for word in ("--platform", name)]
    subprocess.run([*words, "--requirement", str(_CHECKOUT / LOCK)], check=True)  # noqa: S603 - words of our own


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)


def _pack(made: Path, archive: Path) -> None:
    """Write the archive, the same from the same files."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mtime = _MTIME
        member.mode = 0o755 if member.isdir() or member.name.endswith(SCRIPT) else 0o644
        return member

    with archive.open("wb") as file, gzip.GzipFile("", "wb", 1, file, mtime=0) as packed, tarfile.open("", "w", packed) as tar:
        for path in sorted(made.rglob("*")):
            tar.add(path, str(path.relative_to(made.parent)), recursive=False, filter=plain)


if __name__ == "__main__":
    sys.exit(main())
