"""InfluxDB 1 is set up: retention per kind, and accounts that may do what they need and nothing else."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from tests.admin.databases.commanding import Said, configure, setup
from tests.influx import query

pytestmark = pytest.mark.real
ADMIN = ("admin", "secret of the administrator")


def asked(url: str, path: str, form: dict[str, str], user: str, password: str, body: bytes | None = None) -> int:
    """The status of a request by a user."""
    credentials = b64encode(f"{user}:{password}".encode()).decode()
    request = Request(f"{url}{path}?{urlencode(form)}", body, {"Authorization": f"Basic {credentials}"})  # noqa: S310
    try:
        with urlopen(request, timeout=20) as answer:  # noqa: S310 - our own server
            if path == "/query":
                (result,) = json.load(answer)["results"]
                return 400 if "error" in result else 200
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def writes(url: str, database: str, user: str, password: str) -> int:
    """The status of a write by a user."""
    return asked(url, "/write", {"db": database, "precision": "ms"}, user, password, b"water,device=d flow_m3_h=1.0")


def reads(url: str, database: str, user: str, password: str) -> int:
    """The status of a question by a user."""
    return asked(url, "/query", {"db": database, "q": "SELECT * FROM water"}, user, password)


def retention(url: str, database: str) -> list[tuple[str, str, bool]]:
    """The retention policies of a database."""
    rows = query(url, database, f'SHOW RETENTION POLICIES ON "{database}"')
    return [(row["name"], row["duration"], row["default"]) for row in rows]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Service]:
    """InfluxDB 1 that asks for users, with its administrator alone."""
    folder = tmp_path / "influxdb"
    folder.mkdir()
    service = services.influxdb(folder, database="other")
    with service:
        query(service.url, "", f"CREATE USER {ADMIN[0]} WITH PASSWORD '{ADMIN[1]}' WITH ALL PRIVILEGES")
        service.stop()
        file = folder / "influxdb.conf"
        file.write_text(file.read_text().replace("[http]\n", "[http]\nauth-enabled = true\n"))
        service.answers = lambda: _is_up(service.url)
        service.start()
        service.wait_ready()
        yield service


def _is_up(url: str) -> bool:
    try:
        return asked(url, "/query", {"q": "SHOW DATABASES"}, *ADMIN) == 200
    except OSError:
        return False


def test_a_database_for_each_retention_is_made_once(influxdb: Service, tmp_path: Path) -> None:
    config = configure(tmp_path, url=influxdb.url, api="v1", bucket="readings", rollups={"bucket": "rollups"})
    planned = setup(config, "--keep", "800d", "--dry-run")
    assert planned.status == 0
    assert "would do: database readings: created, keeps 800 days" in planned.out
    assert not {row["name"] for row in query(influxdb.url, "", "SHOW DATABASES")} & {"readings", "rollups"}
    assert setup(config, "--keep", "800d").status == 0
    assert retention(influxdb.url, "readings") == [("autogen", "19200h0m0s", True)]
    assert retention(influxdb.url, "rollups") == [("autogen", "0s", True)]
    before = (tmp_path / "secrets" / "influxdb.password").read_text()
    again = setup(config, "--keep", "800d")
    assert again.status == 0
    assert "database readings: is there and keeps 800 days" in again.out
    assert "created" not in again.out
    assert (tmp_path / "secrets" / "influxdb.password").read_text() == before
    assert "auth-enabled" in again.out


@pytest.mark.slow
def test_retention_policies_of_one_database_are_made_too(influxdb: Service, tmp_path: Path) -> None:
    config = configure(tmp_path, url=influxdb.url, api="v1", bucket="city/readings", rollups={"bucket": "city/years"})
    for _ in range(2):
        assert setup(config, "--keep", "800d", "--keep-rollups", "3650d").status == 0
        assert retention(influxdb.url, "city") == [("readings", "19200h0m0s", True), ("years", "87600h0m0s", False)]


def test_another_retention_is_changed_only_when_told(influxdb: Service, tmp_path: Path) -> None:
    config = configure(tmp_path, url=influxdb.url, api="v1", bucket="readings")
    query(influxdb.url, "", 'CREATE DATABASE "readings" WITH DURATION 30d REPLICATION 1')
    refused = setup(config, "--keep", "800d")
    assert refused.status == 3
    assert "database readings is there and keeps 30 days, not 800 days" in refused.err
    assert retention(influxdb.url, "readings")[0][1] == "720h0m0s"
    changed = setup(config, "--keep", "800d", "--change-retention", "--yes")
    assert changed.status == 0
    assert "changed from 30 days to 800 days" in changed.out
    assert retention(influxdb.url, "readings")[0][1] == "19200h0m0s"
    shorter = setup(config, "--keep", "400d")
    assert "--change-retention, which deletes what is older" in shorter.err


def guarded_setup(service: Service, folder: Path, *arguments: str, given: str = ADMIN[1]) -> Said:
    """Give the command as the administrator of the database."""
    config = configure(folder, url=service.url, api="v1", rollups={"bucket": "rollups"})
    (folder / "admin").write_text(given)
    return setup(config, "--admin", ADMIN[0], "--admin-password-file", folder / "admin", *arguments)


def test_the_gateway_writes_and_reads_and_grafana_only_reads(guarded: Service, tmp_path: Path) -> None:
    assert guarded_setup(guarded, tmp_path).status == 0
    url, secrets = guarded.url, tmp_path / "secrets"
    gateway = ("gateway", (secrets / "influxdb.password").read_text().strip())
    grafana = ("grafana", (secrets / "grafana.password").read_text().strip())
    assert [writes(url, place, *gateway) for place in ("iot", "rollups", "other")] == [204, 204, 403]
    assert [reads(url, place, *gateway) for place in ("iot", "rollups", "other")] == [200, 200, 403]
    assert [writes(url, place, *grafana) for place in ("iot", "rollups")] == [403, 403]
    assert [reads(url, place, *grafana) for place in ("iot", "rollups", "other")] == [200, 200, 403]
    assert asked(url, "/query", {"q": 'DROP DATABASE "iot"'}, *gateway) == 403
    assert (secrets / "influxdb.password").stat().st_mode & 0o777 == 0o640

    again = guarded_setup(guarded, tmp_path)
    assert again.status == 0
    assert "auth-enabled" not in again.out
    assert writes(url, "iot", *gateway) == 204
    assert guarded_setup(guarded, tmp_path, "--replace", "--yes").status == 0
    assert writes(url, "iot", *gateway) == 401
    assert writes(url, "iot", "gateway", (secrets / "influxdb.password").read_text().strip()) == 204


def test_passwords_that_are_lost_or_wrong_are_told(guarded: Service, tmp_path: Path) -> None:
    refused = guarded_setup(guarded, tmp_path, given="a guess")
    assert refused.status == 3
    assert "does not let us administer it (401 authorization failed)" in refused.err
    anonymous = setup(tmp_path / "gateway.yaml")
    assert anonymous.status == 3
    assert "--admin-password-file" in anonymous.err
    assert guarded_setup(guarded, tmp_path).status == 0
    file = tmp_path / "secrets" / "influxdb.password"
    file.write_text("something else\n")
    assert "is not the password of the user gateway" in guarded_setup(guarded, tmp_path).err
    file.unlink()
    assert f"the user gateway is there, and {file} is not" in guarded_setup(guarded, tmp_path).err


def test_times_that_make_no_sense_are_refused_before_anything_is_done(tmp_path: Path) -> None:
    config = configure(tmp_path, url="http://127.0.0.1:9", rollups={"bucket": "rollups"})
    short = setup(config, "--keep", "50d")
    assert (short.status, short.err) == (
        2,
        "--keep: at least 102d: readings may come 40d late (time.max_past), and change the month before\n",
    )
    assert "--keep-rollups: roll-ups are what is kept longer" in setup(config, "--keep", "800d", "--keep-rollups", "400d").err
    away = setup(config)
    assert (away.status, away.err) == (3, "http://127.0.0.1:9 does not answer: Connection refused\n")
