"""Kinds of databases told apart, retention changed on InfluxDB 2, and what vmauth and vmselect are told."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.admin.databases.steps import SetupFault, kept_text, kind_of
from gateway.admin.databases.victoria_metrics import dedup_fault, vmauth_user, with_user
from gateway.support.access.accounts import DeviceScope
from gateway.support.plain_http import HttpAnswer
from tests.admin.databases.commanding import Said, configure, setup
from tests.admin.databases.stubs import ADMIN, influxdb2
from tests.rows import each_row


class Probed:
    """A server that answers the two probes."""

    url = "http://db"

    def __init__(self, first: bytes, ping: HttpAnswer) -> None:
        self._first, self._ping = first, ping

    def form(self, path: str, form: dict[str, str]) -> HttpAnswer:
        """Answer the question that only VictoriaMetrics knows."""
        assert (path, form) == ("/api/v1/query", {"query": "1"})
        return HttpAnswer(200, self._first)

    def send(self, method: str, path: str) -> HttpAnswer:
        """Answer the ping."""
        assert (method, path) == ("GET", "/ping")
        return self._ping


def _pong(version: str) -> HttpAnswer:
    return HttpAnswer(204, b"", {"x-influxdb-version": version})


@each_row(
    ("first", "ping", "kind", "version"),
    [
        (b'{"status": "success"}', _pong("1.8"), "VICTORIA_METRICS", ""),
        (b'{"status": "error"}', _pong("1.8.10"), "INFLUXDB_1", "1.8.10"),
        (b"<html>", _pong("v2.7.1"), "INFLUXDB_2", "2.7.1"),
        (b"[]", HttpAnswer(200, b'{"version": "3.1.0"}'), "INFLUXDB_3", "3.1.0"),
    ],
)
def test_a_database_is_known_by_what_only_it_answers(first: bytes, ping: HttpAnswer, kind: str, version: str) -> None:
    found, told = kind_of(Probed(first, ping))  # type: ignore[arg-type]  # as far as it is asked
    assert (found.name, told) == (kind, version)


@each_row(
    ("ping", "said"),
    [
        (_pong("9.1"), "http://db is InfluxDB 9.1, which is not known"),
        (HttpAnswer(404, b"nothing"), r"http://db is not an InfluxDB \(404 nothing\)"),
        (HttpAnswer(200, b"{}"), r"http://db is not an InfluxDB \(200 \{\}\)"),
    ],
)
def test_something_else_is_not_taken_for_a_database(ping: HttpAnswer, said: str) -> None:
    with pytest.raises(SetupFault, match=said):
        kind_of(Probed(b"", ping))  # type: ignore[arg-type]  # as far as it is asked


def administer(folder: Path, url: str, *arguments: str, **influxdb: object) -> Said:
    """Set InfluxDB 2 up with a token of all rights."""
    (folder / "admin").write_text(f"{ADMIN}\n")
    return setup(configure(folder, url=url, **influxdb), "--admin-token-file", folder / "admin", *arguments)


def test_how_long_a_bucket_keeps_is_changed_only_when_that_is_said(tmp_path: Path) -> None:
    with influxdb2() as (url, stub):
        administer(tmp_path, url, "--keep", "800d")
        refused = administer(tmp_path, url, "--keep", "900d")
        assert (refused.status, "bucket iot is there and keeps 800 days, not 900 days" in refused.err) == (3, True)
        said = administer(tmp_path, url, "--keep", "900d", "--change-retention", "--yes")
        assert "bucket iot: changed from 800 days to 900 days; what it has deleted already does not come back\n" in said.out
        assert stub.buckets[0]["retentionRules"] == [{"type": "expire", "everySeconds": 900 * 86_400}]
        administer(tmp_path, url, "--keep", "forever", "--change-retention", "--yes")
        assert stub.buckets[0]["retentionRules"] == [{"type": "expire", "everySeconds": 0}]


def test_the_organisation_is_found_by_its_name_or_id_or_named_as_missing(tmp_path: Path) -> None:
    with influxdb2() as (url, _):
        for org in ("province", "0000000000000001"):
            assert administer(tmp_path, url, "--dry-run", org=org).status == 0
        said = administer(tmp_path, url, org="other")
        assert (said.status, said.err) == (3, f"{url}: there is no organisation other; organisations there: province\n")


def test_a_token_whose_file_is_gone_is_not_made_again_by_itself(tmp_path: Path) -> None:
    with influxdb2() as (url, stub):
        administer(tmp_path, url)
        (tmp_path / "secrets" / "grafana.token").unlink()
        said = administer(tmp_path, url)
        assert (said.status, "the token gateway-1: Grafana reads is there, and " in said.err) == (3, True)
        assert "may write iot: is there; " in said.out
        before = len(stub.tokens)
        assert administer(tmp_path, url, "--replace", "--yes").status == 0
        assert len(stub.tokens) == before


def test_another_bucket_under_the_same_name_of_influxql_is_refused(tmp_path: Path) -> None:
    with influxdb2(maps_by_itself=False) as (url, stub):
        stub.mappings.append(
            {"id": "m9", "orgID": "x", "bucketID": "b9", "database": "iot", "retention_policy": "autogen", "default": True}
        )
        said = administer(tmp_path, url)
        assert said.status == 3
        assert said.err == f"{url}: the database iot of InfluxQL is another bucket; see `influx v1 dbrp list`\n"
        stub.mappings[0]["retention_policy"] = "other"
        assert administer(tmp_path, url).status == 0


def test_an_api_that_fails_is_told_with_its_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with influxdb2() as (url, stub):
        monkeypatch.setattr(stub, "decide", lambda *_: (500, {"message": "broken"}))
        said = administer(tmp_path, url)
    assert (said.status, said.err) == (3, f"{url} answers 500 broken\n")


def test_times_are_told_in_days_where_they_are_whole() -> None:
    assert [kept_text(one) for one in (None, timedelta(days=2), timedelta(hours=36), timedelta(hours=1.5))] == [
        "for ever",
        "2 days",
        "36 hours",
        "1.5 hours",
    ]


def test_a_process_counts_a_point_once_only_with_its_flag() -> None:
    assert dedup_fault('dedup.minScrapeInterval="1ms"') == ""
    assert "Interval=30s: restart it with 1ms" in dedup_fault('dedup.minScrapeInterval="30s"')
    assert dedup_fault("").startswith("runs with -dedup.minScrapeInterval=0s: ")


def test_a_reader_of_vmauth_sees_its_domain_and_areas_by_questions_alone() -> None:
    scope = DeviceScope("water", frozenset({"p.01", "p-02"}))
    user = vmauth_user("agency", "token", scope, "http://vm:8428/", "http://r/prometheus/")
    readings, rollups = user["url_map"]
    paths = ["query", "query_range", "series", "labels", "label/[^/]+/values"]
    assert readings["src_paths"] == [f"/api/v1/{path}" for path in paths]
    assert rollups["src_paths"] == [f"/prometheus/api/v1/{path}" for path in paths]
    assert readings["url_prefix"].startswith("http://vm:8428/?extra_filters[]=%7B__name__%3D~%22water_.%2B%22")
    assert rollups["url_prefix"].startswith("http://r/?extra_filters[]=")
    assert readings["url_prefix"].count("&") == 3
    assert "p-02%7Cp%5B.%5D01" in readings["url_prefix"]
    assert readings["headers"] == ["Content-Type:"]
    kept = with_user({"unauthorized": 1, "users": [{"name": "a"}, {"name": "agency"}]}, "agency", user)
    assert json.dumps(kept) == json.dumps({"unauthorized": 1, "users": [{"name": "a"}, user]})
    assert with_user({}, "agency", None) == {"users": []}
