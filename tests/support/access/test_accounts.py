"""The file of accounts: what its lines say, and what is wrong with them."""

from pathlib import Path

import pytest

from gateway.support.access.accounts import AccountRole, UserAccount, digest_of, load_accounts, parse_accounts, replaced
from gateway.support.config.files import ConfigurationFault
from tests.rows import each_row

LAN = UserAccount("lan.nguyen", AccountRole.TECHNICIAN, digest_of("q7Zx-correct-horse"))
LINE = f"lan.nguyen technician {LAN.digest.hex()}\n"
FILE = Path("tokens")


def test_accounts_are_read_beside_comments_and_empty_lines() -> None:
    assert parse_accounts(f"# the water works\n\n{LINE}", FILE) == [LAN]


@each_row(
    ("line", "said"),
    [
        pytest.param("lan", "an account is NAME ROLE SHA256", id="words-missing"),
        pytest.param(f"lan boss {'0' * 64}", "'boss' is no role; there are read, technician, admin", id="no-role"),
        pytest.param("lan admin correct-horse-battery", "the third word is not a SHA-256", id="the-token-itself"),
        pytest.param(f"token admin {'0' * 64}", "'token' is a name of the gateway's own", id="its-own-name"),
        pytest.param(f"-lan admin {'0' * 64}", "'-lan' is no name of an account", id="no-name"),
        pytest.param(f"ubnd read {'0' * 64} domain=gas", "domain: name one of water, power, traffic, urban", id="no-domain"),
        pytest.param(f"ubnd read {'0' * 64} area=p-01", "domain: name one of water, power, traffic, urban", id="areas-alone"),
        pytest.param(f"ubnd read {'0' * 64} domain=water x", "'x' is no limit", id="no-limit"),
        pytest.param(f"ubnd read {'0' * 64} domain=water area=", "'area=' is no limit", id="no-area"),
        pytest.param(f"ubnd read {'0' * 64} domain=water area=a,", "area: '' is no code of an area", id="empty-area"),
        pytest.param(f"ubnd read {'0' * 64} domain=water domain=power", "'domain=power' is no limit", id="two-domains"),
        pytest.param(f"ubnd admin {'0' * 64} domain=water", "only an account of the role read has a limit", id="no-reader"),
        pytest.param(f"lan.nguyen admin {'0' * 64}", "lan.nguyen has a line already", id="twice"),
    ],
)
def test_a_line_that_is_no_account_is_named(line: str, said: str) -> None:
    with pytest.raises(ConfigurationFault) as fault:
        parse_accounts(f"{LINE}{line}\n", FILE)
    assert str(fault.value).startswith(f"tokens: line 2: {said}")


def test_a_limit_is_written_as_it_is_read() -> None:
    line = f"ubnd read {LAN.digest.hex()} domain=water area=p-01,x.02"
    (account,) = parse_accounts(line, FILE)
    assert account.line == line
    scope = account.scope
    assert scope is not None
    assert scope.has("water", "p-01")
    assert not scope.has("water", "p-03")
    assert not scope.has("water", None)
    assert not scope.has("power", "p-01")
    assert not scope.covers(None)


def test_a_missing_file_says_how_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match="make it with: gateway setup token NAME ROLE"):
        load_accounts(tmp_path / "tokens")
    assert load_accounts(None) == []


def test_a_role_may_do_what_those_before_it_may() -> None:
    assert AccountRole.READ < AccountRole.TECHNICIAN < AccountRole.ADMIN


def test_an_account_is_replaced_at_its_place_and_removed_alone() -> None:
    text = f"# works\n{LINE}# others\n"
    other = LAN._replace(role=AccountRole.READ)
    assert replaced(text, LAN.name, other) == f"# works\nlan.nguyen read {LAN.digest.hex()}\n# others\n"
    assert replaced(text, LAN.name, None) == "# works\n# others\n"
    assert replaced("# works", "binh", LAN._replace(name="binh")) == f"# works\nbinh technician {LAN.digest.hex()}\n"
