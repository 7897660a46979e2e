"""Writes the rules of alerts from their table: ``python -m grafana.alerts``; with ``--check`` it only compares."""

import argparse
import sys
from pathlib import Path
from typing import Final

from grafana.alerts.render import grafana_rules, prometheus_rules
from grafana.stores import DATABASES

ROOT: Final = Path(__file__).resolve().parents[2]
_HEAD: Final = (
    "# Written by `python -m grafana.alerts` from grafana/alerts/table.py; grafana/README.md says how to install it.\n"
)


def rendered() -> dict[str, str]:
    """File, seen from the checkout → content."""
    files = {f"grafana/provisioning/alerting/{database.folder}.yaml": grafana_rules(database) for database in DATABASES}
    files["deploy/prometheus/gateway.rules.yaml"] = prometheus_rules()
    return {name: _HEAD + text for name, text in files.items()}


def drift(root: Path = ROOT) -> list[str]:
    """Return the files that differ from the table."""
    return [
        name
        for name, content in rendered().items()
        if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != content
    ]


def main(arguments: list[str] | None = None) -> int:
    """0: written, or up to date; 1: ``--check`` found a difference."""
    parser = argparse.ArgumentParser(prog="python -m grafana.alerts", description="Write the rules of alerts from their table.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is out of date")
    differ = drift()
    if parser.parse_args(arguments).check:
        for name in differ:
            sys.stderr.write(f"{name}: differs from the table of alerts; run: python -m grafana.alerts\n")
        return 1 if differ else 0
    for name in differ:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(rendered()[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
