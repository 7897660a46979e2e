"""``gateway setup rabbitmq`` before there is a broker: the files that it writes."""

import json
import stat

import pytest

from gateway.commands.cli import main
from tests.site import Site


class Planning:
    """A utility's folder in which the command is given."""

    def __init__(self, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        site.devices(*({"id": f"m{at}", "site": f"s{at}", "domain": "water"} for at in range(4)))
        assert site.config
        self.folder, self._capsys = site.folder, capsys
        self.secrets, self.conf = site.folder / "secrets", site.folder / "90-gateway.conf"

    def command(self, *words: str, status: int = 0) -> str:
        """Give the command; return what it prints."""
        given = ["setup", "rabbitmq", "-c", str(self.folder / "gateway.yaml"), "--conf", str(self.conf), *words]
        assert main(given) == status
        said = self._capsys.readouterr()
        return said.out if status == 0 else said.err

    def users(self) -> set[str]:
        """The accounts among the definitions that it wrote."""
        return {user["name"] for user in json.loads((self.secrets / "rabbitmq-definitions.json").read_text())["users"]}

    def passwords(self) -> dict[str, str]:
        """The password files."""
        return {path.stem: path.read_text() for path in self.secrets.glob("*.password")}


@pytest.fixture
def planning(site: Site, capsys: pytest.CaptureFixture[str]) -> Planning:
    return Planning(site, capsys)


def test_a_service_has_an_account_where_it_was_asked_for_now_or_before(planning: Planning) -> None:
    planning.command("--names", "g-1,g-2")
    own = planning.users()
    assert {"g-1", "g-2", "gateway-watch"} < own
    planning.command("--service", "chirpstack")
    assert planning.users() == {*own, "chirpstack"}
    planning.command("--service", "node-red")
    assert planning.users() == {*own, "chirpstack", "node-red"}


def test_given_again_it_keeps_passwords_and_shares(planning: Planning) -> None:
    planning.command("--names", "g-1,g-2")
    before, shares = planning.passwords(), (planning.folder / "shares.yaml").read_text()
    assert planning.users() == {*before}
    assert len({*before.values()}) == len(before)
    said = planning.command("--gateways", "2")
    assert f"{planning.folder}/shares.yaml: is there, and stays as it is" in said
    assert f"{planning.conf}: is as it should be" in said
    assert (planning.passwords(), (planning.folder / "shares.yaml").read_text()) == (before, shares)


def test_secrets_are_not_for_others_and_configuration_is(planning: Planning) -> None:
    planning.command("--names", "g-1")
    assert all(not stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO for path in planning.secrets.iterdir())
    for path in (planning.conf, planning.folder / "shares.yaml"):
        assert stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH


def test_a_dry_run_writes_nothing(planning: Planning) -> None:
    before = set(planning.folder.iterdir())
    assert "g-1" in planning.command("--names", "g-1,g-2", "--dry-run")
    assert set(planning.folder.iterdir()) == before


def _refused(planning: Planning, *words: str) -> str:
    return planning.command(*words, status=2)


def test_the_number_of_gateways_is_asked_for_once_and_not_changed_in_passing(planning: Planning) -> None:
    assert "is not there yet; --gateways N says how many" in _refused(planning)
    planning.command("--gateways", "2")
    assert "not 3: edit the list there" in _refused(planning, "--gateways", "3")
    assert "not a, b: edit the list there" in _refused(planning, "--names", "a,b")
    before = planning.users()
    planning.command("--gateways", "3", "--replace")
    assert planning.users() > before, "those that were there stay, with their sessions"
