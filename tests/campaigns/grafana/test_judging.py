"""Parts of the judge: what it makes of a report, chooses at a head, lets through, and finds in rules of alerts."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.campaigns.grafana.boards import Board, described
from tests.campaigns.grafana.cases import Values, cases, one_of_each_kind
from tests.campaigns.grafana.points import Point, points
from tests.campaigns.grafana.report import Verdict, table, told
from tests.campaigns.grafana.rules import faults
from tests.campaigns.grafana.server import serve
from tests.campaigns.grafana.world import ODD_NAMES, under_odd_names

Json = dict[str, Any]


def panel(number: int = 1, **more: object) -> Json:
    return {
        "id": number,
        "title": f"panel {number}",
        "type": "stat",
        "inSight": True,
        "queries": [{"error": ""}],
        "isEmpty": False,
        "noValue": "",
        "faults": [],
        **more,
    }


def verdict(*panels: Json, case: str = "", **more: list[Json]) -> Verdict:
    report = {"panels": [*panels], "variables": [], "annotations": [], "faults": [], "seconds": 1.0, **more}
    return Verdict("influxdb", "vi", "water", case, report, is_measured=not case)


def kinds(found: Verdict) -> list[str]:
    return [kind for kind, _, _ in found.faults()]


def test_a_dashboard_of_good_panels_has_no_fault() -> None:
    good = verdict(panel(1), panel(2), {**panel(3), "type": "row", "title": "a heading"})
    assert (kinds(good), told(good), len(good.panels)) == ([], "", 2)


def test_an_empty_panel_says_why_or_is_a_fault() -> None:
    silent, speaking = panel(1, isEmpty=True), panel(2, isEmpty=True, noValue="Chưa có số liệu")
    others = [panel(number) for number in range(3, 20)]
    assert kinds(verdict(silent, *others)) == ["silent"]
    assert kinds(verdict(speaking, *others)) == []


def test_faults_of_the_page_are_told_with_their_place() -> None:
    found = verdict(
        panel(7, faults=[{"kind": "wide", "text": "412 px in\n 300"}]), faults=[{"kind": "variable", "text": "area"}]
    )
    assert told(found).splitlines() == ["influxdb vi water", "  wide: 7 panel 7: 412 px in 300", "  variable: area"]


def test_a_dashboard_is_measured_as_it_opens() -> None:
    hidden = [panel(number, inSight=False, queries=[{}] * 30) for number in range(100, 110)]
    heads: dict[str, list[Json]] = {"variables": [{"queries": [{}, {}]}], "annotations": [{}]}
    found = verdict(*(panel(number, queries=[{}, {}]) for number in range(18)), *hidden, case="", **heads)
    assert (len(found.in_sight), found.queries_at_open, kinds(found)) == (18, 39, [])
    assert kinds(verdict(*(panel(number) for number in range(21)))) == ["bar"]
    assert kinds(verdict(panel(1, queries=[{}] * 41))) == ["bar"]
    empty = [panel(number, isEmpty=True, noValue="none") for number in range(2)]
    assert kinds(verdict(*empty, *(panel(number) for number in range(10)))) == ["bar"]
    assert kinds(verdict(*empty, case="one")) == []
    none = [panel(number, isEmpty=True, noValue="0") for number in range(2)]
    assert kinds(verdict(*none, *(panel(number) for number in range(10)))) == [], "no open alarm is no missing figure"


def test_the_table_adds_up() -> None:
    lines = table([verdict(panel(1)), verdict(panel(2, faults=[{"kind": "cut", "text": ""}]))]).splitlines()
    assert [line.split()[:5] for line in (lines[0], lines[-1])] == [
        ["dashboard", "panels", "right", "empty", "faulty"],
        ["all", "2", "1", "0", "1"],
    ]


class Known(Values):
    """Values without a database."""

    def __init__(self, **known: list[str]) -> None:
        self._known = known

    def of(self, measurement: str, tag: str) -> list[str]:
        """Those of a tag."""
        assert measurement in {"water", "registry"}
        return [name for name in self._known[tag] if measurement != "water" or "-power-" not in name]


def variable(name: str, **more: object) -> Json:
    return {"name": name, "type": "query", "includeAll": True, **more}


def board(name: str, *variables: Json) -> Board:
    return Board(name, {"templating": {"list": [*variables]}, "time": {"from": "now-24h", "to": "now"}})


def test_a_dashboard_is_judged_with_all_and_one_of_them_with_odd_names() -> None:
    simulated = {"name": "simulated", "type": "custom", "options": [{"value": "sim-.*"}, {"value": "~"}]}
    head = [variable(name) for name in ("area", "site", "device")]
    known = Known(area=["A", "B (1)"], site=["s", "s/2"], device=["d-1", "d-2", "d.3"])
    (alone,) = cases(board("power", simulated, *head), known)
    assert alone.chosen == {"simulated": "~", "area": "All", "site": "All", "device": "All"}
    named = {case.name: case.chosen for case in cases(board("water", *head), known)}
    assert list(named) == ["", "one", "several", "names with . / ("]
    assert named["one"]["area"] == ["A"]
    assert named["names with . / ("] == {"area": ["B (1)"], "site": ["s/2"], "device": ["d.3"]}


def test_where_one_device_is_chosen_each_kind_is_judged() -> None:
    devices = ["sim-1-water-meter-0001", "sim-1-water-meter-0002", "sim-1-power-house-0001", "odd.name (1)"]
    assert one_of_each_kind(devices) == ["sim-1-power-house-0001", "sim-1-water-meter-0002"]
    found = list(cases(board("device", variable("device", includeAll=False)), Known(device=devices)))
    assert [case.chosen["device"] for case in found] == ["sim-1-power-house-0001", "sim-1-water-meter-0002"]
    (of_water,) = cases(board("device-water", variable("device", includeAll=False)), Known(device=devices))
    assert of_water.chosen["device"] == "sim-1-water-meter-0002"


def test_data_sources_are_told_to_the_page_as_they_are_provisioned() -> None:
    made: list[Json] = [
        {"uid": "a", "type": "influxdb", "name": "InfluxDB", "jsonData": {"dbName": "${INFLUXDB_DATABASE}"}},
        {"uid": "a-rollups", "type": "influxdb", "name": "roll-ups"},
        {
            "uid": "b",
            "type": "prometheus",
            "name": "VM",
            "jsonData": {"timeInterval": "1m", "customQueryParameters": "nocache=1"},
        },
    ]
    assert described(made, {"influxdb": "u", "prometheus": "v"}) == [
        {"uid": "a", "type": "influxdb", "name": "InfluxDB", "path": "/db/a", "database": "iot"},
        {"uid": "b", "type": "prometheus", "name": "VM", "path": "/db/b", "timeInterval": "1m", "parameters": "nocache=1"},
    ]


def test_a_meter_stands_there_once_more_under_odd_names_and_so_does_its_area() -> None:
    meter = {"area": "A", "device": "sim-1-water-meter-0001", "site": "s"}
    found = [
        Point("water", meter, {"volume_m3": 1.0}, 1),
        Point("hourly_area", {"area": "A"}, {"used_m3": 2.0}, 1),
        Point("water", meter | {"device": "sim-1-water-quality-0001"}, {"ph": 7.0}, 1),
        Point("hourly_area", {"area": "B"}, {"used_m3": 2.0}, 1),
    ]
    named = [(point.measurement, point.tags) for point in under_odd_names(found)]
    assert named == [("water", ODD_NAMES), ("hourly_area", {"area": ODD_NAMES["area"]})]


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def do_POST(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(418)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(self.path.encode() + b" " + body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@contextmanager
def echo() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(url: str, method: str, target: str, body: str | None = None) -> tuple[int, bytes]:
    address = urlsplit(url)
    connection = HTTPConnection(str(address.hostname), address.port, timeout=10)
    connection.request(method, target, body)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_the_server_has_the_bundle_and_the_databases_and_nothing_else(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "judge.js").write_text("code")
    (tmp_path / "secret").write_text("no")
    with echo() as database, serve(bundle, {"uid": database}) as url:
        assert asked(url, "GET", "/judge.js") == (200, b"code")
        assert asked(url, "GET", "/../secret")[0] == 404
        assert asked(url, "POST", "/db/uid/query?db=iot", "q=1") == (418, b"/query?db=iot q=1")
        assert asked(url, "POST", "/db/other/query", "q=1")[0] == 404


def rule(query: str, **more: object) -> Json:
    step = {"refId": "A", "datasourceUid": "a", "relativeTimeRange": {"from": 300, "to": 0}, "model": {"query": query}}
    words = {"condition": "A", "noDataState": "OK", "execErrState": "OK", "for": "60s", "labels": {}, "annotations": {}}
    return {"uid": "Rule", "title": "a rule", "data": [step], **words, **more}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (rule("SELECT 1 WHERE time > ${__from}ms"), "Rule, step A: Grafana's backend puts nothing in for ${__from}"),
        (rule("SELECT 1 WHERE area = '$area'"), "Rule, step A: Grafana's backend puts nothing in for $area"),
        (rule("SELECT 1 WHERE ${timeFilter}"), "Rule, step A: Grafana's backend puts nothing in for ${timeFilter}"),
        (
            rule("", noDataState="Nothing", data=[]) | {"condition": "B"},
            "Rule: its states or its time of waiting are no words of Grafana",
        ),
        (rule("", data=[]), "Rule: its condition A is none of its steps"),
    ],
)
def test_a_rule_that_grafana_would_not_take_is_found(wrong: Json, said: str) -> None:
    assert said in list(faults(iter([wrong]), {"a": {"type": "influxdb"}}, {}, 1_000_000))


def test_two_rules_of_one_uid_are_found() -> None:
    same = rule("", data=[])
    assert "Rule: two rules have this uid" in list(faults(iter([same, same]), {}, {}, 0))


def test_points_are_written_as_they_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: dict[str, list[Json]] = {
        "SHOW MEASUREMENTS": [{"name": "water"}],
        'SHOW FIELD KEYS FROM "water"': [
            {"fieldKey": "n", "fieldType": "integer"},
            {"fieldKey": "x", "fieldType": "float"},
            {"fieldKey": "s", "fieldType": "string"},
        ],
        'SELECT * FROM "water" WHERE time <= 9ms GROUP BY *': [
            {"area": "Phường 1, A=B", "site": "", "n": 3, "x": 0.1, "s": 'say "so"', "time": 5},
            {"area": "B", "site": "", "n": None, "x": 1.0, "s": None, "time": 6},
        ],
    }
    monkeypatch.setattr("tests.campaigns.grafana.points.query", lambda _url, _db, text: answers[text])
    assert [point.line for point in points("", 9)] == [
        'water,area=Phường\\ 1\\,\\ A\\=B n=3i,x=0.1,s="say \\"so\\"" 5',
        "water,area=B x=1.0 6",
    ]
