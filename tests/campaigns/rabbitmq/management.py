"""RabbitMQ's HTTP API, as a test asks it."""

import base64
import json
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class Management:
    """The API of one node, asked as the administrator ``guest``."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.host}:{self.port}"

    def ask(self, path: str, method: str = "GET", body: object = None) -> Any:  # noqa: ANN401 - JSON
        """The document of ``/api/PATH``; it must be answered with 2xx."""
        status, text = self._request(method, path, body)
        assert status < 300, (method, path, status, text)
        return json.loads(text) if text else None

    def bindings(self, source: str = "amq.topic") -> set[tuple[str, str]]:
        """Pairs of a routing key and the queue that it leads to."""
        found = self.ask(f"exchanges/%2F/{quote(source, safe='')}/bindings/source")
        return {(binding["routing_key"], binding["destination"]) for binding in found}

    def bind(self, queue: str, key: str) -> None:
        """Lead a routing key to a queue, as somebody else would."""
        self.ask(f"bindings/%2F/e/amq.topic/q/{quote(queue, safe='')}", "POST", {"routing_key": key, "arguments": {}})

    def unbind(self, queue: str, key: str) -> None:
        """Take away all bindings of a routing key to a queue."""
        to = f"bindings/%2F/e/amq.topic/q/{quote(queue, safe='')}"
        for binding in self.ask(to):
            if binding["routing_key"] == key:
                self.ask(f"{to}/{quote(binding['properties_key'], safe='')}", "DELETE")

    def depth(self, queue: str) -> int:
        """The number of messages that wait or are out unacknowledged in a queue; 0 where there is no such queue."""
        status, text = self._request("GET", f"queues/%2F/{quote(queue, safe='')}?disable_stats=false", None)
        return int(json.loads(text).get("messages", 0)) if status == 200 else 0

    def has_queue(self, queue: str) -> bool:
        """Tell if there is a queue."""
        return self._request("GET", f"queues/%2F/{quote(queue, safe='')}", None)[0] == 200

    def answers(self) -> bool:
        """Tell if it serves."""
        try:
            return self._request("GET", "overview", None)[0] == 200
        except (OSError, HTTPException):
            return False

    def _request(self, method: str, path: str, body: object) -> tuple[int, str]:
        login = base64.b64encode(b"guest:guest").decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        with closing(HTTPConnection(self.host, self.port, timeout=30)) as connection:
            connection.request(method, f"/api/{path}", None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
