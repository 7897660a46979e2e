"""``gateway unroutable``: whatever is wrong about the way to RabbitMQ is one sentence."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gateway.commands.cli import main
from tests.site import Site


class _Page(BaseHTTPRequestHandler):
    """A web server that is not RabbitMQ."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[str]:
    """The address of a web server of somebody else."""
    with HTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def unroutable(site: Site, management: str, **mqtt: str) -> int:
    """``gateway unroutable`` with this section in the file of shares."""
    (site.folder / "shares.yaml").write_text(f"gateways: [gateway-1]\nshares: [{{site: a}}]\n{management}")
    (site.folder / "watch.password").write_text("secret\n")
    site.sections["mqtt"] = mqtt
    _ = site.config
    return main(["unroutable", "-c", str(site.folder / "gateway.yaml")])


def section(url: str, file: str = "watch.password") -> str:
    return f"management: {{url: '{url}', username: gateway-watch, password_file: {file}}}\n"


@pytest.mark.parametrize(
    ("management", "mqtt", "status", "said"),
    [
        ("", {}, 2, "mqtt.shares: is not set"),
        ("", {"shares": "shares.yaml"}, 2, "shares.yaml: management: is missing"),
        ("", {"shares": "none.yaml"}, 2, "none.yaml: document: cannot be read: No such file or directory"),
        (section("http://127.0.0.1:1"), {"shares": "shares.yaml"}, 3, "http://127.0.0.1:1 does not answer: Connection refused"),
        (section("http://127.0.0.1:x"), {"shares": "shares.yaml"}, 2, "shares.yaml: management.url: "),
        (section("http://127.0.0.1:1", "none"), {"shares": "shares.yaml"}, 2, "none: document: cannot be read"),
    ],
)
def test_what_is_wrong_is_said(
    site: Site, capsys: pytest.CaptureFixture[str], management: str, mqtt: dict[str, str], status: int, said: str
) -> None:
    assert unroutable(site, management, **mqtt) == status
    told = capsys.readouterr().err
    assert (said in told, told.count("\n")) == (True, 1), told


def test_another_web_server_is_not_taken_for_a_rabbitmq_that_keeps_nothing(
    site: Site, stranger: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert unroutable(site, section(stranger), shares="shares.yaml") == 3
    assert "404 is this the management API of RabbitMQ?" in capsys.readouterr().err
