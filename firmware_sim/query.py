"""InfluxQL over HTTP: the one query language of InfluxDB 1 and 2. Answers are streamed, so that memory stays small."""

import base64
import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

import msgspec

ANSWER_S: Final = 60.0
QUOTED: Final = 300
"""Characters of an error body worth showing."""
DEFAULTS: Final = {"url": "http://127.0.0.1:8086", "api": "v2", "bucket": "iot"}
KEYS: Final = ("url", "read_url", "api", "bucket", "org", "token", "token_file", "username", "password", "password_file")
"""What verify reads of the section ``influxdb`` of a gateway's configuration."""


class NotReachable(Exception):  # noqa: N818 - it says how InfluxDB is
    """InfluxDB does not answer, or not to this question; the text says what to do."""


@dataclass(frozen=True, slots=True)
class InfluxdbAccess:
    """InfluxDB's address and credentials.

    :ivar name: the database, or the bucket of InfluxDB 2, which answers to InfluxQL under the same name.
    :ivar retention: the retention policy; empty for the database's own.
    """

    url: str
    name: str
    retention: str = ""
    authorization: str = field(default="", repr=False)
    ca: str | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], folder: Path) -> "InfluxdbAccess":
        """The database that ``settings`` name; relative paths in it start at ``folder``.

        :raises ValueError: with a sentence for people.
        """
        url, api, bucket = (str(settings.get(key) or default) for key, default in DEFAULTS.items())
        asked = "read_url" if settings.get("read_url") else "url"
        url = str(settings.get(asked) or url)
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise ValueError(f"influxdb.{asked}: {url} is not http://host:8086")
        if api not in {"v1", "v2"}:
            raise ValueError(f"influxdb.api: {api} is neither v1 nor v2")
        token = _secret(settings, "token", folder)
        password = _secret(settings, "password", folder)
        authorization = ""
        if settings.get("username"):
            pair = f"{settings['username']}:{password}".encode()
            authorization = f"Basic {base64.b64encode(pair).decode()}"
        elif token:
            authorization = f"Token {token}"
        name, _, retention = bucket.partition("/")
        tls = settings.get("tls")
        ca = tls.get("ca") if isinstance(tls, Mapping) else None
        return cls(url.rstrip("/"), name, retention, authorization, str(folder / ca) if ca else None)

    @classmethod
    def from_gateway_yaml(cls, path: Path, environment: Mapping[str, str] | None = None) -> "InfluxdbAccess":
        """The database that a gateway writes to, from its configuration and the environment that overrides it.

        :raises ValueError: with a sentence for people.
        """
        import yaml  # noqa: PLC0415 - only this way of naming the database needs it

        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror or error}") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: not YAML: {error}") from None
        section = document.get("influxdb") if isinstance(document, dict) else None
        settings = dict(section) if isinstance(section, dict) else {}
        environment = os.environ if environment is None else environment
        for key in KEYS:
            if (value := environment.get(f"GATEWAY_INFLUXDB__{key.upper()}")) is not None:
                settings[key] = value
        try:
            return cls.from_settings(settings, path.resolve().parent)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


def _secret(settings: Mapping[str, Any], key: str, folder: Path) -> str:
    """A secret that is written down itself or is in a file of its own."""
    file = settings.get(f"{key}_file")
    if not file:
        return str(settings.get(key) or "")
    try:
        return (folder / str(file)).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"influxdb.{key}_file: {file}: {error.strerror or error}") from None


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """A point as it is in InfluxDB.

    :ivar fields: what has a value, ``quality`` and ``seq`` among them.
    """

    tags: dict[str, str]
    time_ms: int
    fields: dict[str, Any]


def _quoted(text: str) -> str:
    """A string literal of InfluxQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class Influx:
    """Asks one database."""

    def __init__(self, database: InfluxdbAccess) -> None:
        self._database = database
        self._opener = opener_of(database)

    def points(self, measurement: str, devices: Sequence[str], first_ms: int, last_ms: int) -> Iterator[StoredPoint]:
        """The points of ``devices`` from ``first_ms`` to ``last_ms``, both included, one series after the other.

        Without devices: the points of all.

        :raises NotReachable: when there is no answer or none to this.
        """
        names = " OR ".join(f'"device" = {_quoted(device)}' for device in devices)
        of_those = f" AND ({names})" if devices else ""
        span = f"time >= {first_ms}ms AND time <= {last_ms}ms"
        statement = f'SELECT * FROM "{measurement}" WHERE {span}{of_those} GROUP BY *'  # noqa: S608 - quoted, and reads only
        for series in self._series(statement):
            tags = {key: value for key, value in series.get("tags", {}).items() if value}
            columns = series["columns"][1:]
            for time_ms, *values in series.get("values", ()):
                yield StoredPoint(
                    tags, time_ms, {key: value for key, value in zip(columns, values, strict=True) if value is not None}
                )

    def _series(self, statement: str) -> Iterator[dict[str, Any]]:
        database = self._database
        form = {"db": database.name, "q": statement, "epoch": "ms", "chunked": "true", "chunk_size": "10000"}
        if database.retention:
            form["rp"] = database.retention
        request = Request(f"{database.url}/query", urlencode(form).encode())  # noqa: S310 - the scheme was checked
        if database.authorization:
            request.add_header("Authorization", database.authorization)
        request.add_header("Accept", "application/json")
        try:
            with self._opener.open(request, timeout=ANSWER_S) as response:
                for line in response:  # a chunk is a line
                    yield from self._of_chunk(line)
        except HTTPError as error:
            body = error.read(QUOTED).decode(errors="replace").strip()
            raise NotReachable(f"{database.url} answers {error.code} to a query: {body}") from None
        except (OSError, HTTPException) as error:
            raise NotReachable(f"{database.url} does not answer: {getattr(error, 'reason', error)}") from None

    def _of_chunk(self, line: bytes) -> Iterator[dict[str, Any]]:
        if not line.strip():
            return
        try:
            results = msgspec.json.decode(line)["results"]
            found = [series for result in results for series in result.get("series", ()) if series["columns"]]
            errors = [result["error"] for result in results if "error" in result]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            shown = line[:QUOTED].decode(errors="replace").strip()
            raise NotReachable(f"{self._database.url} does not speak InfluxQL, it answers: {shown}") from None
        if errors:
            raise NotReachable(f"{self._database.url}, database {self._database.name}: {errors[0]}")
        yield from found


def opener_of(database: InfluxdbAccess) -> OpenerDirector:
    """Straight to the server, as the gateway goes: no proxy of the environment."""
    context = ssl.create_default_context(cafile=database.ca)
    return build_opener(ProxyHandler({}), HTTPSHandler(context=context))
