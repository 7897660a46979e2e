"""``gateway setup grafana``: dashboards, data sources and rules of alerts as files, for one store, in one language."""

import argparse
from pathlib import Path
from typing import Annotated, Final

from pydantic import TypeAdapter, ValidationError

from gateway.commands.terminal import add_path, say, show, warn, with_config
from gateway.support.config.files import ConfigurationFault, blaming
from gateway.support.config.model import Config
from gateway.support.config.setting_types import check_address, is_loopback, split_url
from gateway.support.private_files import as_owner, placed, read_bytes
from grafana.alerts.render import RUNBOOKS
from grafana.made import INSTALLED_AT, Wanted, made, next_steps
from grafana.pressure import PRESSURES
from grafana.provisioning import INFLUXDB_VERSIONS
from grafana.stores import DATABASES, Database
from grafana.text import LANGUAGES

_MODE: Final = 0o644
_STORES: Final = {database.folder: database for database in DATABASES}
_PORTS: Final = {8086: "influxdb", 8181: "influxdb", **dict.fromkeys((8428, 8429, 8480, 8481), "victoriametrics")}
"""Port of an address → the store that has it by default."""
_PageAddress = Annotated[str, check_address("https", "http", secrets="an address without them")]
_USUAL_PORTS: Final = {"http": 80, "https": 443}
_EVERY_ADDRESS: Final = ("0.0.0.0", "::")  # noqa: S104 - nothing listens here
_PAGES: Final = "give the address at which operators open the gateway's pages, such as https://gateway.example.vn:8080"


def add_options(grafana: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway setup grafana``."""
    with_config(grafana, setup_grafana, or_defaults=True)
    grafana.add_argument("--store", choices=[*_STORES], help="the database (default: as influxdb.url tells by its port)")
    about = "version of InfluxDB (default: 1 for influxdb.api v1, else 2)"
    grafana.add_argument("--influxdb", choices=INFLUXDB_VERSIONS, help=about)
    grafana.add_argument("--language", choices=LANGUAGES, help="language of all texts (default: as in gateway.yaml, or vi)")
    about = "unit in which pressure is shown (default: kPa)"
    grafana.add_argument("--pressure", choices=[*PRESSURES], default="kPa", help=about)
    about = "address of the gateway's pages (default: from the section http, if others reach it)"
    grafana.add_argument("--pages", metavar="URL", help=about)
    grafana.add_argument("--runbooks", default=RUNBOOKS, metavar="URL", help="address of the pages that alerts link")
    grafana.add_argument("--simulated", choices=["shown", "hidden"], default="hidden", help="at first (default: hidden)")
    add_path(grafana, "--installed-at", "DIR", f"folder of the dashboards, for Grafana (default: {INSTALLED_AT})", INSTALLED_AT)
    add_path(grafana, "--out", "DIR", "folder for the files (default: grafana, here)", "grafana")


def setup_grafana(config: Config, options: argparse.Namespace) -> None:
    """Write the files; ConfigurationFault if a choice is wrong, or cannot be told."""
    if not options.installed_at.is_absolute():
        raise ConfigurationFault([f"--installed-at: {options.installed_at}: begin with /, as Grafana finds it"])
    if (options.out / "__init__.py").exists():
        raise ConfigurationFault([f"--out: {options.out}: is a folder of the program; name another"])
    wanted = Wanted(
        _store(config, options.store),
        options.language or config.language,
        options.influxdb or ("2" if config.file is not None and config.influxdb.api == "v2" else "1"),
        options.pressure,
        _address("--pages", options.pages) if options.pages else _pages(config),
        _address("--runbooks", options.runbooks),
        str(options.installed_at),
        options.simulated == "shown",
    )
    _write(made(wanted), options.out)
    say("", next_steps(wanted, str(options.out)).rstrip())


def _store(config: Config, named: str | None) -> Database:
    parts = split_url(config.influxdb.url)
    told = "victoriametrics" if "/insert/" in parts.path else _PORTS.get(parts.port or 0)
    found = named or (told if config.file is not None else None)
    if found is None:
        raise ConfigurationFault([f"--store: name one of {', '.join(_STORES)}: no address of gateway.yaml tells it"])
    return _STORES[found]


def _pages(config: Config) -> str:
    """The address at which others open the pages."""
    http, name = config.http, next(iter(config.http.hosts), config.http.host)
    if is_loopback(http.host) or name in _EVERY_ADDRESS:
        why = "each reader's own machine" if is_loopback(http.host) else "no name, and http.hosts has none"
        raise ConfigurationFault([f"--pages: {http.host} (http.host) is {why}; {_PAGES}"])
    scheme = "http" if http.tls.cert is None else "https"
    port = "" if http.port == _USUAL_PORTS[scheme] else f":{http.port}"
    return f"{scheme}://{f'[{name}]' if ':' in name else name}{port}"


def _address(option: str, text: str) -> str:
    """Read an address that is put before a path."""
    try:
        host = split_url(TypeAdapter(_PageAddress).validate_python(text)).hostname or ""
    except ValidationError as error:
        raise ConfigurationFault([f"{option}: {error.errors()[0]['msg'].removeprefix('Value error, ')}"]) from error
    if is_loopback(host):
        warn(f"{option}: {host} is each reader's own machine")
    return text.rstrip("/")


def _write(files: dict[str, str], out: Path) -> None:
    """Write what differs, say so, and name what an earlier run left."""
    ours = {name.partition("/")[0] for name in files}
    left = {path.relative_to(out).as_posix() for top in ours for path in (out / top).rglob("*.*")} - files.keys()
    with blaming(f"{out}: cannot be written"):
        found = {name: read_bytes(out / name) if (out / name).is_file() else None for name in files}
        differing = [name for name, text in files.items() if found[name] != text.encode()]
        for name in differing:
            with as_owner(out / name):
                (out / name).parent.mkdir(parents=True, exist_ok=True)
            with placed(out / name, _MODE) as file:
                file.write(files[name].encode())
    show(f"{out}: {len(differing)} files written, {len(files) - len(differing)} as they were")
    for name in sorted(left):
        show(f"{out / name}: is none of these files; remove it, and where it was installed, if it is of an earlier run")
