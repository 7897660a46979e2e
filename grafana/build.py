"""Holds what is made of the tables: ``python -m grafana.build``. With ``--check`` it only compares.

Dashboards, data sources and Grafana's rules of alerts are made where they are wanted (``gateway setup grafana``). The
repository keeps the SHA-256 of each, so that a change is seen that makes others; and the rules of Prometheus, which are the
same everywhere.
"""

import argparse
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from grafana.alerts.render import prometheus_rules
from grafana.made import Wanted, made, next_steps
from grafana.stores import DATABASES
from grafana.text import LANGUAGES

ROOT: Final = Path(__file__).resolve().parents[1]
SUMS: Final = "grafana/made.sha256"
RULES: Final = "deploy/prometheus/gateway.rules.yaml"
KINDS: Final = {f"{database.folder}-{language}": Wanted(database, language) for database in DATABASES for language in LANGUAGES}
"""Store and language → what is made for a site that chooses nothing else."""
_ABSENT: Final = "-"
_ALL_READ: Final = 0o644 << 16


def sums_text() -> str:
    """A line for each file: its name, and its SHA-256 for each store in each language."""
    files = {kind: made(wanted) for kind, wanted in KINDS.items()}
    names = sorted({name for one in files.values() for name in one})
    lines = [" ".join((name, *(_sum(one.get(name)) for one in files.values()))) for name in names]
    return "\n".join([f"# Written by `python -m grafana.build`. SHA-256 for: {', '.join(files)}", *lines, ""])


def _sum(text: str | None) -> str:
    return _ABSENT if text is None else sha256(text.encode()).hexdigest()


def rendered() -> dict[str, str]:
    """File of the checkout → content."""
    return {SUMS: sums_text(), RULES: prometheus_rules()}


def drift(root: Path = ROOT) -> list[str]:
    """Return the differences between the tables and the files, one sentence each."""
    found = []
    for name, content in rendered().items():
        before = (root / name).read_text(encoding="utf-8") if (root / name).is_file() else ""
        lines = set(before.splitlines()) ^ set(content.splitlines())
        if name == SUMS:
            found += sorted({f"{name}: {line.partition(' ')[0]} is made otherwise" for line in lines})
        elif lines:
            found.append(f"{name}: differs from its table")
    return found


def write(root: Path = ROOT) -> None:
    """Write the sums, and the rules of Prometheus."""
    for name, content in rendered().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")


def zips(folder: Path, version: str) -> list[Path]:
    """Write an archive for each store in each language, the same from the same files, and its SHA-256 beside it."""
    written = []
    for kind, wanted in KINDS.items():
        name = f"grafana-{version}-{kind}"
        made_file = folder / f"{name}.zip"
        with ZipFile(made_file, "w", ZIP_DEFLATED) as archive:
            for path, text in {**made(wanted), "README.txt": next_steps(wanted, name)}.items():
                member = ZipInfo(f"{name}/{path}")
                member.external_attr, member.compress_type = _ALL_READ, ZIP_DEFLATED
                archive.writestr(member, text)
        digest = sha256(made_file.read_bytes()).hexdigest()
        made_file.with_name(f"{made_file.name}.sha256").write_text(f"{digest}  {made_file.name}\n", encoding="utf-8")
        written.append(made_file)
    return written


def main(arguments: list[str] | None = None) -> int:
    """0: written, or up to date; 1: ``--check`` found a difference."""
    parser = argparse.ArgumentParser(prog="python -m grafana.build", description="Hold what is made of the tables.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when something is out of date")
    parser.add_argument("--zips", type=Path, metavar="DIR", help="write nothing but an archive for each store and language")
    parser.add_argument("--version", default="0", help="the version in the names of archives")
    options = parser.parse_args(arguments)
    if options.zips is not None:
        for path in zips(options.zips, options.version):
            print(path)
        return 0
    if not options.check:
        write()
        return 0
    differences = drift()
    for difference in differences:
        sys.stderr.write(f"{difference}; run: python -m grafana.build\n")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
