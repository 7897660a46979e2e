"""The token: all of it, or none."""

from pathlib import Path

import pytest

from gateway.support.access.accounts import (
    OWN_NAME,
    Access,
    AccountRole,
    UserAccount,
    configured_token,
    digest_of,
    make_token,
    open_access,
    own_token_file,
)
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config, HttpSection, JournalSection

WHOLE = "q7Zx-correct-horse-battery"


def opened_with(token: str) -> Access:
    return Access(UserAccount(OWN_NAME, AccountRole.ADMIN, digest_of(token)), [])


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(WHOLE[:4], id="its-first-four-characters"),
        pytest.param(WHOLE[:4] + "x" * (len(WHOLE) - 4), id="as-long-and-begins-alike"),
        pytest.param(WHOLE[:-1], id="all-but-the-last"),
        pytest.param(WHOLE + "x", id="one-more"),
        pytest.param(WHOLE.swapcase(), id="in-other-letters"),
        pytest.param("", id="nothing"),
        pytest.param("mã-thông-báo", id="not-ascii"),
        pytest.param(WHOLE[:-1] + "\udcff", id="a-byte-that-is-no-text"),
        pytest.param("\ud800", id="half-a-character"),
    ],
)
def test_a_token_that_is_not_the_whole_token_opens_nothing(shown: str) -> None:
    assert opened_with(WHOLE).account_of(shown) is None


@pytest.mark.parametrize("shown", [WHOLE, f" {WHOLE}\n"], ids=["as-it-is", "with-the-end-of-its-line"])
def test_the_whole_token_opens(shown: str) -> None:
    assert opened_with(WHOLE).account_of(shown) is not None


@pytest.mark.parametrize("token", ["x" * 1000, "sáu chữ cái và dấu cách", "🚰" * 16], ids=["long", "vietnamese", "signs"])
def test_a_token_may_be_long_and_of_any_letters(token: str) -> None:
    assert opened_with(token).account_of(token) is not None
    assert opened_with(token).account_of(token[:-1]) is None


def test_a_token_that_is_made_is_long_and_another_at_each_start(tmp_path: Path) -> None:
    made = {make_token(tmp_path / "journal.db") for _ in range(20)}
    assert len(made) == 20
    assert min(map(len, made)) >= 32


def test_the_token_that_was_made_lies_beside_the_journal_for_commands(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = tmp_path / "journal.db"
    (tmp_path / "journal.db.token").write_text("of an earlier run")
    assert own_token_file(journal).read_text() == "of an earlier run"
    token = make_token(journal)
    assert own_token_file(journal).read_text() == token
    assert caplog.records == []
    assert len(make_token(tmp_path / "missing" / "journal.db")) >= 32
    assert "cannot be written, so commands cannot act through this gateway: No such file" in caplog.text


def test_the_gateways_own_account_has_the_token_of_its_file_or_one_made_for_this_run(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"lan read {'0' * 64}\n")
    config = Config(http=HttpSection(tokens_file=tmp_path / "tokens"), journal=JournalSection(path=tmp_path / "journal.db"))
    made = open_access(config)
    own = made.account_of(own_token_file(config.journal.path).read_text())
    assert own is not None
    assert (own.name, own.role, configured_token(config)) == (OWN_NAME, AccountRole.ADMIN, None)
    assert made.holds(UserAccount("lan", AccountRole.READ, bytes(32)))
    file = tmp_path / "token"
    config = config.model_copy(update={"http": HttpSection(token_file=file)})
    file.write_text("x" * 16 + "\nmore")
    assert configured_token(config) == "x" * 16
    assert open_access(config).account_of("x" * 16) is not None
    for text, said in {"x" * 15: "its first line is a token of 15 characters", "\nx": "its first line is empty"}.items():
        file.write_text(text)
        with pytest.raises(ConfigurationFault) as fault:
            configured_token(config)
        remedy = f"a token has 16 or more; make one with: openssl rand -hex 24 > {file}"
        assert fault.value.lines == [f"{file}: http.token_file: {said}; {remedy}"]


def test_an_account_that_was_removed_or_changed_holds_no_longer() -> None:
    lan = UserAccount("lan", AccountRole.TECHNICIAN, digest_of("q7Zx-of-lan"))
    access = Access(UserAccount(OWN_NAME, AccountRole.ADMIN, digest_of(WHOLE)), [lan])
    assert access.account_of("q7Zx-of-lan") == lan
    access.replace([lan._replace(role=AccountRole.READ)])
    assert not access.holds(lan)
    assert access.account_of("q7Zx-of-lan") == lan._replace(role=AccountRole.READ)
    access.replace([])
    assert access.account_of("q7Zx-of-lan") is None
    assert access.account_of(WHOLE) is not None, "the gateway's own token stays"
