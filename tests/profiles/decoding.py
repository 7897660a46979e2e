"""Output of ``gateway decode``: the whole way from topic and bytes to points."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import yaml

from gateway.commands.cli import main

ARRIVAL = "2026-09-03T08:00:00Z"
"""When a message arrives that does not say so."""


def milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


class DryRun:
    """A folder with a configuration, a registry and profiles, in which messages are decoded."""

    def __init__(
        self,
        folder: Path,
        *,
        profiles: Mapping[str, str] | None = None,
        devices: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.folder = folder
        (folder / "profiles").mkdir()
        for name, text in (profiles or {}).items():
            (folder / "profiles" / name).write_text(text)
        (folder / "gateway.yaml").write_text("profiles: {path: profiles}\ndevices: {registry: devices.yaml}\n")
        (folder / "devices.yaml").write_text(yaml.safe_dump({"devices": [dict(device) for device in devices]}))

    def decode(self, messages: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """One result for each message, in order. A message's ``arrival`` is RFC 3339."""
        rows = [{**message, "arrival_ms": milliseconds(message.get("arrival", ARRIVAL))} for message in messages]
        (self.folder / "messages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        shown = StringIO()
        with redirect_stdout(shown):
            status = main(
                ["decode", "-c", str(self.folder / "gateway.yaml"), "--jsonl", "--json", str(self.folder / "messages.jsonl")]
            )
        results = [json.loads(line) for line in shown.getvalue().splitlines()]
        assert status == int(any(result["reject"] for result in results))
        assert len(results) == len(rows)
        return results


def point(result: Mapping[str, Any]) -> dict[str, Any]:
    """The only point of a result."""
    (only,) = result["points"]
    return dict(only)
