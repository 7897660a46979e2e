"""``gateway setup rabbitmq`` before there is a broker: the files that it writes."""

import json
import stat

import pytest

from gateway.commands.cli import main
from tests.commands.answering import Answering
from tests.rows import each_row
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
    planning.command("--gateways", "3", "--replace", "--yes")
    assert planning.users() > before, "those that were there stay, with their sessions"


def applied(planning: Planning, *words: str, status: int = 0) -> str:
    """Give the command for a broker that is there."""
    (planning.folder / "admin.password").write_text("secret\n")
    return planning.command(
        "--names", "g-1", "--admin-password-file", f"{planning.folder}/admin.password", *words, status=status
    )


@pytest.fixture
def rabbitmq(server: Answering) -> Answering:
    """A RabbitMQ of one node without settings, which takes what it is given."""
    server.answers |= {
        ("GET", "/api/overview"): {"rabbitmq_version": "4.1.0"},
        ("GET", "/api/definitions"): {"users": [], "vhosts": [], "permissions": [], "topic_permissions": [], "policies": []},
        ("POST", "/api/definitions"): (204, ""),
        ("GET", "/api/nodes"): (200, json.dumps([{"name": "rabbit@a", "running": True}])),
    }
    return server


def test_a_dry_run_says_what_a_broker_lacks_and_sets_nothing(planning: Planning, rabbitmq: Answering) -> None:
    said = applied(planning, "--apply", rabbitmq.url, "--dry-run")
    assert [one.method for one in rabbitmq.asked if one.method != "GET"] == []
    assert "users: g-1" in said
    assert "; set\n" not in said
    assert rabbitmq.asked[0].headers["authorization"] == "Basic Z3Vlc3Q6c2VjcmV0"


def test_what_a_broker_does_not_take_is_said_and_the_command_fails(planning: Planning, rabbitmq: Answering) -> None:
    said = applied(planning, "--apply", rabbitmq.url, status=3)
    assert [one.path for one in rabbitmq.asked if one.method == "POST"] == ["/api/definitions"]
    assert f"{rabbitmq.url}: " in said
    assert " settings did not take; remove what stands in their place, and repeat this command\n" in said


@each_row(
    ("words", "status", "said"),
    [
        (("--apply", "http://[::1"), 2, "--apply: 'http://[::1' is no address; write http://127.0.0.1:15672\n"),
        (("--apply", "ftp://h"), 2, "--apply: 'ftp://h' is no address; "),
        (("--apply", "http:///x"), 2, "--apply: 'http:///x' is no address; "),
        (
            ("--apply", "http://u@h"),
            2,
            "--apply: write no user into the address: --admin and ",
        ),
        (("--apply", "https://h", "--ca", "/none.crt"), 2, "/none.crt: cannot be used: No such file or directory\n"),
        (("--apply", "http://127.0.0.1:9"), 3, "http://127.0.0.1:9 does not answer: "),
    ],
)
def test_an_address_of_no_broker_is_refused(planning: Planning, words: tuple[str, ...], status: int, said: str) -> None:
    assert said in applied(planning, *words, status=status)
    assert not (planning.folder / "shares.yaml").exists() or status == 3


def test_the_administrator_has_a_password_in_a_file(planning: Planning, rabbitmq: Answering) -> None:
    said = planning.command("--names", "g-1", "--apply", rabbitmq.url, status=2)
    assert said == "--admin-password-file: name the file with the password of RabbitMQ's administrator\n"


def test_a_broker_that_is_too_old_is_left_alone(planning: Planning, rabbitmq: Answering) -> None:
    rabbitmq.answers["GET", "/api/overview"] = {"rabbitmq_version": "3.12.0"}
    assert "3.12.0" in applied(planning, "--apply", rabbitmq.url, status=3)
    assert [one.method for one in rabbitmq.asked if one.method != "GET"] == []


def test_a_first_file_says_how_even_it_is_and_what_to_do_next(planning: Planning) -> None:
    said = planning.command("--names", "g-1,g-2", "--topic", "application/7/#", "--group", "north")
    assert "6 shares; of the readings get g-1 " in said
    assert f"  5. rabbitmqctl import_definitions {planning.secrets}/rabbitmq-definitions.json\n" in said
    assert f"         password_file: {planning.secrets}/g-1.password\n" in said
    assert "         client_id: g-1\n" in said
    text = (planning.folder / "shares.yaml").read_text()
    assert 'topic: "application/7/#"' in text
    assert "group: north" in text
    assert (
        'management: {url: "http://127.0.0.1:15672", username: gateway-watch, password_file: "secrets/gateway-watch.password"}'
        in text
    )
