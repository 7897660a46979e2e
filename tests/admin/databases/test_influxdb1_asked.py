"""InfluxDB 1 as a stub: the statements that set it up, what is there already, and what is refused."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.databases.influxdb1_and_3 import Influxdb1
from gateway.admin.databases.steps import DatabaseUser, KeptPlace, SetupFault
from gateway.support.config.model import Influxdb
from gateway.support.plain_http import HttpAnswer
from tests.rows import each_row

Rows = Sequence[Mapping[str, Any]]


class Asked:
    """A server that answers statements by a table, and notes those that change something."""

    url = "http://influx"

    def __init__(self, tables: Mapping[str, Rows] | None = None, *, asks_for_password: bool = True) -> None:
        self.tables, self.asks_for_password = tables or {}, asks_for_password
        self.done: list[str] = []
        self.answer: HttpAnswer | None = None

    def form(self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Answer a statement; without rights where headers are given, unless they hold the password ``known``."""
        assert path == "/query"
        if headers is not None and self.asks_for_password:
            return HttpAnswer(200 if headers.get("Authorization") == "Basic bGFuOmtub3du" else 401, b"{}")
        if self.answer is not None:
            return self.answer
        statement = form["q"]
        if not statement.startswith("SHOW"):
            self.done.append(statement)
        rows = self.tables.get("_".join(statement.split()[1:3]).lower().replace('"', ""), ())
        series = [{"columns": [*rows[0]], "values": [[*row.values()] for row in rows]}] if rows else []
        return HttpAnswer(200, json.dumps({"results": [{"series": series}]}).encode())


def database(server: Asked) -> Influxdb1:
    return Influxdb1(server, "1.8.10")  # type: ignore[arg-type]  # as far as it is asked


def place(bucket: str = "iot", days: int | None = 30) -> KeptPlace:
    return KeptPlace(Influxdb(bucket=bucket), None if days is None else timedelta(days=days))


def kept(server: Asked, *places: KeptPlace, change: bool = False) -> list[str]:
    """Carry out each step for some places; return what they say."""
    made, said = database(server), []
    for one in places:
        for step in made.keep(one, change=change):
            if step.do is not None:
                step.do()
            said.append(step.text)
    return said


def test_a_database_is_made_with_its_first_policy_and_a_second_one_beside_it() -> None:
    server = Asked({"databases": [{"name": "other"}]})
    assert kept(server, place(days=None), place("iot/years", 400)) == [
        "database iot: created, keeps for ever",
        "database iot, retention policy years: created, keeps 400 days",
    ]
    assert server.done == [
        'CREATE DATABASE "iot" WITH DURATION INF REPLICATION 1 NAME "autogen"',
        'CREATE RETENTION POLICY "years" ON "iot" DURATION 34560000s REPLICATION 1',
    ]


POLICIES = [
    {"name": "autogen", "duration": "720h0m0s", "default": True},
    {"name": "years", "duration": "0s", "default": False},
]
THERE: dict[str, Rows] = {"databases": [{"name": "iot"}], "retention_policies": POLICIES}


def test_what_is_as_wanted_is_said_and_left_alone() -> None:
    server = Asked(THERE)
    assert kept(server, place(), place("iot/years", None)) == [
        "database iot: is there and keeps 30 days",
        "database iot, retention policy years: is there and keeps for ever",
    ]
    assert kept(server, place("iot/more", 1)) == ["database iot, retention policy more: created, keeps 1 days"]
    assert server.done == ['CREATE RETENTION POLICY "more" ON "iot" DURATION 86400s REPLICATION 1']


def test_another_retention_is_changed_only_when_that_is_said_with_what_it_costs() -> None:
    server = Asked(THERE)
    with pytest.raises(SetupFault, match=r"keeps 30 days, not 20 days: .* --change-retention, which deletes what is older"):
        kept(server, place(days=20))
    with pytest.raises(SetupFault, match=r"keeps 30 days, not for ever: .*, which keeps longer from now on"):
        kept(server, place(days=None))
    assert server.done == []
    assert kept(server, place(days=20), change=True) == [
        "database iot: changed from 30 days to 20 days; it deletes what is older"
    ]
    assert kept(server, place("iot/years", 1), change=True)[0].endswith("from for ever to 1 days; it deletes what is older")
    assert kept(server, place(days=40), change=True)[0].endswith("what it has deleted already does not come back")
    assert server.done[0] == 'ALTER RETENTION POLICY "autogen" ON "iot" DURATION 1728000s REPLICATION 1'


def given(server: Asked, user: DatabaseUser, *, replace: bool = False) -> list[str]:
    """Carry out each step for a user; return what they say."""
    said = []
    for step in database(server).give(user, [place(), place("iot/years"), place("more")], replace=replace):
        if step.do is not None:
            step.do()
        said.append(step.text)
    return said


def test_a_user_is_made_with_a_password_in_a_file_and_one_right_a_database(tmp_path: Path) -> None:
    server, file = Asked(), tmp_path / "secrets" / "lan.password"
    assert given(server, DatabaseUser("lan", file, reads=True, writes=True)) == [
        f"user lan: created; {file}",
        "user lan: may write and read iot",
        "user lan: may write and read more",
    ]
    password = file.read_text().strip()
    assert server.done == [
        f"CREATE USER \"lan\" WITH PASSWORD '{password}'",
        'GRANT ALL ON "iot" TO "lan"',
        'GRANT ALL ON "more" TO "lan"',
    ]
    assert (len(password), file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (32, 0o640, 0o700)


def test_a_user_that_is_there_keeps_the_password_that_fits_and_gets_what_it_lacks(tmp_path: Path) -> None:
    file = tmp_path / "lan.password"
    file.write_text("known\n")
    server = Asked({"users": [{"user": "lan"}], "grants_for": [{"database": "iot", "privilege": "READ"}]})
    lan = DatabaseUser("lan", file, reads=True, writes=False)
    assert given(server, lan) == [
        f"user lan: is there; {file}",
        "user lan: may read iot already",
        "user lan: may read more",
    ]
    assert server.done == ['GRANT READ ON "more" TO "lan"']
    assert given(server, lan, replace=True)[0] == f"user lan: a new password, and the old one ends; {file}"
    assert server.done[1] == f"SET PASSWORD FOR \"lan\" = '{file.read_text().strip()}'"
    file.write_text("another\n")
    with pytest.raises(SetupFault, match="is not the password of the user lan; --replace gives a new one"):
        given(server, lan)
    file.unlink()
    with pytest.raises(SetupFault, match=r"the user lan is there, and .*lan\.password is not: copy the file"):
        given(server, lan)


def test_where_nobody_is_asked_for_a_password_that_is_warned_of_once(tmp_path: Path) -> None:
    file = tmp_path / "lan.password"
    file.write_text("whatever\n")
    server = Asked({"users": [{"user": "lan"}]}, asks_for_password=False)
    assert given(server, DatabaseUser("lan", file, reads=True, writes=False))[-1].startswith(
        "warning: this database asks nobody"
    )
    assert "warning" not in given(server, DatabaseUser("lan", file, reads=True, writes=True))[-1]


@each_row(
    ("answer", "said"),
    [
        (HttpAnswer(401, b'{"error": "no"}'), r"http://influx does not let us administer it \(401 no\): give --admin NAME"),
        (HttpAnswer(403, b""), r"http://influx does not let us administer it \(403\): give --admin NAME"),
        (HttpAnswer(500, b"broken"), "http://influx answers 500 broken"),
        (HttpAnswer(200, b"[]"), r"http://influx answers 200 \[\]"),
        (HttpAnswer(200, b'{"results": 1}'), "http://influx answers 200"),
        (HttpAnswer(200, b'{"results": [{"error": "bad"}]}'), "http://influx: bad"),
    ],
)
def test_an_answer_that_is_none_is_a_fault_with_the_address(answer: HttpAnswer, said: str) -> None:
    server = Asked()
    server.answer = answer
    with pytest.raises(SetupFault, match=said):
        kept(server, place())


def test_the_gateway_reads_and_writes_and_grafana_reads(tmp_path: Path) -> None:
    own, grafana = database(Asked()).users(Influxdb(), "g1", tmp_path)
    assert own == DatabaseUser("gateway", tmp_path / "influxdb.password", reads=True, writes=True)
    assert grafana == DatabaseUser("grafana", tmp_path / "grafana.password", reads=True, writes=False)
    own, _ = database(Asked()).users(Influxdb(username="me", password_file=Path("/p")), "g1", tmp_path)
    assert (own.name, own.file) == ("me", Path("/p"))
