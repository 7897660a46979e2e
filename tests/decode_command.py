"""``gateway decode`` in a utility's folder, as people and scripts call it."""

import io
import json
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.commands.cli import main
from tests.core.making import NOW_MS
from tests.site import Site


class DecodeCommand:
    """A folder, and the command in it."""

    def __init__(self, site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.site = site
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def run(self, *options: str, data: bytes = b"") -> tuple[int, str, str]:
        """The exit status, what was printed and what was complained of; ``data`` is standard input."""
        assert self.site.config
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        status = main(["decode", "-c", str(self.site.folder / "gateway.yaml"), *options])
        said = self._capsys.readouterr()
        return status, said.out, said.err.replace(f"{self.site.folder}/", "")

    def rows(self, *rows: Mapping[str, Any], options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """The result of each row."""
        data = "\n".join(json.dumps({"arrival_ms": NOW_MS, **row}) for row in rows).encode()
        status, out, err = self.run("--jsonl", "--json", *options, data=data)
        results = [json.loads(line) for line in out.splitlines()]
        assert (status, err, len(results)) == (int(any(result["reject"] for result in results)), "", len(rows))
        return results

    def text(self, payload: object, topic: str, *options: str) -> list[str]:
        """Return the explanation of one payload, as lines of text."""
        _, out, err = self.run("--topic", topic, *options, data=json.dumps(payload).encode())
        assert err == ""
        return out.replace(f"{self.site.folder}/", "").splitlines()
