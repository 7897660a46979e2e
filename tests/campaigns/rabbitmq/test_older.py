"""A RabbitMQ before 4 is refused with a sentence, by commands and by these tests."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gateway.commands.check.servers import check_queue
from gateway.ingest.catalog import load_catalog
from gateway.support.config.files import load
from tests.campaigns.rabbitmq.node import Erlang
from tests.system.rig import run_gateway


class OldManagement(BaseHTTPRequestHandler):
    """The management API of Debian 12's RabbitMQ, as far as it is asked."""

    def do_GET(self) -> None:
        """Tell the version."""
        body = json.dumps({"rabbitmq_version": "3.10.8"}).encode() if self.path == "/api/overview" else b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), OldManagement) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_setup_and_check_say_that_rabbitmq_4_is_needed(url: str, tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(json.dumps({"devices": {"registry": str(tmp_path / "devices.yaml")}}))
    (tmp_path / "devices.yaml").write_text("devices: [{id: m1, site: ward-1, domain: water}]")
    (tmp_path / "password").write_text("secret")
    shares = tmp_path / "shares.yaml"
    management = {"url": url, "username": "w", "password_file": "password"}
    shares.write_text(json.dumps({"gateways": ["gateway-1"], "shares": [{"site": "ward-1"}], "management": management}))
    access: list[str | Path] = ["--apply", url, "--admin", "guest", "--admin-password-file", tmp_path / "password"]
    done = run_gateway("setup", "rabbitmq", "-c", config, *access)
    assert (done.returncode, done.stderr) == (3, f"{url}: needs RabbitMQ 4, this is 3.10.8\n")

    config.write_text(json.dumps({"mqtt": {"client_id": "gateway-1", "shares": str(shares)}}))
    found = load(config)
    assert check_queue(found, load_catalog(found)) == f"{url}: needs RabbitMQ 4, this is 3.10.8"


@pytest.mark.parametrize(
    ("version", "said"), [("3.10.8", "needs RabbitMQ 4, this is 3.10.8"), ("4.0.5", ""), ("10.1.0", "")], ids=["3", "4", "10"]
)
def test_a_test_on_an_older_rabbitmq_is_skipped_with_a_sentence(version: str, said: str) -> None:
    assert Erlang(Path("/usr/lib/erlang"), Path(f"/usr/lib/rabbitmq/lib/rabbitmq_server-{version}")).too_old == said
