"""``gateway setup token`` and ``certificates``: what they hand out, refuse, and record."""

import json
import stat
from pathlib import Path

import pytest

from gateway.commands.cli import main
from gateway.support.access.accounts import UserAccount, digest_of, load_accounts
from gateway.support.audit.log import AuditLog
from tests.rows import each_row


class Folder:
    """A folder in which the commands are given."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path, self._capsys, self.tokens = path, capsys, path / "tokens"
        (path / "gateway.yaml").write_text(json.dumps({"http": {"tokens_file": "tokens"}, "journal": {"path": "journal.db"}}))

    def command(self, *words: str, status: int = 0) -> str:
        """Set something up; return what is printed."""
        assert main(["setup", *words]) == status
        said = self._capsys.readouterr()
        return said.out if status == 0 else said.err

    def token(self, *words: str, status: int = 0) -> str:
        """Give an account a token."""
        return self.command("token", *words, "-c", str(self.path / "gateway.yaml"), status=status)

    def certificates(self, *words: str, status: int = 0) -> str:
        """Make a certificate."""
        return self.command("certificates", *words, "--to", str(self.path / "ca"), status=status)

    def refused(self, *words: str) -> str:
        """The fault of a token that is not given."""
        return self.token(*words, status=2)

    def account(self, name: str) -> UserAccount | None:
        """The account of a name."""
        return next((one for one in load_accounts(self.tokens) if one.name == name), None)

    def audited(self) -> list[tuple[str, object, object]]:
        """The audit log in short, the oldest first."""
        entries = AuditLog(self.path / "journal.db").entries(None, 9)[::-1]
        return [(entry["action"], entry.get("before"), entry.get("after")) for entry in entries]


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Folder:
    return Folder(tmp_path, capsys)


def test_a_token_is_shown_once_and_only_its_digest_is_kept(folder: Folder) -> None:
    said = folder.token("lan.nguyen", "technician")
    head, _, token, _, written = said.splitlines()
    assert head == "token of lan.nguyen, with the role technician; it is shown this once:"
    assert written.startswith(f"{folder.tokens}: written; to activate it, reload the gateway: ")
    account = folder.account("lan.nguyen")
    assert account is not None
    assert (account.role.word, account.digest) == ("technician", digest_of(token.strip()))
    assert token.strip() not in folder.tokens.read_text()
    assert stat.S_IMODE(folder.tokens.stat().st_mode) & stat.S_IRWXO == 0


def test_a_new_token_ends_the_old_one_and_a_removed_account_is_gone(folder: Folder) -> None:
    folder.token("lan", "read")
    folder.token("hoa", "admin")
    before = folder.account("lan")
    assert "lan has a token already; --replace gives a new one and ends the old one" in folder.refused("lan", "read")
    assert folder.account("lan") == before
    folder.token("lan", "technician", "--replace")
    after = folder.account("lan")
    assert before is not None
    assert after is not None
    assert (after.role.word, after.digest != before.digest) == ("technician", True)
    assert folder.token("lan", "--remove").startswith(f"{folder.tokens}: lan is removed; ")
    assert (folder.account("lan"), folder.account("hoa") is None) == (None, False)
    assert folder.audited() == [
        ("token given", None, "read"),
        ("token given", None, "admin"),
        ("token given", "read", "technician"),
        ("token removed", "technician", None),
    ]


@each_row(
    ("words", "said"),
    [
        (("lan",), "ROLE: name one of read, technician, admin\n"),
        (("lan", "boss"), "ROLE: name one of read, technician, admin\n"),
        (("two words", "read"), "NAME: "),
        (("lan", "--remove"), "tokens: there is no account lan\n"),
    ],
)
def test_what_is_no_account_is_refused(folder: Folder, words: tuple[str, ...], said: str) -> None:
    assert said in folder.token(*words, status=2)
    assert not folder.tokens.exists()


def test_an_account_with_a_limit_keeps_it_and_its_role(folder: Folder) -> None:
    folder.tokens.write_text(f"agency read {digest_of('x').hex()} domain=water\n")
    assert "agency has a limit, so its role stays read; remove it first" in folder.refused("agency", "admin", "--replace")
    folder.token("agency", "read", "--replace")
    account = folder.account("agency")
    assert account is not None
    assert account.scope is not None


def test_a_configuration_without_a_file_of_tokens_has_no_accounts(folder: Folder) -> None:
    (folder.path / "gateway.yaml").write_text("{}")
    assert "http.tokens_file: name the file that is to hold the accounts, such as tokens" in folder.refused("lan", "read")


def test_an_authority_is_made_once_with_a_key_that_nobody_else_reads(folder: Folder) -> None:
    said = folder.certificates("server", "broker.vn", "--also", "10.0.0.1").splitlines()
    ca = folder.path / "ca"
    names = ["ca.key", "ca.crt", "ca.crl", "broker.vn.key", "broker.vn.crt"]
    assert said == [
        *(f"{ca}/{name}: written" for name in names),
        f"broker.vn.crt and broker.vn.key go to the server; {ca}/ca.key must never leave this machine",
    ]
    modes = {name: stat.S_IMODE((ca / name).stat().st_mode) for name in names}
    assert modes == {name: 0o600 if name.endswith(".key") else 0o644 for name in names}
    assert stat.S_IMODE(ca.stat().st_mode) == 0o700
    authority = (ca / "ca.crt").read_bytes()
    assert "wm-1.crt and wm-1.key go to the device" in folder.certificates("client", "wm-1")
    assert "node.crt and node.key go to the service or gateway" in folder.certificates("service", "node")
    assert (ca / "ca.crt").read_bytes() == authority
    refused = folder.certificates("client", "wm-1", status=2)
    assert refused == f"{ca}/wm-1.crt: is there already; `gateway setup certificates renew wm-1` makes it anew\n"
    before = (ca / "wm-1.crt").read_bytes()
    assert "the old certificate is good until it ends, or until it is revoked" in folder.certificates("renew", "wm-1")
    assert (ca / "wm-1.crt").read_bytes() != before
    listed = (ca / "ca.crl").read_bytes()
    *_, last = folder.certificates("revoke", "--yes", "wm-1").splitlines()
    assert last.startswith(f"copy {ca}/ca.crl to the broker and reload it: ")
    assert (ca / "ca.crl").read_bytes() != listed


def test_what_is_no_certificate_or_no_name_is_refused(folder: Folder) -> None:
    assert "a/b: a name or an address is 1 to 64 of A-Z" in folder.certificates("server", "a/b", status=2)
    assert "x y: a name or an address" in folder.certificates("server", "a", "--also", "x y", status=2)
    assert (
        folder.certificates("renew", "none", status=2)
        == f"{folder.path}/ca/none.crt: cannot be read: No such file or directory\n"
    )
    folder.certificates("client", "wm-1")
    (folder.path / "ca" / "wm-1.crt").write_text("no certificate")
    assert folder.certificates("renew", "wm-1", status=2).startswith(f"{folder.path}/ca/wm-1.crt: ")
    (folder.path / "ca" / "ca.key").write_bytes((folder.path / "ca" / "wm-1.key").read_bytes())
    said = folder.certificates("client", "wm-2", status=2)
    assert said == f"{folder.path}/ca/ca.key: certificate and key do not belong together\n"
