"""Steps of setting up a database: each says what it does, or that it is done already.

Before them its kind is told by two probes; what they make that is secret goes to a file for one service.
"""

from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from gateway.support.config.files import blaming
from gateway.support.config.model import Influxdb
from gateway.support.plain_http import PlainHttp
from gateway.support.private_files import make_folder, place_for_readers


class SetupFault(Exception):  # noqa: N818 - it says how the database is
    """The database cannot be set up; the text says why, and what to do."""


class OtherRetention(SetupFault):
    """A database that is there keeps another time than was asked for, and nobody said that it is to change."""


class KeptPlace(NamedTuple):
    """A database or bucket by its settings, and how long it keeps what is in it; None: for ever."""

    config: Influxdb
    keep: timedelta | None

    def kept(self) -> str:
        """The time that it keeps, for people."""
        return kept_text(self.keep)


class DatabaseUser(NamedTuple):
    """The name of a user or token that may use the databases, and the file for its password or secret."""

    name: str
    file: Path
    reads: bool
    writes: bool


class SetupStep(NamedTuple):
    """A sentence for people on what is done, or was already, and how to do it; None: nothing is left to do."""

    text: str
    do: Callable[[], object] | None = None
    loses: bool = False  # it is asked about first, since what it says is lost for good


def kept_text(keep: timedelta | None) -> str:
    """A time for which something is kept, for people."""
    if keep is None:
        return "for ever"
    days, rest = divmod(keep, timedelta(days=1))
    return f"{days} days" if not rest else f"{keep / timedelta(hours=1):g} hours"


def is_shorter(now: timedelta | None, wanted: timedelta | None) -> bool:
    """Tell if a change of how long something is kept deletes something."""
    return wanted is not None and (now is None or wanted < now)


def change_text(where: str, now: timedelta | None, wanted: timedelta | None) -> str:
    """A change of how long something is kept, with what it costs."""
    costs = "; it deletes what is older" if is_shorter(now, wanted) else "; what it has deleted already does not come back"
    return f"{where}: changed from {kept_text(now)} to {kept_text(wanted)}{costs}"


def refuse_change(where: str, now: timedelta | None, wanted: timedelta | None) -> OtherRetention:
    """The refusal to change how long something is kept without being told to."""
    costs = "deletes what is older" if is_shorter(now, wanted) else "keeps longer from now on"
    return OtherRetention(
        f"{where} is there and keeps {kept_text(now)}, not {kept_text(wanted)}: give what it has, or "
        f"--change-retention, which {costs}"
    )


def refuse_unknown_secret(user: DatabaseUser, what: str) -> SetupFault:
    """The refusal to give an account a new secret without being told to."""
    return SetupFault(
        f"the {what} {user.name} is there, and {user.file} is not: copy the file from where it was made, or --replace "
        f"gives {user.name} a new one, and ends the old one"
    )


class DatabaseKind(Enum):
    """A kind of database."""

    INFLUXDB_1 = "1"
    INFLUXDB_2 = "2"
    INFLUXDB_3 = "3"
    VICTORIA_METRICS = "VictoriaMetrics"


def kind_of(http: PlainHttp) -> tuple[DatabaseKind, str]:
    """The kind of a database, and its version, which VictoriaMetrics does not tell; NoAnswer, or SetupFault for another server.

    VictoriaMetrics answers ``/ping`` as InfluxDB does, so the first probe is a path that only VictoriaMetrics knows.
    """
    found = http.form("/api/v1/query", {"query": "1"}).document()
    if isinstance(found, dict) and found.get("status") == "success":
        return DatabaseKind.VICTORIA_METRICS, ""
    answer = http.send("GET", "/ping")
    version = answer.headers.get("x-influxdb-version", "").removeprefix("v")
    if not version:  # InfluxDB 3 tells it in the body too
        document = answer.document()
        version = str(document.get("version", "")) if isinstance(document, dict) else ""
    try:
        return DatabaseKind(version.partition(".")[0]), version
    except ValueError as error:
        what = f"InfluxDB {version}, which is not known" if version else f"not an InfluxDB ({answer.describe()})"
        raise SetupFault(f"{http.url} is {what}") from error


def write_secret(path: Path, secret: str) -> None:
    """Write a secret whole or not at all; its folder's owner or group may read it. ConfigurationFault if it cannot be."""
    with blaming(f"{path}: cannot be written"):
        make_folder(path.parent)
        place_for_readers(path, f"{secret}\n".encode())
