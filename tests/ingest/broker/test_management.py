"""RabbitMQ's management API as it is asked, and what its answers say of a queue."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.core.gateways.queue_members import ClusterSeen, QueueMembers
from gateway.ingest.broker.rabbitmq.management import ManagementApi, ManagementFault
from gateway.ingest.broker.rabbitmq.queues import see, see_queues, spread, watch_api
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Mqtt
from gateway.support.registry.shares import ManagementSection

SESSION: Final = "mqtt-subscription-gateway-1qos1"
NOT_FOUND: Final = '{"error":"Object Not Found","reason":"Not Found"}'


@contextmanager
def answering(answers: dict[str, tuple[int, str]]) -> Iterator[tuple[ManagementApi, list[tuple[str, str, str]]]]:
    """An API with such an answer at each path; what was asked of it, with the header of its account."""
    asked: list[tuple[str, str, str]] = []

    class Api(BaseHTTPRequestHandler):
        """Answers."""

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            asked.append((f"{self.command} {self.path}", body, self.headers["Authorization"]))
            status, text = answers.get(self.path, (404, NOT_FOUND))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - as the server calls them

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield ManagementApi(f"http://127.0.0.1:{server.server_port}", "watch", "secret"), asked
        server.shutdown()


def test_each_part_of_a_path_is_quoted_and_an_empty_answer_is_none() -> None:
    answers = {"/api/queues/%2F/a%2Fb": (200, '{"messages": 3}'), "/api/users/m1": (204, "")}
    with answering(answers) as (api, asked):
        assert api.ask("queues", "/", "a/b") == {"messages": 3}
        assert api.ask("users", "m1", method="DELETE", body={"a": 1}) is None
        assert api.find("queues", "/", "gone") is None
    login = f"Basic {b64encode(b'watch:secret').decode()}"
    assert [(what, whose) for what, _, whose in asked[:2]] == [
        ("GET /api/queues/%2F/a%2Fb", login),
        ("DELETE /api/users/m1", login),
    ]
    assert json.loads(asked[1][1]) == {"a": 1}


@pytest.mark.parametrize(
    ("status", "text", "told", "is_missing"),
    [
        (401, "{}", "401 user or password are wrong", False),
        (403, "{}", "403 the user may not do that", False),
        (404, "<html>", "404 is this the management API of RabbitMQ?", False),
        (404, NOT_FOUND, f"404 {NOT_FOUND}", True),
        (300, "x" * 301, f"300 {'x' * 300}", False),
        (200, "<html>", "this is not the management API of RabbitMQ", False),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_refusal_says_why(status: int, text: str, told: str, is_missing: bool) -> None:  # noqa: FBT001
    with answering({"/api/overview": (status, text)}) as (api, _):
        with pytest.raises(ManagementFault) as fault:
            api.ask("overview")
        assert str(fault.value).endswith(told)
        assert str(fault.value).startswith(api.url)
        assert fault.value.is_missing is is_missing
        if not is_missing:
            with pytest.raises(ManagementFault):
                api.find("overview")


def test_an_api_that_is_away_is_told_without_a_status() -> None:
    with pytest.raises(ManagementFault) as fault:
        ManagementApi("http://127.0.0.1:1", "watch", "secret").ask("nodes")
    assert (fault.value.status, fault.value.is_missing) == (None, False)


def test_a_rabbitmq_before_the_fourth_is_refused() -> None:
    for version in ("4.0.5", "10.1", "five"):
        with answering({"/api/overview": (200, json.dumps({"rabbitmq_version": version}))}) as (api, _):
            api.refuse_older()
    older = answering({"/api/overview": (200, '{"rabbitmq_version": "3.13.7"}')})
    with older as (api, _), pytest.raises(ManagementFault, match=r"needs RabbitMQ 4, this is 3\.13\.7"):
        api.refuse_older()


class Answers(ManagementApi):
    """The API with such documents; what was asked to change."""

    def __init__(self, documents: dict[tuple[str, ...], Any], *faults: ManagementFault) -> None:
        self.documents, self.faults = documents, list(faults)
        self.changed: list[tuple[tuple[str, ...], object]] = []

    def ask(self, *path: str, method: str = "GET", body: object = None) -> Any:  # noqa: ANN401 - as the real one
        """Answer."""
        if method == "POST":
            self.changed.append((path, body))
            if self.faults:
                raise self.faults.pop(0)
            return None
        if path not in self.documents:
            raise ManagementFault("404", 404, is_missing=True)
        return self.documents[path]


NODES = [{"name": "b", "running": False}, {"name": "a", "running": True}]


def test_a_look_tells_the_bindings_that_readings_come_by_and_the_smallest_window() -> None:
    queue = {"name": SESSION, "node": "a", "state": "running"}
    documents: dict[tuple[str, ...], Any] = {
        ("nodes",): NODES,
        ("queues", "/", SESSION, "bindings"): [
            {"source": "", "routing_key": SESSION},
            {"source": "amq.topic", "routing_key": "iot.v1.a.#"},
        ],
        ("queues", "/", SESSION): queue
        | {"consumer_details": [{"prefetch_count": 50}, {"prefetch_count": 20}, {"prefetch_count": 0}, {}]},
        ("queues", "/", "gateway.unroutable"): {"name": "gateway.unroutable", "node": "b", "messages": 7},
    }
    seen = see(Answers(documents), "gateway-1")
    assert (seen.keys, seen.window, seen.unroutable) == (["iot.v1.a.#"], 20, 7)
    queues = [QueueMembers(SESSION, ["a"], ["a"]), QueueMembers("gateway.unroutable", ["b"], [])]
    assert seen.cluster == ClusterSeen(queues, ["a", "b"], ["a"])
    nothing = see(Answers({("nodes",): NODES}), "gateway-1")
    assert nothing == ([], None, None, ClusterSeen([], ["a", "b"], ["a"]))
    del documents["queues", "/", "gateway.unroutable"]["messages"]
    documents["queues", "/", SESSION] = queue | {"consumer_details": None}
    again = see(Answers(documents), "gateway-1")
    assert (again.window, again.unroutable) == (None, 0)
    assert [queue.name for queue in see_queues(Answers(documents), [SESSION, "other"]).queues] == [SESSION]


def of_three(**queue: list[str]) -> dict[tuple[str, ...], Any]:
    """A cluster of three nodes that run, and a queue."""
    nodes = [{"name": name, "running": True} for name in "abc"]
    return {("nodes",): nodes, ("queues", "/", "q"): {"name": "q", "node": "a", **queue}}


def test_a_member_that_is_refused_for_good_is_told_at_once_and_one_that_is_not_online_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("gateway.ingest.broker.rabbitmq.queues.time.sleep", slept.append)
    api = Answers(of_three(members=["a"], online=["a"]), ManagementFault("no", 400))
    seen, refused = spread(api, ["q"])
    assert (refused, slept, [queue.name for queue in seen.few]) == (["no"], [], ["q"])
    where = ("queues", "quorum", "/", "q", "replicas", "add")
    assert api.changed == [(where, {"node": "b"}), (where, {"node": "c"})]

    api = Answers(of_three(members=["a", "b", "c"], online=["a", "b"]))

    def comes_online(seconds: float) -> None:
        slept.append(seconds)
        api.documents["queues", "/", "q"]["online"] = ["a", "b", "c"]

    monkeypatch.setattr("gateway.ingest.broker.rabbitmq.queues.time.sleep", comes_online)
    seen, refused = spread(api, ["q"])
    assert (refused, seen.away, slept, api.changed) == ([], [], [1.0], [])


def test_members_that_never_come_are_told_after_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [0.0]
    monkeypatch.setattr("gateway.ingest.broker.rabbitmq.queues.time.monotonic", lambda: now_s[0])
    monkeypatch.setattr("gateway.ingest.broker.rabbitmq.queues.time.sleep", lambda s: now_s.__setitem__(0, now_s[0] + s))
    seen, refused = spread(Answers(of_three(members=["a", "b", "c"], online=["a"])), ["q"])
    assert ([queue.name for queue in seen.away], refused, now_s) == (["q"], [], [31.0])


def test_whoever_watches_over_https_trusts_the_brokers_authority_or_says_that_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    mqtt = Mqtt.model_validate({"tls": {"ca": tmp_path / "none.pem"}})
    plain = {"url": "http://127.0.0.1:15672", "username": "w", "password_file": tmp_path / "password"}
    assert watch_api(ManagementSection.model_validate(plain), mqtt).url == plain["url"]
    secure = ManagementSection.model_validate(plain | {"url": "https://127.0.0.1:15671"})
    with pytest.raises(ConfigurationFault, match=r"none\.pem: mqtt\.tls\.ca: cannot be used: No such file"):
        watch_api(secure, mqtt)
    assert watch_api(secure, Mqtt()).url == "https://127.0.0.1:15671"
