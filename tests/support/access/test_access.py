"""The token: all of it, or none."""

from pathlib import Path

import pytest

from gateway.support.access.accounts import OWN_NAME, Access, AccountRole, UserAccount, digest_of, make_token

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
