"""``gateway move`` and ``gateway unroutable``: what is refused, what is told of a move, and a way to RabbitMQ that is wrong."""

import gzip
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gateway.commands.cli import main
from gateway.commands.sharing import how_far
from gateway.core.gateways.sharing import Share
from gateway.core.gateways.tenures import Stage
from gateway.ingest.database.store import StoreFault
from gateway.monitoring.reports.take_over import Claim
from gateway.support.audit.log import AuditLog
from gateway.support.config.model import Config
from gateway.support.registry.shares import load_shares
from tests.commands.answering import Answering
from tests.site import Site

FILE = "gateways: [gateway-1, gateway-2]\nshares: [{site: a, gateway: gateway-1}, {site: b}]  # by hand\n"


TOLD: dict[str, dict[str, Claim]] = {}


@pytest.fixture(autouse=True)
def _database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In the database's place: what gateways told of their shares."""

    async def told(*_: object) -> dict[str, dict[str, Claim]]:
        return TOLD

    monkeypatch.setattr("gateway.commands.sharing._claims", told)
    yield
    TOLD.clear()


def move(site: Site, *arguments: str, text: str = FILE, **mqtt: str) -> int:
    """Run it without waiting."""
    (site.folder / "shares.yaml").write_text(text)
    site.sections["mqtt"] = {"shares": "shares.yaml"} | mqtt
    _ = site.config
    return main(["move", *arguments, "--no-wait", "-c", str(site.folder / "gateway.yaml")])


def test_the_share_is_pinned_and_it_is_said_what_to_do(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert move(site, "a", "--to", "gateway-2") == 0
    path = site.folder / "shares.yaml"
    assert path.read_text() == FILE.replace("{site: a, gateway: gateway-1}", "{site: a, gateway: gateway-2}")
    said = capsys.readouterr().out
    assert f"{path}: a is gateway-2's; it was gateway-1's\n" in said
    assert "give this file to each gateway, in any order" in said
    assert "with it a goes" not in said
    assert "with it a goes" not in said
    assert load_shares(path).assigned[Share(site="a", gateway="gateway-2", weight=1.0)] == "gateway-2"
    assert "with it b goes from gateway-2 to gateway-1" in said or load_shares(path).of("gateway-1") == []


def test_a_gateway_may_be_named_by_the_beginning_of_its_client_id(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    text = "gateways: [gateway-1-4c7f0e92ab, gateway-2-4c7f0e92ab]\nshares: [{site: a, gateway: gateway-1-4c7f0e92ab}]\n"
    assert move(site, "a", "--to", "gateway-2", text=text, client_id="gateway-1-4c7f0e92ab") == 0
    assert ": a is gateway-2-4c7f0e92ab's; it was gateway-1-4c7f0e92ab's\n" in capsys.readouterr().out


def test_what_cannot_be_moved_is_said(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in {
        ("c", "--to", "gateway-2"): "shares.yaml: has no share c; it has a, b",
        ("a", "--to", "gateway-7"): "gateways: gateway-7 is not among them (gateway-1, gateway-2)",
    }.items():
        assert move(site, *arguments) == 2
        assert said in capsys.readouterr().err
    assert (site.folder / "shares.yaml").read_text() == FILE
    site.sections["mqtt"] = {}
    _ = site.config
    assert main(["move", "a", "--to", "gateway-2", "-c", str(site.folder / "gateway.yaml")]) == 2
    assert "mqtt.shares: is not set" in capsys.readouterr().err


def test_a_second_move_waits_for_the_first(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Else three gateways would have readings of the site."""
    TOLD["a"] = {"gateway-1": Claim(Stage.LEAVING, 0), "gateway-2": Claim(Stage.TAKING_OVER, 3)}
    assert move(site, "a", "--to", "gateway-1") == 2
    assert capsys.readouterr().err == "a: gateway-2 still takes it over; wait until that is done\n"
    assert (site.folder / "shares.yaml").read_text() == FILE
    assert move(site, "a", "--to", "gateway-2") == 0, "the same move"
    capsys.readouterr()
    three = FILE.replace("gateway-2]", "gateway-2, gateway-3]")
    assert move(site, "a", "--to", "gateway-3", text=three) == 2
    assert capsys.readouterr().err == "a: gateway-2 still takes it over from gateway-1; wait until that is done\n"
    TOLD["a"]["gateway-1"] = Claim(Stage.LEFT, 0)
    assert move(site, "a", "--to", "gateway-3", text=three) == 2
    assert capsys.readouterr().err == "a: gateway-2 still takes it over; wait until that is done\n"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"gateway-1": Claim(Stage.HOLDING, 0)}, "a: gateway-2 has not read the file yet ..."),
        (
            {"gateway-1": Claim(Stage.HOLDING, 0), "gateway-2": Claim(Stage.TAKING_OVER, 3)},
            "a: gateway-2 reads it; gateway-1 has not left it yet ...",
        ),
        (
            {"gateway-1": Claim(Stage.LEAVING, 0), "gateway-2": Claim(Stage.TAKING_OVER, 3)},
            "a: gateway-2 reads it, 3 devices without sums; gateway-1 still writes what had come there ...",
        ),
        (
            {"gateway-1": Claim(Stage.LEFT, 0), "gateway-2": Claim(Stage.TAKING_OVER, 1312)},
            "a: gateway-2 reads it; sums of 1,312 devices are asked for ...",
        ),
        ({"gateway-1": Claim(Stage.LEFT, 0), "gateway-2": Claim(Stage.HOLDING, 0)}, "a: gateway-2 has it, with its sums"),
    ],
)
def test_it_says_who_is_waited_for(told: Mapping[str, Claim], said: str) -> None:
    assert how_far({"a": told}, "a", "gateway-2") == said


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


@pytest.fixture
def moving(site: Site, server: Answering, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A move that is watched: each look is the next one of those in TOLD_LATER, and nobody waits between them."""
    monkeypatch.setattr("gateway.commands.sharing._LOOK_EVERY_S", 0)
    server.answers["POST", "/write"] = (204, "")
    site.sections["influxdb"] = {"url": server.url, "api": "v1"}
    return site


def watched(site: Site, *arguments: str, text: str = FILE) -> int:
    """Run it, and wait until it is done."""
    (site.folder / "shares.yaml").write_text(text)
    site.sections["mqtt"] = {"shares": "shares.yaml"}
    _ = site.config
    return main(["move", *arguments, "-c", str(site.folder / "gateway.yaml")])


def looks(monkeypatch: pytest.MonkeyPatch, *found: dict[str, Claim] | Exception) -> None:
    """Let these be told, one after the other, the last one for ever."""
    left = list(found)

    async def told(config: Config, share: str, _: object) -> dict[str, dict[str, Claim]]:
        assert (share, config.mqtt.shares is not None) == ("a", True)
        now = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(now, Exception):
            raise now
        return {"a": now}

    monkeypatch.setattr("gateway.commands.sharing._claims", told)


HOLDS = {"gateway-1": Claim(Stage.LEFT, 0), "gateway-2": Claim(Stage.HOLDING, 0)}
LEAVES = {"gateway-1": Claim(Stage.LEAVING, 0), "gateway-2": Claim(Stage.TAKING_OVER, 3)}


def test_it_is_told_how_far_a_move_is_until_it_is_done(
    moving: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks(monkeypatch, {"gateway-1": Claim(Stage.HOLDING, 0)}, LEAVES, LEAVES, HOLDS)
    assert watched(moving, "a", "--to", "gateway-2") == 0
    *_, leaving, done = capsys.readouterr().out.splitlines()
    assert leaving == "a: gateway-2 reads it, 3 devices without sums; gateway-1 still writes what had come there ..."
    assert done == "a: gateway-2 has it, with its sums"
    (entry,) = AuditLog(moving.config.journal.path).entries(None, 9)
    assert [entry[key] for key in ("action", "subject", "before", "after")] == ["share moved", "a", "gateway-1", "gateway-2"]


def test_a_share_that_is_there_already_is_watched_and_no_change_is_recorded(
    moving: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks(monkeypatch, {"gateway-1": Claim(Stage.HOLDING, 0)})
    assert watched(moving, "a", "--to", "gateway-1") == 0
    assert "it was" not in capsys.readouterr().out
    assert (moving.folder / "shares.yaml").read_text() == FILE
    assert AuditLog(moving.config.journal.path).entries(None, 9) == []


def test_in_the_place_of_a_gateway_that_is_gone_it_is_said_that_nothing_more_comes(
    moving: Site, server: Answering, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks(monkeypatch, LEAVES, LEAVES, HOLDS)
    assert watched(moving, "a", "--to", "gateway-2", "--gone", "gateway-1", "--yes") == 0
    (written,) = [one for one in server.asked if one.path == "/write"]
    line = gzip.decompress(written.body).decode()
    assert line.startswith("share,channel=gateway-1,device=a ")
    assert f"stage={float(Stage.LEFT)!r}" in line
    assert "gateway-1 is not waited for; what waits in its queue and its journal has no sums" in capsys.readouterr().out
    assert [entry["action"] for entry in AuditLog(moving.config.journal.path).entries(None, 9)] == [
        "share given up",
        "share moved",
    ]


def test_a_gateway_that_has_nothing_of_a_share_cannot_be_gone_from_it(
    moving: Site, server: Answering, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks(monkeypatch, {}, HOLDS)
    assert watched(moving, "a", "--to", "gateway-2", "--gone", "gateway-1", "--yes") == 2
    assert capsys.readouterr().err == "--gone: gateway-1 has nothing of a\n"
    server.answers["POST", "/write"] = (401, "no")
    looks(monkeypatch, LEAVES)
    assert watched(moving, "a", "--to", "gateway-2", "--gone", "gateway-1", "--yes") == 3
    assert capsys.readouterr().err.startswith("this cannot be written: 401")


def test_a_move_that_is_not_waited_for_goes_on_by_itself(
    moving: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks(monkeypatch, HOLDS, StoreFault("http://x does not answer"))
    assert watched(moving, "a", "--to", "gateway-2") == 3
    assert capsys.readouterr().err == "http://x does not answer\n"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gateway.commands.sharing._pin", interrupt)
    looks(monkeypatch, HOLDS)
    assert watched(moving, "a", "--to", "gateway-2") == 1
    assert "the move goes on by itself; call the same command to see how far it is" in capsys.readouterr().err


def test_messages_that_no_gateway_reads_are_counted_and_brought_again(
    site: Site, server: Answering, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers["GET", "/api/queues/%2F/gateway.unroutable"] = {"messages": 5}
    assert unroutable(site, section(server.url), shares="shares.yaml") == 0
    assert capsys.readouterr().out == "5 messages reached no gateway\n"
    del server.answers["GET", "/api/queues/%2F/gateway.unroutable"]
    assert unroutable(site, section(server.url), shares="shares.yaml") == 2
    assert capsys.readouterr().err == f"{site.folder}/shares.yaml: RabbitMQ keeps none: gateway setup rabbitmq sets that up\n"


LONG = """gateways: [gateway-1-4c7f0e92ab, gateway-2-4c7f0e92ab]
shares: [{site: a, gateway: gateway-1-4c7f0e92ab}]
management: {url: 'URL', username: gateway-watch, password_file: watch.password}
"""


def test_on_a_terminal_it_is_told_how_many_messages_wait_for_who_is_leaving(
    moving: Site, server: Answering, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = "gateway-1-4c7f0e92ab", "gateway-2-4c7f0e92ab"
    (moving.folder / "watch.password").write_text("secret\n")
    server.answers["GET", f"/api/queues/%2F/mqtt-subscription-{old}qos1"] = {"messages": 1234}
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    leaves = {old: Claim(Stage.LEAVING, 0), new: Claim(Stage.TAKING_OVER, 3)}
    looks(monkeypatch, leaves, leaves, {old: Claim(Stage.LEFT, 0), new: Claim(Stage.HOLDING, 0)})
    assert watched(moving, "a", "--to", "gateway-2", text=LONG.replace("URL", server.url)) == 0
    assert capsys.readouterr().err == f"\r\x1b[K1,234 messages wait for {old}\r\x1b[K"
    server.answers.clear()
    looks(monkeypatch, leaves, leaves, {old: Claim(Stage.LEFT, 0), new: Claim(Stage.HOLDING, 0)})
    assert watched(moving, "a", "--to", "gateway-2", text=LONG.replace("URL", server.url)) == 0
    assert "wait for" not in capsys.readouterr().err, "the broker only says more"


def test_who_is_gone_hinders_no_move_and_may_be_named_by_the_beginning_of_its_id(
    moving: Site, server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = "gateway-1-4c7f0e92ab", "gateway-2-4c7f0e92ab"
    came = {old: Claim(Stage.TAKING_OVER, 3)}
    looks(monkeypatch, came, came, {new: Claim(Stage.HOLDING, 0)})
    assert watched(moving, "a", "--to", "gateway-2", "--gone", "gateway-1", "--yes", text=LONG.replace("URL", server.url)) == 0
    (written,) = [one for one in server.asked if one.path == "/write"]
    assert f"channel={old},device=a stage={float(Stage.LEFT)!r},waiting=0.0" in gzip.decompress(written.body).decode()


def test_a_file_that_cannot_be_written_or_read_back_stays_as_it_was(
    moving: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks(monkeypatch, HOLDS)
    monkeypatch.setattr("gateway.commands.sharing.pinned", lambda *_: "gateways: 7\n")
    assert watched(moving, "a", "--to", "gateway-2") == 2
    assert (moving.folder / "shares.yaml").read_text() == FILE

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.commands.sharing.replace_file", refuse)
    assert watched(moving, "a", "--to", "gateway-2") == 2
    assert capsys.readouterr().err.endswith(f"{moving.folder}/shares.yaml: cannot be written: No space left on device\n")
