"""Setting up InfluxDB 3 Core: databases, which keep for ever how long they keep, and tokens, which may all do everything."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from gateway.admin.databases.steps import DatabaseUser, KeptPlace, SetupFault, SetupStep, refuse_unknown_secret, write_secret
from gateway.support.config.model import Influxdb
from gateway.support.plain_http import HttpAnswer, PlainHttp

_OK: Final = frozenset({200, 201})
_NO_RIGHT: Final = frozenset({401, 403})
_CONFLICT: Final = 409
_GOOD_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ALL_MAY_ALL: Final = "InfluxDB 3 Core has tokens of administrators only; with one each, one can be taken back alone"


class Influxdb3:
    """InfluxDB 3 Core."""

    api = "v2"

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

        yield SetupStep(f"token {user.name}: created; {user.file}. {_ALL_MAY_ALL}", create)

    def _answer(self, answer: HttpAnswer) -> Any:  # noqa: ANN401 - whatever was asked for
        if answer.status in _NO_RIGHT:
            how = "give --admin-token-file FILE, with the token of its administrator"
            raise SetupFault(f"{self._http.url} does not let us administer it ({answer.describe()}): {how}")
        if answer.status not in _OK:
            raise SetupFault(f"{self._http.url} answers {answer.describe()}")
        return answer.document()


def _texts(document: object) -> Iterator[str]:
    """All texts in a document: versions differ in how they list databases."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for one in document.values() if isinstance(document, dict) else document:
            yield from _texts(one)
