"""``gateway move``: the file, what is refused, and what it says of a move under way."""

from collections.abc import Iterator, Mapping

import pytest

from gateway.commands.cli import main
from gateway.commands.devices.move import how_far
from gateway.core.gateways.sharing import Share
from gateway.core.gateways.tenures import Stage
from gateway.monitoring.reports.share_claims import Claim
from gateway.support.registry.shares import load_shares
from tests.site import Site

FILE = "gateways: [gateway-1, gateway-2]\nshares: [{site: a, gateway: gateway-1}, {site: b}]  # by hand\n"


TOLD: dict[str, dict[str, Claim]] = {}


@pytest.fixture(autouse=True)
def _database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In the database's place: what gateways told of their shares."""

    async def told(*_: object) -> dict[str, dict[str, Claim]]:
        return TOLD

    monkeypatch.setattr("gateway.commands.devices.move._claims", told)
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
