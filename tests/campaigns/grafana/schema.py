"""The dashboards held against the types of Grafana 10.4 and 12, by the TypeScript compiler: what they hold, each knows."""

import json
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from tests.campaigns.grafana.boards import Made
from tests.campaigns.grafana.world import CACHE

VERSIONS: Final = {"10": "10.4", "12": "12.4"}
LACKS: Final = {"10": "{ insertNulls?: boolean | number }"}
"""Version → options of graphs that it lacks, and passes over in silence: 10.4 joins lines over gaps."""
_HERE: Final = Path(__file__).parent / "page" / "schema"
_PARTS: Final = CACHE / "schema"
_SETTINGS: Final = {
    "strict": True,
    "noEmit": True,
    "skipLibCheck": True,
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "types": [],
}
_ERROR: Final = re.compile(r"([\w-]+)\.ts\((\d+),\d+\): error (.*)")


def unknown_to_grafana(made: Made) -> list[str]:
    """Tell what a version of Grafana does not know in the dashboards, and how often it stands there."""
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="held-", dir=_PARTS) as folder:
        for version in VERSIONS:
            there = Path(folder) / version
            _write(there, version, made)
            found.update(_compiled(there, version))
    return [f"{text}{f' ({count} times)' if count > 1 else ''}" for text, count in found.items()]


def _compiled(folder: Path, version: str) -> list[str]:
    compiler = _PARTS / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run(["node", str(compiler), "-p", str(folder)], capture_output=True, text=True, check=False)
    found = [_told(folder, version, line) for line in done.stdout.splitlines() if not line.startswith(" ")]
    if done.returncode and not found:
        raise ChildProcessError(done.stderr)
    return found


def _write(folder: Path, version: str, made: Made) -> None:
    """Write the dashboards as constants of TypeScript, a line for each line of JSON."""
    folder.mkdir()
    held = (_HERE / "held.ts").read_text(encoding="utf-8").replace("schema-N", f"schema-{version}")
    (folder / "held.ts").write_text(held, encoding="utf-8")
    settings = _SETTINGS | {"paths": {"@grafana/schema": [str(_PARTS / "node_modules" / f"schema-{version}")]}}
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": settings}), encoding="utf-8")
    lacks = LACKS.get(version, "Record<never, never>")
    (folder / "lacks.ts").write_text(f"export type Lacks = {lacks};\n", encoding="utf-8")
    for board in made.boards():
        text = json.dumps(board.model, ensure_ascii=False, indent=1)
        source = f'import type {{ Held }} from "./held";\nexport const board: Held = {text};\n'
        (folder / f"{board.name}.ts").write_text(source, encoding="utf-8")


def _told(folder: Path, version: str, line: str) -> str:
    """Put version, dashboard and the line of its file into a line of the compiler."""
    match = _ERROR.search(line)
    if match is None:
        return line
    name, number, error = match.groups()
    text = (folder / f"{name}.ts").read_text(encoding="utf-8").splitlines()[int(number) - 1]
    return f"Grafana {VERSIONS[version]}, {name}: {error} at {text.strip()[:80]}"
