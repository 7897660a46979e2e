"""Setting up VictoriaMetrics: all its settings are flags of its processes, so this writes their files.

A process has one retention, so roll-ups that are kept longer have a process of their own. Processes of a cluster are on other
machines: this looks, and says what they need.

Readers with a limit are users of ``vmauth``, the proxy of its makers, with ``extra_filters``. VictoriaMetrics joins several of
these by "or", so one that a reader adds would widen what he sees. vmauth puts its own in place of those of an address, under
both names that VictoriaMetrics knows; those in a body it does not see. So the type of the body is removed, without which
VictoriaMetrics does not read it: readers ask by GET.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from gateway.admin.broker.configuration import deployed
from gateway.admin.databases.steps import DatabaseKind, KeptPlace, SetupFault, SetupStep, kind_of
from gateway.support.access.accounts import DeviceScope
from gateway.support.config.model import Config
from gateway.support.config.setting_types import split_url
from gateway.support.plain_http import PlainHttp
from gateway.support.private_files import as_owner, read_bytes, replace_file

_PORT: Final = 8428
_LONGEST: Final = "100y"
_SHORTEST: Final = timedelta(days=1)
_DEBIAN: Final = "victoria-metrics"
_SECOND: Final = "victoria-metrics-rollups"
_DEDUP_SPAN: Final = "1ms"
DEDUP: Final = f"-dedup.minScrapeInterval={_DEDUP_SPAN}"
"""Two samples of one millisecond count as one: a point that is written again, and one that is copied twice."""
_DEDUP_SET: Final = re.compile(r'dedup\.minScrapeInterval="([^"]*)"')

_ARGUMENTS: Final = """\
# Written by `gateway setup influxdb`.
ARGS="{arguments}"
"""
_UNIT: Final = """\
# Written by `gateway setup influxdb`: a second VictoriaMetrics, which keeps roll-ups longer than the first keeps readings.
[Unit]
Description=VictoriaMetrics for roll-ups
After=network.target

[Service]
Type=simple
User=_victoria-metrics
LimitNOFILE=65536
Restart=on-failure
RestartSec=1
EnvironmentFile=/etc/default/{name}
ExecStart=/usr/bin/victoria-metrics $ARGS
StateDirectory={name}

[Install]
WantedBy=multi-user.target
"""
_SCRAPE: Final = """\
# Written by `gateway setup influxdb`: VictoriaMetrics collects the gateway's own metrics.
scrape_configs:
  - job_name: gateway # this name: the alert GatewayAbsent looks for it
    scrape_interval: 15s
    scheme: {scheme}
    static_configs:
      - targets: ["{target}"]
    # On another machine than the gateway:
    # authorization: {{credentials_file: /etc/victoria-metrics/gateway.token}} # of an account with the role read
"""


class WrittenFile(NamedTuple):
    """A file to write."""

    path: Path
    text: str


def dedup_fault(flags: str) -> str:
    """The fault in how a process counts points that are written again, by its ``/flags``; empty: there is none."""
    found = _DEDUP_SET.search(flags)
    is_set = found[1] if found else "0s"
    if is_set == _DEDUP_SPAN:
        return ""
    return (
        f"runs with -dedup.minScrapeInterval={is_set}: restart it with {_DEDUP_SPAN}, so that a point that is written again "
        "counts once, and readings near each other all count"
    )


def files_of(config: Config, places: Sequence[KeptPlace], root: Path) -> list[WrittenFile]:
    """The files of a process for each place, with the rules over the gateway's metrics; SetupFault if one cannot be."""
    etc = root / "etc"
    scrape = etc / "victoria-metrics" / "scrape.yaml"
    rules = WrittenFile(etc / "victoria-metrics" / "gateway.rules.yaml", deployed("prometheus", "gateway.rules.yaml"))
    found = [WrittenFile(scrape, _scrape(config)), rules]
    addresses = set()
    for name, place in zip((_DEBIAN, _SECOND), places, strict=False):
        address = _address(place)
        if address in addresses:
            raise SetupFault(f"influxdb.rollups.url: a process of its own needs an address of its own, not {address}")
        addresses.add(address)
        arguments = [
            f"-storageDataPath=/var/lib/{name}",
            f"-httpListenAddr={address}",
            retention_flag(place),
            DEDUP,
            *([f"-promscrape.config={Path('/', *scrape.relative_to(root).parts)}"] if name == _DEBIAN else []),
        ]
        found.append(WrittenFile(etc / "default" / name, _ARGUMENTS.format(arguments=" ".join(arguments))))
        if name != _DEBIAN:
            found.append(WrittenFile(etc / "systemd" / "system" / f"{name}.service", _UNIT.format(name=name)))
    return found


def steps(wanted: Sequence[WrittenFile]) -> Iterator[SetupStep]:
    """Write the files that are not as wanted; what was there stays beside them."""
    for file in wanted:
        before = read_bytes(file.path).decode(errors="replace") if file.path.exists() else None
        if before == file.text:
            yield SetupStep(f"{file.path}: is as wanted")
        else:
            beside = "" if before is None else f"; the old one is {file.path.name}.bak"
            yield SetupStep(f"{file.path}: written{beside}", lambda file=file: _write(file))  # type: ignore[misc]  # mypy and defaults


def _write(file: WrittenFile) -> None:
    is_new = not file.path.exists()
    try:
        with as_owner(file.path):
            file.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(file.path, file.text)
            if is_new:
                file.path.chmod(0o644)
    except OSError as error:
        raise SetupFault(f"{file.path}: cannot be written: {error.strerror}") from error


def _address(place: KeptPlace) -> str:
    parts = split_url(place.config.url)
    host = parts.hostname or ""
    return f"{f'[{host}]' if ':' in host else host}:{parts.port or _PORT}"


def retention_flag(place: KeptPlace) -> str:
    """The flag of the process that stores, for how long a place keeps; SetupFault if that is too little."""
    if place.keep is not None and place.keep < _SHORTEST:
        raise SetupFault(f"VictoriaMetrics keeps at least a day, not {place.kept()}")
    return f"-retentionPeriod={_LONGEST if place.keep is None else f'{round(place.keep / _SHORTEST)}d'}"


def _scrape(config: Config) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.http.host, config.http.host)  # noqa: S104 - only asked
    target = f"{f'[{host}]' if ':' in host else host}:{config.http.port}"
    return _SCRAPE.format(scheme="https" if config.http.tls.cert else "http", target=target)


_OK: Final = 200
_COPIES: Final = "-replicationFactor=2"


def check_dedup(asked: PlainHttp, process: PlainHttp) -> str:
    """Say how vmselect counts points that are written again, by what its process tells; SetupFault if twice."""
    kind, version = kind_of(asked)
    if kind is not DatabaseKind.VICTORIA_METRICS:
        raise SetupFault(f"{asked.url} is InfluxDB {version}, not vmselect")
    answer = process.send("GET", "/flags")
    if answer.status != _OK:
        raise SetupFault(
            f"{process.url}/flags: vmselect does not tell its flags ({answer.describe()}): see that it has {DEDUP}"
        )
    if fault := dedup_fault(answer.text()):
        raise SetupFault(f"{process.url} {fault}")
    return f"{process.url}: vmselect runs with {DEDUP}"


def flags_of(places: Sequence[KeptPlace]) -> Iterator[str]:
    """The flags that the processes need, a line each; SetupFault if a place keeps too little."""
    yield f"vminsert   {_COPIES}"
    yield f"vmselect   {_COPIES} {DEDUP}"
    for number, place in enumerate(places):
        whose = "   (of the cluster at influxdb.rollups.url)" if number else ""
        yield f"vmstorage  {retention_flag(place)} {DEDUP}{whose}"


USERS: Final = "users"
_READING: Final = (*("/api/v1/query", "/api/v1/query_range", "/api/v1/series", "/api/v1/labels"), "/api/v1/label/[^/]+/values")
"""Paths of questions; whole exports, federation, writing and administration are not among them."""
ROLLUPS: Final = "/prometheus"
"""The beginning of paths that lead to a second process, which keeps the roll-ups.

It is one that VictoriaMetrics knows, with and without it: older versions of vmauth (1.79) cannot take it away."""
_BODIES_UNREAD: Final = "Content-Type:"


def vmauth_user(name: str, token: str, scope: DeviceScope, url: str, rollups: str | None = None) -> dict[str, Any]:
    """A user of ``vmauth`` with a limit, for VictoriaMetrics at an address and maybe a second process for roll-ups."""
    routes = [_route(scope, url)]
    if rollups is not None:
        routes.append(_route(scope, rollups.rstrip("/").removesuffix(ROLLUPS), ROLLUPS))  # a cluster's address ends with it
    return {"name": name, "bearer_token": token, "url_map": routes}


def _route(scope: DeviceScope, url: str, under: str = "") -> dict[str, Any]:
    filters = [f"{key}={quote(text, safe='')}" for text in _filters(scope) for key in ("extra_filters[]", "extra_filters")]
    return {
        "src_paths": [f"{under}{path}" for path in _READING],
        "url_prefix": f"{url.rstrip('/')}/?{'&'.join(filters)}",
        "headers": [_BODIES_UNREAD],
    }


def with_user(document: Mapping[str, Any], name: str, user: Mapping[str, Any] | None) -> dict[str, Any]:
    """The configuration of ``vmauth`` with another user of a name; None removes it."""
    users: Sequence[Mapping[str, Any]] = document.get(USERS) or []
    kept = [one for one in users if one.get("name") != name]
    return {**document, USERS: [*kept, *([user] if user is not None else [])]}


def _filters(scope: DeviceScope) -> list[str]:
    """The series of a scope: of the domain's measurement, and those that have the domain as a label."""
    areas = "|".join(area.replace(".", "[.]") for area in sorted(scope.areas))
    among = f',area=~"{areas}"' if areas else ""
    return [f'{{__name__=~"{scope.domain}_.+"{among}}}', f'{{domain="{scope.domain}"{among}}}']
