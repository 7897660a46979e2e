"""``python -m schemas`` writes the published documents beside this file; with ``--check`` it compares and writes nothing."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.documents import documents

PACKAGE = Path(__file__).parent


def main(arguments: Sequence[str] | None = None, folder: Path = PACKAGE) -> int:
    """Return 0 if all is written, 1 if ``--check`` found a difference or a file cannot be read or written."""
    parser = argparse.ArgumentParser(
        prog="python -m schemas",
        description="Writes JSON Schema and AsyncAPI of the native payloads and topics from the tables and the examples.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs from the tables")
    options = parser.parse_args(arguments)
    try:
        made = documents(_examples(folder / "examples"))
        return _check(folder, made) if options.check else _write(folder, made)
    except ValueError as error:
        return _fault(str(error))
    except OSError as error:
        return _fault(f"{error.filename}: {error.strerror}")


def _examples(folder: Path) -> dict[str, Any]:
    return {path.stem: _example(path) for path in sorted(folder.glob("*.json"))}


def _example(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: not JSON in UTF-8 ({error}); correct it and run again") from error


def _write(folder: Path, made: dict[str, str]) -> int:
    for name, text in made.items():
        path = folder / name
        if _stands(path, text):
            _say(f"{_shown(path)}: left as it is")
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
        _say(f"{_shown(path)}: written")
    return 0


def _check(folder: Path, made: dict[str, str]) -> int:
    drifted = [folder / name for name, text in made.items() if not _stands(folder / name, text)]
    for path in drifted:
        what = "differs from the tables" if path.exists() else "is missing"
        _fault(f"{_shown(path)}: {what}; run `python -m schemas` and commit what it writes")
    if not drifted:
        _say(f"{len(made)} documents agree with the tables")
    return 1 if drifted else 0


def _stands(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _shown(path: Path) -> str:
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else str(path)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _fault(line: str) -> int:
    sys.stderr.write(f"{line}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
