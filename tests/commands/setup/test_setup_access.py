"""``gateway setup access``: the account of an agency, and what it is told about the database."""

import json
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
import yaml

from gateway.commands.demo.services import Program, Service, find_program, free_port
from gateway.support.access.accounts import DeviceScope, load_accounts
from tests.system.rig import run_gateway

REGISTRY = """
areas: {p-01: An Bình, x.02: Long Hòa}
devices:
  - {id: wm-1, domain: water, area: p-01}
  - {id: wm-2, domain: water, area: x.02}
  - {id: pm-1, domain: power, area: p-01}
  - {id: blank}
"""
OWN_BUCKET: dict[str, Any] = {
    "mqtt": {"subscriptions": ["iot/v1/+/water/+/readings", "iot/v1/+/water/+/status"]},
    "devices": {"unknown": "quarantine"},
    "influxdb": {"api": "v1", "bucket": "water"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "devices.yaml").write_text(REGISTRY, encoding="utf-8")
    configure(tmp_path)
    return tmp_path


def configure(folder: Path, **sections: dict[str, Any]) -> None:
    (folder / "gateway.yaml").write_text(json.dumps({"http": {"tokens_file": "tokens"}, **sections}))


def access(folder: Path, *arguments: str | Path, status: int = 0) -> str:
    done = run_gateway("setup", "access", *arguments, "-c", folder / "gateway.yaml")
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout if status == 0 else done.stderr


def test_an_agency_gets_an_account_with_its_limit_and_the_audit_log_has_it(folder: Path) -> None:
    said = access(folder, "so-nuoc", "--domain", "water", "--area", "p-01", "--area", "x.02")
    (account,) = load_accounts(folder / "tokens")
    assert (account.name, account.role.word) == ("so-nuoc", "read")
    assert account.scope == DeviceScope("water", frozenset({"p-01", "x.02"}))
    assert "2 of the 4 registered devices belong to it; 1 have no domain there" in said
    assert "InfluxDB limits a token to a bucket, not to areas" in said
    assert access(folder, "so-nuoc", "--domain", "water", status=2).endswith("--replace gives a new one and ends the old\n")
    access(folder, "so-nuoc", "--domain", "power", "--replace")
    access(folder, "so-nuoc", "--remove")
    assert load_accounts(folder / "tokens") == []
    done = run_gateway("audit", "list", "--json", "-c", folder / "gateway.yaml")
    told = [(entry["action"], entry.get("before"), entry.get("after")) for entry in map(json.loads, done.stdout.splitlines())]
    assert told == [
        ("access removed", "domain=power", None),
        ("access given", "domain=water area=p-01,x.02", "domain=power"),
        ("access given", None, "domain=water area=p-01,x.02"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["a b", "--domain", "water"], "AGENCY: 'a b' is no name of an account", id="name"),
        pytest.param(["ubnd"], "--domain: name the domain that the agency may read", id="no-domain"),
        pytest.param(["ubnd", "--domain", "gas"], "--domain: name one of water, power, traffic, urban", id="domain"),
        pytest.param(["ubnd", "--domain", "water", "--area", "p-99"], "--area: p-99: no such area in the registry", id="area"),
        pytest.param(["ubnd", "--remove"], "there is no account ubnd", id="nobody"),
        pytest.param(["lan", "--domain", "water", "--replace"], "lan has an account without a limit", id="not-an-agency"),
        pytest.param(["ubnd", "--domain", "water", "--vmauth", "bad.yml"], "bad.yml: --vmauth: is no conf", id="vmauth"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(folder)
    (folder / "bad.yml").write_text("users: 5\n")
    done = run_gateway("setup", "token", "lan", "admin", "-c", folder / "gateway.yaml")
    assert done.returncode == 0
    before = (folder / "tokens").read_text()
    assert said in access(folder, *arguments, status=2)
    assert (folder / "tokens").read_text() == before


def test_the_role_of_an_agency_is_not_raised_by_a_new_token(folder: Path) -> None:
    access(folder, "so-nuoc", "--domain", "water")
    done = run_gateway("setup", "token", "so-nuoc", "admin", "--replace", "-c", folder / "gateway.yaml")
    assert (done.returncode, "has a limit, so its role stays read" in done.stderr) == (2, True)
    done = run_gateway("setup", "token", "so-nuoc", "read", "--replace", "-c", folder / "gateway.yaml")
    assert done.returncode == 0
    assert [account.scope for account in load_accounts(folder / "tokens")] == [DeviceScope("water")]


def test_the_database_is_opened_only_where_the_bucket_holds_nothing_else(folder: Path) -> None:
    assert "no token of the database: the bucket iot takes what comes by iot/v1/+/+/+/readings" in access(
        folder, "a", "--domain", "water"
    )
    configure(folder, **OWN_BUCKET | {"devices": {}})
    assert "takes devices that are not registered" in access(folder, "b", "--domain", "water")
    configure(folder, **OWN_BUCKET)
    assert "devices of other domains are registered" in access(folder, "c", "--domain", "water")
    (folder / "devices.yaml").write_text("devices: [{id: wm-1, domain: water}]\n")
    assert 'GRANT READ ON "water" TO "d"' in access(folder, "d", "--domain", "water")
    configure(folder, **OWN_BUCKET | {"influxdb": {"org": "province", "bucket": "water"}})
    configure(folder, **OWN_BUCKET | {"influxdb": {"api": "v1", "bucket": "water/raw", "rollups": {"bucket": "sums"}}})
    assert access(folder, "f", "--domain", "water").endswith('; GRANT READ ON "water" TO "f"; GRANT READ ON "sums" TO "f"\n')
    configure(folder, **OWN_BUCKET | {"influxdb": {"org": "province", "bucket": "water"}})
    said = access(folder, "e", "--domain", "water")
    assert "influx auth create --org province --read-bucket ID_OF_water --description e" in said


def keys_of(part: object) -> set[str]:
    """All keys of a document."""
    if isinstance(part, dict):
        return set(part).union(*map(keys_of, part.values()))
    return set().union(*map(keys_of, part)) if isinstance(part, list) else set()


def test_the_file_for_vmauth_has_only_what_one_of_debian_12_understands(folder: Path) -> None:
    configure(folder, influxdb={"url": "http://one:8428", "rollups": {"url": "http://vmselect:8481/select/0/prometheus"}})
    access(folder, "so-nuoc", "--domain", "water", "--vmauth", folder / "vmauth.yml")
    document = yaml.safe_load((folder / "vmauth.yml").read_text())
    assert keys_of(document) == {"users", "name", "bearer_token", "url_map", "src_paths", "url_prefix", "headers"}
    raw, rollups = ((route["src_paths"][0], route["url_prefix"]) for route in document["users"][0]["url_map"])
    assert (raw[0], raw[1].partition("?")[0]) == ("/api/v1/query", "http://one:8428/")
    assert (rollups[0], rollups[1].partition("?")[0]) == ("/prometheus/api/v1/query", "http://vmselect:8481/select/0/")


# On VictoriaMetrics, behind its own proxy.

POINTS = """water,area=x.02,device=own volume_m3=1
water,area=xy02,device=foreign-1 volume_m3=2
power,area=x.02,device=foreign-2 energy_import_kwh=3
device_health,area=x.02,device=foreign-3 battery_pct=4
daily_area,area=x.02,domain=water volume_used_m3=5
daily_area,area=x.02,domain=power energy_import_used_kwh=6"""
ALL = {"query": '{__name__=~".+"}', "latency_offset": "1ms"}
WIDER = '{device!=""}'


class Proxy:
    """vmauth as the command configured it, and an agency that asks through it."""

    def __init__(self, folder: Path, store: Service) -> None:
        behind = store.url.replace("127.0.0.1", "localhost")  # the same, as a second process would be
        configure(folder, influxdb={"url": store.url, "rollups": {"url": behind}})
        said = access(folder, "so-nuoc", "--domain", "water", "--area", "x.02", "--vmauth", folder / "vmauth.yml")
        self.token = said.split("\n\n")[3].strip()
        port = free_port()
        arguments = [f"-auth.config={folder / 'vmauth.yml'}", f"-httpListenAddr=127.0.0.1:{port}"]
        program, url = Program(find_program("vmauth")), f"http://127.0.0.1:{port}"
        self.service = Service("vmauth", "127.0.0.1", port, folder, url, program, arguments, self._answers)

    def _answers(self) -> bool:
        try:
            return self.ask("/api/v1/labels", {})[0] == 200
        except OSError:
            return False

    def ask(self, path: str, query: dict[str, str], body: bytes | None = None, kind: str = "") -> tuple[int, str]:
        """Status and body of an answer."""
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Content-Type": kind} if kind else {})
        request = Request(f"{self.service.url}{path}?{urlencode(query)}", body, headers)  # noqa: S310 - our own service
        try:
            with urlopen(request, timeout=20) as response:  # noqa: S310
                return response.status, response.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()


@pytest.mark.real
def test_vmauth_shows_an_agency_its_series_whatever_it_asks(folder: Path, victoria_metrics: Service) -> None:
    minute_ago_ms = int(time.time() * 1000) - 60_000
    lines = "".join(f"{line} {minute_ago_ms}\n" for line in POINTS.splitlines())
    for path, body in (("/write?precision=ms", lines), ("/internal/force_flush", "")):
        with urlopen(Request(f"{victoria_metrics.url}{path}", body.encode()), timeout=20) as answer:  # noqa: S310
            assert answer.status in {200, 204}
    proxy = Proxy(folder, victoria_metrics)
    form, kind = urlencode({**ALL, "extra_filters[]": WIDER}).encode(), "application/x-www-form-urlencoded"
    with proxy.service:
        told = proxy.ask("/api/v1/query", ALL)[1]
        assert "own" in told
        assert "volume_used" in told
        assert "volume_used" in proxy.ask("/prometheus/api/v1/query", ALL)[1]
        asked = [
            proxy.ask("/api/v1/query", ALL),
            *(proxy.ask("/api/v1/query", ALL | {key: WIDER}) for key in ("extra_filters", "extra_filters[]", "extra_label")),
            proxy.ask("/api/v1/query", ALL, form, kind),
            proxy.ask("/api/v1/query", {}, form, kind),
            proxy.ask("/prometheus/api/v1/query", ALL),
            proxy.ask("/prometheus/api/v1/query", ALL | {"extra_filters[]": WIDER}, form, kind),
            proxy.ask("/api/v1/series", {"match[]": WIDER}),
            proxy.ask("/api/v1/label/device/values", {}),
            proxy.ask("/api/v1/label/__name__/values", {}),
        ]
        refused = [
            proxy.ask(path, {"match[]": WIDER})[0]
            for path in (
                "/api/v1/export",
                "/prometheus/federate",
                "/api/v1/admin/tsdb/delete_series",
                "/api/v1/status/tsdb",
                "/api/v1/import",
            )
        ]
    assert [body for _, body in asked if "foreign" in body or "power" in body or "energy" in body] == []
    assert refused == [400] * 5
    access(folder, "so-nuoc", "--remove", "--vmauth", folder / "vmauth.yml")
    assert yaml.safe_load((folder / "vmauth.yml").read_text()) == {"users": []}


def test_a_file_of_vmauth_that_cannot_be_written_leaves_no_account(folder: Path) -> None:
    assert "cannot be written" in access(folder, "x", "--domain", "water", "--vmauth", folder / "gone" / "v.yml", status=2)
    assert not (folder / "tokens").exists()


def test_other_users_of_vmauth_stay(folder: Path) -> None:
    file = folder / "vmauth.yml"
    others = {"unauthorized_user": {"url_prefix": "http://a/"}, "users": [{"username": "grafana", "password": "x"}]}
    file.write_text(yaml.safe_dump(others))
    access(folder, "so-nuoc", "--domain", "water", "--vmauth", file)
    access(folder, "so-nuoc", "--domain", "power", "--vmauth", file, "--replace")
    written = yaml.safe_load(file.read_text())
    assert written["unauthorized_user"] == others["unauthorized_user"]
    assert [user.get("username") or user["name"] for user in written["users"]] == ["grafana", "so-nuoc"]
    assert "power_" in written["users"][1]["url_map"][0]["url_prefix"]
