"""``gateway setup influxdb``: databases or buckets, how long they keep, and accounts with no more rights than they need."""

import argparse
from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from gateway.admin.databases import victoria_metrics
from gateway.admin.databases.influxdb1_and_3 import Influxdb1, Influxdb3
from gateway.admin.databases.steps import (
    DatabaseKind,
    DatabaseUser,
    KeptPlace,
    OtherRetention,
    SetupFault,
    SetupStep,
    kind_of,
)
from gateway.commands import reaching
from gateway.commands.setup.settings import beside, put_settings
from gateway.commands.terminal import add_path, add_yes, confirmed, show, with_config
from gateway.ingest.database.metricsql_http import is_cluster, process_url
from gateway.support.config.files import DEFAULT_FILE, ConfigurationFault, secret
from gateway.support.config.model import Config, Influxdb
from gateway.support.plain_http import NoAnswer, PlainHttp
from gateway.support.tls import database_tls
from schemas.durations import format_duration, parse_duration

if TYPE_CHECKING:
    from gateway.admin.databases.influxdb2 import Influxdb2

DatabaseAdministration: TypeAlias = "Influxdb1 | Influxdb2 | Influxdb3"
_MONTHS: Final = timedelta(days=62)
"""A month that has ended is written again for a reading that comes late; the point stands at its beginning."""
_NO_SECOND: Final = (
    "Roll-ups stand beside the readings only, and are kept as long. To keep them longer name a second place in "
    "gateway.yaml and repeat this command: influxdb.rollups.{key}: {example}"
)


def add_options(influxdb: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway setup influxdb``."""
    with_config(influxdb, setup_influxdb, or_defaults=True)
    kept = "how long readings are kept, such as 800d, or forever (default: 1100d)"
    influxdb.add_argument("--keep", type=_kept, default=timedelta(days=1100), metavar="T", help=kept)
    longer = "the same for influxdb.rollups (default: forever)"
    influxdb.add_argument("--keep-rollups", type=_kept, default=None, metavar="T", help=longer)
    influxdb.add_argument("--change-retention", action="store_true", help="change how long a database that is there keeps")
    influxdb.add_argument("--admin", metavar="NAME", help="InfluxDB 1: a user with all privileges, if it asks for users")
    add_path(influxdb, "--admin-password-file", "FILE", "InfluxDB 1: a file with the password of that user")
    add_path(influxdb, "--admin-token-file", "FILE", "InfluxDB 2 and 3: a file with a token of all rights")
    add_path(influxdb, "--secrets", "DIR", "folder for passwords and tokens (default: secrets, beside gateway.yaml)")
    influxdb.add_argument("--replace", action="store_true", help="give new passwords and tokens; the old ones end")
    written = "write VictoriaMetrics' files"
    influxdb.add_argument("--victoria-metrics", action="store_true", help=f"{written} though it does not run yet")
    add_path(influxdb, "--root", "DIR", f"{written} below this folder (default: /)", "/")
    influxdb.add_argument("--dry-run", action="store_true", help="say what would be done")
    add_yes(influxdb)


class DatabaseDone(NamedTuple):
    """Tells if something was done, what a person may do next, and if gateway.yaml has all its lines."""

    changed: bool
    next: Sequence[str] = ()
    is_told: bool = True


def setup_influxdb(config: Config, options: argparse.Namespace) -> None:
    """Set up, and say what is next; faults as below."""
    for line in set_up_database(config, options).next:
        show(line)


def set_up_database(config: Config, options: argparse.Namespace, *, keeps: bool = False) -> DatabaseDone:
    """Set up; 3 when the database does not answer or refuses, ConfigurationFault if a setting or an option is wrong.

    :param keeps: a database that is there keeps what it keeps.
    """
    places = _places(config, options)
    with reaching(SetupFault, NoAnswer):
        if is_cluster(config.influxdb.asked_url):
            _see_cluster(config, places, options)
            return DatabaseDone(changed=False)
        if options.victoria_metrics:
            return _write_files(config, places, options)
        return _set_up(config, places, options, keeps=keeps)


def _set_up(config: Config, places: Sequence[KeptPlace], options: argparse.Namespace, *, keeps: bool) -> DatabaseDone:
    """Set up the database that answers, and write into gateway.yaml what it lacks."""
    http = _server(config.influxdb, config.influxdb.url, options)
    kind, version = kind_of(http)
    if kind is DatabaseKind.VICTORIA_METRICS:
        return _write_files(config, places, options)
    administration = _administration(kind, version, http, config.influxdb, options)
    show(f"{config.influxdb.url}: {administration.name}")
    secrets = options.secrets or (config.file or DEFAULT_FILE.absolute()).parent / "secrets"
    users = administration.users(config.influxdb, config.mqtt.client_id, secrets)
    done = []
    for place in places:
        try:
            done.append(_carry_out(administration.keep(place, change=options.change_retention), options))
        except OtherRetention as fault:
            if not keeps:
                raise
            show(f"{fault} (gateway setup influxdb)")
    done += [_carry_out(administration.give(user, places, replace=options.replace), options) for user in users]
    lacking = _lacking(config, administration, users)
    is_told = put_settings(config.file, {"influxdb": lacking}, dry_run=options.dry_run)
    variable = "INFLUXDB_PASSWORD" if administration.api == "v1" else "INFLUXDB_TOKEN"
    more = [] if config.influxdb.of_rollups() else [_NO_SECOND.format(key="bucket", example="iot-rollups")]
    grafana = f"Grafana: the last file, {users[-1].file}, for {variable}; its dashboards: gateway setup grafana"
    return DatabaseDone(any(done) or bool(lacking), ["", *more, "Then: gateway check --connect", grafana], is_told)


def _places(config: Config, options: argparse.Namespace) -> list[KeptPlace]:
    """The places, with the time that each keeps; ConfigurationFault if it is too short for readings or roll-ups."""
    needed = config.time.max_past + _MONTHS
    if options.keep is not None and options.keep < needed:
        late = f"readings may come {format_duration(config.time.max_past)} late (time.max_past), and change the month before"
        raise ConfigurationFault([f"--keep: at least {format_duration(needed)}: {late}"])
    first = KeptPlace(config.influxdb, options.keep)
    second = config.influxdb.of_rollups()
    if second is None:
        return [first]
    longer = options.keep_rollups
    if longer is not None and (options.keep is None or longer < options.keep):
        raise ConfigurationFault(["--keep-rollups: roll-ups are what is kept longer; give more than --keep, or forever"])
    return [first, KeptPlace(second, longer)]


def _server(config: Influxdb, url: str, options: argparse.Namespace) -> PlainHttp:
    """The server at an address, asked with the administrator's rights; ConfigurationFault if a file cannot be read."""
    headers = {}
    if (token := secret(None, options.admin_token_file)) is not None:
        headers["Authorization"] = f"Bearer {token}"
    elif options.admin is not None:
        password = secret(None, options.admin_password_file) or ""
        headers["Authorization"] = "Basic " + b64encode(f"{options.admin}:{password}".encode()).decode()
    return PlainHttp(url, headers, database_tls(config))


def _administration(
    kind: DatabaseKind, version: str, http: PlainHttp, config: Influxdb, options: argparse.Namespace
) -> DatabaseAdministration:
    if config.rollups.url not in {None, config.url}:
        raise SetupFault("influxdb.rollups.url: another server is set up by a configuration that has it as influxdb.url")
    if kind is DatabaseKind.INFLUXDB_1:
        return Influxdb1(http, version)
    if kind is DatabaseKind.INFLUXDB_3:
        return Influxdb3(http, version)
    token = secret(None, options.admin_token_file)
    if token is None:
        raise ConfigurationFault(["--admin-token-file: InfluxDB 2 needs a token of all rights; `influx setup` makes the first"])
    try:
        from gateway.admin.databases.influxdb2 import Influxdb2  # noqa: PLC0415 - of an extra
    except ModuleNotFoundError as error:
        raise ConfigurationFault(
            [f"{error.name} is missing; it comes with the extra: pip install 'province-gateway[setup]'"]
        ) from error
    return Influxdb2(config, token, version)


def _carry_out(steps: Iterable[SetupStep], options: argparse.Namespace) -> bool:
    """Carry out steps, one after the other, and say each when it is done; tell if one was not done before."""
    changed = False
    for step in steps:
        if step.do is not None and not options.dry_run:
            if step.loses:
                confirmed(options, step.text)
            step.do()
        changed = changed or step.do is not None
        show(f"would do: {step.text}" if step.do is not None and options.dry_run else step.text)
    return changed


def _see_cluster(config: Config, places: Sequence[KeptPlace], options: argparse.Namespace) -> None:
    """See that a cluster of VictoriaMetrics counts right, and say what its processes need."""
    _check_second_process(config, places)
    url = config.influxdb.asked_url
    asked, process = (_server(config.influxdb, one, options) for one in (url, process_url(url)))
    show(f"{url}: a cluster of VictoriaMetrics; its settings are flags of processes elsewhere, so nothing is written")
    flags = list(victoria_metrics.flags_of(places))
    if not options.victoria_metrics:
        show(victoria_metrics.check_dedup(asked, process))
    print("\n".join(["", "They need these flags, for two copies of each point on three vmstorage or more:", *flags]))
    print(
        "It asks nobody for a password: let only gateways, Grafana and vmalert reach its ports.\nThen: gateway check --connect"
    )


def _check_second_process(config: Config, places: Sequence[KeptPlace]) -> None:
    if len(places) > 1 and config.influxdb.rollups.url is None:
        raise SetupFault(
            "influxdb.rollups.bucket: VictoriaMetrics has no buckets; name another process in influxdb.rollups.url"
        )


def _write_files(config: Config, places: Sequence[KeptPlace], options: argparse.Namespace) -> DatabaseDone:
    """Write the files of VictoriaMetrics' processes."""
    _check_second_process(config, places)
    wanted = victoria_metrics.files_of(config, places, options.root)
    print("VictoriaMetrics: its settings are flags of its processes, which stand in these files")
    changed = _carry_out(victoria_metrics.steps(wanted), options)
    services = " ".join(["victoria-metrics"] + (["victoria-metrics-rollups"] if len(places) > 1 else []))
    more = [_NO_SECOND.format(key="url", example="http://127.0.0.1:8429")] if len(places) == 1 else []
    return DatabaseDone(changed, [*more, *(line.format(services=services) for line in _NEXT)])


_NEXT: Final = (
    "",
    "Next:",
    "  1. sudo systemctl daemon-reload",
    "  2. sudo systemctl enable --now {services}; sudo systemctl restart {services}",
    "  3. vmalert -rule=/etc/victoria-metrics/gateway.rules.yaml -datasource.url=ADDRESS -notifier.url=ALERTMANAGER",
    "  4. it asks nobody for a password: let no other machine reach its port",
)


def _lacking(config: Config, administration: DatabaseAdministration, users: Sequence[DatabaseUser]) -> dict[str, str]:
    """The settings that the section of the database lacks."""
    own, reading = users[0], next(user for user in users if user.reads)
    wanted: dict[str, str | Path] = {"api": administration.api}
    if administration.api == "v1":
        wanted |= {"username": own.name, "password_file": own.file}
    else:
        wanted |= {"org": administration.org} if administration.org else {}
        wanted |= {"token_file": own.file} | ({"read_token_file": reading.file} if reading.file != own.file else {})
    lacking = {key: value for key, value in wanted.items() if getattr(config.influxdb, key) != value}
    return {key: beside(config.file, value) if isinstance(value, Path) else value for key, value in lacking.items()}


def _kept(text: str) -> timedelta | None:
    """Read how long something is kept; None: for ever."""
    if text == "forever":
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
