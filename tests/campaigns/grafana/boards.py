"""The dashboards that are judged, as files, and the data sources that they were made for."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

Json = dict[str, Any]

STORES: Final = ("influxdb", "victoriametrics")
LANGUAGES: Final = ("vi", "en")
DATABASE: Final = "iot"
_BACK: Final = re.compile(r"now-(\d+)([mhdw])")
_UNITS_MS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}


@dataclass(frozen=True)
class Board:
    """A dashboard's file."""

    name: str
    model: Json

    @property
    def length_ms(self) -> int:
        """The time that it shows at first."""
        match = _BACK.fullmatch(self.model["time"]["from"])
        if match is None or self.model["time"]["to"] != "now":
            raise ValueError(f"{self.name}: the judge does not know the time {self.model['time']}")
        return int(match[1]) * _UNITS_MS[match[2]]

    @property
    def variables(self) -> list[Json]:
        """The choices at its head."""
        found: list[Json] = self.model["templating"]["list"]
        return found

    @property
    def is_of_one_device(self) -> bool:
        """Tell if one device must be chosen."""
        return any(one["type"] == "query" and not one.get("includeAll") for one in self.variables)


@dataclass(frozen=True)
class Made:
    """The files that ``gateway setup grafana`` wrote."""

    folder: Path

    def boards(self) -> list[Board]:
        """All dashboards, in order."""
        paths = sorted((self.folder / "dashboards").glob("*.json"))
        return [Board(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in paths]

    def sources(self) -> list[Json]:
        """Its data sources, as provisioned, those for some sites too."""
        paths = [*(self.folder / "provisioning" / "datasources").glob("*.yaml"), *(self.folder / "optional").glob("*.yaml")]
        return [source for path in sorted(paths) for source in yaml.safe_load(path.read_text(encoding="utf-8"))["datasources"]]

    def rules(self) -> Iterator[Json]:
        """Yield the rules of its alerts."""
        for path in sorted((self.folder / "provisioning" / "alerting").glob("*.yaml")):
            for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
                yield from group["rules"]


def make(store: str, language: str, folder: Path) -> Made:
    """Have the gateway make them, with simulated devices shown: the judge's world has no others."""
    command = [sys.executable, "-m", "gateway", "setup", "grafana", "--store", store, "--language", language]
    command += ["--pages", "https://gateway.example.vn", "--simulated", "shown", "--out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return Made(folder)


def described(sources: list[Json], urls: Mapping[str, str]) -> list[Json]:
    """The data sources as the page wants them; ``urls``: type → the database that stands for those of this type."""
    found = []
    for source in sources:
        settings = source.get("jsonData", {})
        if source["type"] not in urls or source["uid"].endswith("-rollups"):
            continue
        one = {key: source[key] for key in ("uid", "type", "name")} | {"path": f"/db/{source['uid']}"}
        one |= {"database": DATABASE} if source["type"] == "influxdb" else {}
        one |= {"timeInterval": settings["timeInterval"]} if "timeInterval" in settings else {}
        one |= {"parameters": settings["customQueryParameters"]} if "customQueryParameters" in settings else {}
        found.append(one)
    return found
