"""Setting up InfluxDB 1 by InfluxQL: databases, retention policies, users and their rights; and InfluxDB 3 Core.

The databases of InfluxDB 3 keep for ever how long they keep, and its tokens may all do everything.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final

from gateway.admin.databases.steps import (
    DatabaseUser,
    KeptPlace,
    SetupFault,
    SetupStep,
    change_text,
    is_shorter,
    refuse_change,
    refuse_unknown_secret,
    write_secret,
)
from gateway.ingest.database.influxql import name, text
from gateway.support.config.files import text_of
from gateway.support.config.model import Influxdb
from gateway.support.plain_http import HttpAnswer, PlainHttp

_OK: Final = 200
_UNAUTHORIZED: Final = 401
_PASSWORD_BYTES: Final = 24
_PART: Final = re.compile(r"(\d+)(h|m|s)")
_UNITS_S: Final = {"h": 3600, "m": 60, "s": 1}
_DEFAULT_POLICY: Final = "autogen"
_ANYBODY: Final = (
    "this database asks nobody for a password, so the accounts change nothing: make a user with all privileges, set "
    "auth-enabled = true in the section [http] of influxdb.conf, and restart it"
)

_AdminRow = dict[str, Any]


class Influxdb1:
    """InfluxDB 1; if not ``asks_for_password`` whoever reaches it may do everything."""

    api = "v1"
    org: str | None = None

    def __init__(self, http: PlainHttp, version: str) -> None:
        """Look if it asks for passwords."""
        self.name = f"InfluxDB {version}"
        self._http = http
        self._made: set[str] = set()
        self.asks_for_password = http.form("/query", {"q": "SHOW DATABASES"}, {}).status == _UNAUTHORIZED

    def users(self, config: Influxdb, gateway: str, secrets: Path) -> Sequence[DatabaseUser]:
        """The gateway, which also reads, and Grafana, which only reads."""
        del gateway
        own = config.password_file or secrets / "influxdb.password"
        return (
            DatabaseUser(config.username or "gateway", own, reads=True, writes=True),
            DatabaseUser("grafana", secrets / "grafana.password", reads=True, writes=False),
        )

    def keep(self, place: KeptPlace, *, change: bool) -> Iterator[SetupStep]:
        """Make a database or a retention policy, or see that it is as wanted."""
        database, _, policy = place.config.bucket.partition("/")
        where = f"database {database}" + (f", retention policy {policy}" if policy else "")
        duration = f"DURATION {'INF' if place.keep is None else f'{round(place.keep.total_seconds())}s'} REPLICATION 1"
        if database not in self._made and not any(row["name"] == database for row in self._ask("SHOW DATABASES")):
            made = policy or _DEFAULT_POLICY
            self._made.add(database)
            yield self._step(
                f"{where}: created, keeps {place.kept()}", f"CREATE DATABASE {name(database)} WITH {duration} NAME {name(made)}"
            )
            return
        rows = [] if database in self._made else self._ask(f"SHOW RETENTION POLICIES ON {name(database)}")
        found = next((row for row in rows if (row["name"] == policy if policy else row["default"])), None)
        if found is None:
            statement = f"CREATE RETENTION POLICY {name(policy or _DEFAULT_POLICY)} ON {name(database)} {duration}"
            yield self._step(f"{where}: created, keeps {place.kept()}", statement)
        elif (now := _span(found["duration"])) == place.keep:
            yield SetupStep(f"{where}: is there and keeps {place.kept()}")
        elif not change:
            raise refuse_change(where, now, place.keep)
        else:
            statement = f"ALTER RETENTION POLICY {name(found['name'])} ON {name(database)} {duration}"
            step = self._step(change_text(where, now, place.keep), statement)
            yield step._replace(loses=is_shorter(now, place.keep))

    def give(self, user: DatabaseUser, places: Sequence[KeptPlace], *, replace: bool) -> Iterator[SetupStep]:
        """Make a user with a password, and give it rights to the databases."""
        is_there = any(row["user"] == user.name for row in self._ask("SHOW USERS"))
        if is_there and not replace and not user.file.exists():
            raise refuse_unknown_secret(user, "user")
        if not is_there or replace:
            yield SetupStep(
                f"user {user.name}: {'a new password, and the old one ends' if is_there else 'created'}; {user.file}",
                self._named(user, is_there=is_there),
                loses=is_there,
            )
        elif not self._fits(user):
            raise SetupFault(f"{user.file}: is not the password of the user {user.name}; --replace gives a new one")
        else:
            yield SetupStep(f"user {user.name}: is there; {user.file}")
        right = "ALL" if user.writes else "READ"
        has = (
            [(row["database"], row["privilege"]) for row in self._ask(f"SHOW GRANTS FOR {name(user.name)}")] if is_there else []
        )
        for database in dict.fromkeys(place.config.bucket.partition("/")[0] for place in places):
            what = f"user {user.name}: may {'write and read' if user.writes else 'read'} {database}"
            if (database, "ALL PRIVILEGES" if user.writes else "READ") in has:
                yield SetupStep(f"{what} already")
            else:
                yield self._step(what, f"GRANT {right} ON {name(database)} TO {name(user.name)}")
        if not self.asks_for_password and not user.writes:  # said once, behind the last user
            yield SetupStep(f"warning: {_ANYBODY}")

    def _named(self, user: DatabaseUser, *, is_there: bool) -> Callable[[], None]:
        """The making of a user, or of a new password: the file first, so that a kill in between loses no password."""

        def do() -> None:
            password = token_urlsafe(_PASSWORD_BYTES)
            write_secret(user.file, password)
            if is_there:
                self._ask(f"SET PASSWORD FOR {name(user.name)} = {text(password)}")
            else:
                self._ask(f"CREATE USER {name(user.name)} WITH PASSWORD {text(password)}")

        return do

    def _fits(self, user: DatabaseUser) -> bool:
        if not self.asks_for_password:
            return True
        given = b64encode(f"{user.name}:{text_of(user.file).partition(chr(10))[0].strip()}".encode()).decode()
        return self._http.form("/query", {"q": "SHOW DATABASES"}, {"Authorization": f"Basic {given}"}).status != _UNAUTHORIZED

    def _step(self, what: str, statement: str) -> SetupStep:
        return SetupStep(what, lambda: self._ask(statement))

    def _ask(self, statement: str) -> list[_AdminRow]:
        answer = self._http.form("/query", {"q": statement})
        if answer.status in _NO_RIGHT:
            how = "give --admin NAME and --admin-password-file FILE of a user with all privileges"
            first = "if it has no user yet: CREATE USER admin WITH PASSWORD '...' WITH ALL PRIVILEGES"
            raise SetupFault(f"{self._http.url} does not let us administer it ({answer.describe()}): {how}; {first}")
        found = answer.document()
        if answer.status != _OK or not isinstance(found, dict) or not isinstance(found.get("results"), list):
            raise SetupFault(f"{self._http.url} answers {answer.describe()}")
        rows = []
        for result in found["results"]:
            if "error" in result:
                raise SetupFault(f"{self._http.url}: {result['error']}")
            for series in result.get("series", ()):
                rows += [dict(zip(series["columns"], values, strict=True)) for values in series.get("values", ())]
        return rows


def _span(duration: str) -> timedelta | None:
    """Read a duration as InfluxDB writes it: ``17520h0m0s``; 0 is for ever."""
    seconds = sum(int(number) * _UNITS_S[unit] for number, unit in _PART.findall(duration))
    return timedelta(seconds=seconds) if seconds else None


_TAKEN: Final = frozenset({200, 201})
_NO_RIGHT: Final = frozenset({401, 403})
_CONFLICT: Final = 409
_GOOD_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ALL_MAY_ALL: Final = "InfluxDB 3 Core has tokens of administrators only; with one each, one can be taken back alone"


class Influxdb3:
    """InfluxDB 3 Core."""

    api = "v2"
    org: str | None = None

    def __init__(self, http: PlainHttp, version: str) -> None:
        self.name = f"InfluxDB {version}"
        self._http = http

    def users(self, config: Influxdb, gateway: str, secrets: Path) -> Sequence[DatabaseUser]:
        """A token each for the gateway and for Grafana."""
        own = config.token_file or secrets / "influxdb.token"
        return (
            DatabaseUser(gateway, own, reads=True, writes=True),
            DatabaseUser(f"{gateway}-grafana", secrets / "grafana.token", reads=True, writes=False),
        )

    def keep(self, place: KeptPlace, *, change: bool) -> Iterator[SetupStep]:
        """Make a database. How long it keeps is fixed with it, and it does not tell."""
        del change
        database = place.config.bucket
        if _GOOD_NAME.fullmatch(database) is None:
            raise SetupFault(f"influxdb.bucket: InfluxDB 3 takes no {database!r}; use letters, digits, - and _")
        if database in set(_texts(self._answer(self._http.send("GET", "/api/v3/configure/database?format=json")))):
            yield SetupStep(
                f"warning: database {database}: is there; InfluxDB 3 Core neither tells nor changes how long it keeps, so see "
                f"yourself that it is {place.kept()}, or take another name"
            )
            return
        wanted = {"db": database}
        if place.keep is not None:
            wanted["retention_period"] = f"{round(place.keep.total_seconds())}s"

        def create() -> None:
            self._answer(self._http.send("POST", "/api/v3/configure/database", wanted))

        yield SetupStep(f"database {database}: created, keeps {place.kept()}, which cannot be changed later", create)

    def give(self, user: DatabaseUser, places: Sequence[KeptPlace], *, replace: bool) -> Iterator[SetupStep]:
        """Make a named token. It may do everything: there is no other kind."""
        del places
        if user.file.exists() and not replace:
            yield SetupStep(f"token {user.name}: {user.file} is there")
            return

        def create() -> None:
            if replace:
                self._http.send("DELETE", f"/api/v3/configure/token?token_name={user.name}", {})
            answer = self._http.send("POST", "/api/v3/configure/token/named_admin", {"token_name": user.name})
            if answer.status == _CONFLICT:
                raise refuse_unknown_secret(user, "token")
            found = self._answer(answer)
            if not isinstance(found, dict) or not isinstance(found.get("token"), str):
                raise SetupFault(f"{self._http.url} made a token {user.name} and does not tell it")
            write_secret(user.file, found["token"])

        ends = " in place of the old one" if replace and user.file.exists() else ""
        yield SetupStep(f"token {user.name}: created{ends}; {user.file}. {_ALL_MAY_ALL}", create, bool(ends))

    def _answer(self, answer: HttpAnswer) -> Any:  # noqa: ANN401 - whatever was asked for
        if answer.status in _NO_RIGHT:
            how = "give --admin-token-file FILE, with the token of its administrator"
            raise SetupFault(f"{self._http.url} does not let us administer it ({answer.describe()}): {how}")
        if answer.status not in _TAKEN:
            raise SetupFault(f"{self._http.url} answers {answer.describe()}")
        return answer.document()


def _texts(document: object) -> Iterator[str]:
    """All texts in a document: versions differ in how they list databases."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for one in document.values() if isinstance(document, dict) else document:
            yield from _texts(one)
