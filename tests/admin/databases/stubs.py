"""InfluxDB 2 and 3 as far as their administration goes, answering as their documentation says."""

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

ADMIN = "the-token-of-all-rights"
ORG = {"id": "0000000000000001", "name": "province"}


class StubServer(BaseHTTPRequestHandler):
    """One server; what it knows stands in its class."""

    version: ClassVar[str]

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer."""
        self._answer(None)

    def do_POST(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(json.loads(body) if body.startswith(b"{") else None)

    do_PATCH = do_DELETE = do_POST  # noqa: N815

    def _answer(self, body: Any) -> None:  # noqa: ANN401
        address = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        if address.path == "/ping":
            self._send(200 if self.version.startswith("3") else 204, None)
        elif self.headers.get("Authorization", "").partition(" ")[2] != ADMIN:
            self._send(401, {"code": "unauthorized", "message": "unauthorized access"})
        else:
            self._send(*self.decide(self.command, address.path, query, body))

    def decide(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ANN401
        """The status and the document of an answer."""
        raise NotImplementedError

    def _send(self, status: int, document: Any) -> None:  # noqa: ANN401
        self.send_response(status)
        self.send_header("X-Influxdb-Version", self.version)
        text = b"" if document is None else json.dumps(document).encode()
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class StubInfluxdb2(StubServer):
    """InfluxDB 2.8, with or without the mappings that newer versions make by themselves."""

    version = "v2.8.0"
    buckets: list[dict[str, Any]]
    mappings: list[dict[str, Any]]
    tokens: list[dict[str, Any]]
    numbers: Iterator[int]
    maps_by_itself: bool

    def decide(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ANN401, PLR0911
        """Answer as the API of version 2 does."""
        match method, path.removeprefix("/api/v2/").split("/"):
            case "GET", ["orgs"]:
                return 200, {"orgs": [ORG]}
            case "GET", ["buckets"]:
                return 200, {"buckets": [one for one in self.buckets if one["name"] == query["name"]]}
            case "POST", ["buckets"]:
                bucket = {"id": f"b{next(self.numbers)}", "retentionRules": [], **body}
                self.buckets.append(bucket)
                return 201, bucket
            case "PATCH", ["buckets", id_]:
                bucket = next(one for one in self.buckets if one["id"] == id_)
                bucket["retentionRules"] = body["retentionRules"]
                return 200, bucket
            case "GET", ["dbrps"]:
                own = [one for one in self.mappings if one["database"] == query["db"]]
                return 200, {"content": own + (self._virtual(query["db"]) if self.maps_by_itself else [])}
            case "POST", ["dbrps"]:
                self.mappings.append({"id": f"m{next(self.numbers)}", **body})
                return 201, self.mappings[-1]
            case "GET", ["authorizations"]:
                return 200, {"authorizations": self.tokens}
            case "POST", ["authorizations"]:
                number = next(self.numbers)
                self.tokens.append({"id": f"t{number}", "token": f"token-{number}", **body})
                return 201, self.tokens[-1]
            case "DELETE", ["authorizations", id_]:
                self.tokens[:] = [one for one in self.tokens if one["id"] != id_]
                return 204, None
        return 404, {"code": "not found", "message": f"path {path} not found"}

    def _virtual(self, database: str) -> list[dict[str, Any]]:
        return [
            {
                "id": one["id"],
                "orgID": ORG["id"],
                "bucketID": one["id"],
                "database": database,
                "retention_policy": "autogen",
                "default": True,
                "virtual": True,
            }
            for one in self.buckets
            if one["name"] == database
        ]


class StubInfluxdb3(StubServer):
    """InfluxDB 3 Core."""

    version = "3.9.0"
    databases: dict[str, str | None]
    tokens: dict[str, str]

    def decide(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: ANN401
        """Answer as the API of version 3 does."""
        match method, path.removeprefix("/api/v3/configure/"):
            case "GET", "database":
                return 200, [{"iox::database": name} for name in self.databases]
            case "POST", "database":
                self.databases[body["db"]] = body.get("retention_period")
                return 200, None
            case "POST", "token/named_admin":
                if body["token_name"] in self.tokens:
                    return 409, {"error": "token name already exists"}
                self.tokens[body["token_name"]] = f"apiv3_{len(self.tokens)}"
                return 201, {"name": body["token_name"], "token": self.tokens[body["token_name"]]}
            case "DELETE", "token":
                return (200, None) if self.tokens.pop(query["token_name"], None) else (404, None)
        return 404, None


@contextmanager
def serving(kind: type[StubServer], **known: object) -> Iterator[tuple[str, Any]]:
    """Serve on loopback: the address, and the class with what it knows."""
    fresh = type(kind.__name__, (kind,), known)
    server = ThreadingHTTPServer(("127.0.0.1", 0), fresh)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", fresh
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def influxdb2(*, maps_by_itself: bool = True) -> Iterator[tuple[str, Any]]:
    """An empty InfluxDB 2 with an organisation."""
    known = {"buckets": [], "mappings": [], "tokens": [], "numbers": itertools.count(1), "maps_by_itself": maps_by_itself}
    with serving(StubInfluxdb2, **known) as found:
        yield found


@contextmanager
def influxdb3() -> Iterator[tuple[str, Any]]:
    """An empty InfluxDB 3 Core."""
    with serving(StubInfluxdb3, databases={}, tokens={}) as found:
        yield found
