"""``gateway setup influxdb`` as an administrator gives it, in this process."""

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from gateway.commands.cli import main


class Said(NamedTuple):
    """The output of a command, and its exit status."""

    status: int
    out: str
    err: str


def configure(folder: Path, **influxdb: Any) -> Path:  # noqa: ANN401 - as in the file
    """Write a configuration with a section for the database; its path."""
    path = folder / "gateway.yaml"
    path.write_text(json.dumps({"influxdb": influxdb}))
    return path


def setup(config: Path, *arguments: str | Path, subject: str = "influxdb") -> Said:
    """Give the command."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(["setup", subject, "-c", str(config), *map(str, arguments)])
    return Said(status, out.getvalue(), err.getvalue())
