"""Accounts: a name, a role, and the digest of a token, one a line of ``http.tokens_file``; a reader's may have a limit.

A token is made at random, so its SHA-256 cannot be turned back, and the file gives nobody a token.

The limit is a part of the devices: ``domain=water area=p-01,x-02``. What a device belongs to is what the registry says of it,
since a device may publish what it likes. One without a domain in the registry belongs to nobody's part.

:class:`Access` holds those in force; the gateway's own has the token that the commands of this machine show.
"""

import hmac
import logging
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from enum import IntEnum
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from gateway.support.config.files import ConfigurationFault, secret, text_of
from gateway.support.config.model import Config
from schemas.quantities import DOMAINS
from schemas.registry import RegisteredDevice
from schemas.topics import is_name

_WORD: Final = re.compile(r"(domain|area)=(\S+)")


class DeviceScope(NamedTuple):
    """The registered devices of one domain, in areas of these codes; without any in all, and those without an area."""

    domain: str
    areas: frozenset[str] = frozenset()

    @property
    def words(self) -> list[str]:
        """The scope as words of a line."""
        return [f"domain={self.domain}", *([f"area={','.join(sorted(self.areas))}"] if self.areas else [])]

    def covers(self, device: RegisteredDevice | None) -> bool:
        """Tell if a device belongs to it; None: one that is not registered."""
        return device is not None and self.has(device.domain, device.area)

    def has(self, domain: str | None, area: str | None) -> bool:
        """Tell if a figure of a domain and an area belongs to it."""
        return domain == self.domain and (not self.areas or area in self.areas)


def parse_scope(words: Sequence[str]) -> DeviceScope | str:
    """The scope that words say; or what is wrong with them."""
    found: dict[str, str] = {}
    for word in words:
        match = _WORD.fullmatch(word)
        if match is None or match[1] in found:
            return f"{word!r} is no limit; write domain={DOMAINS[0]}, and after it area=CODE,CODE for some areas"
        found[match[1]] = match[2]
    return scope_of(found.get("domain", ""), found["area"].split(",") if "area" in found else [])


def scope_of(domain: str, areas: Sequence[str]) -> DeviceScope | str:
    """The scope of a domain and the codes of areas; or what is wrong with them."""
    if domain not in DOMAINS:
        return f"domain: name one of {', '.join(DOMAINS)}"
    wrong = next((area for area in areas if not is_name(area)), None)
    return f"area: {wrong!r} is no code of an area" if wrong is not None else DeviceScope(domain, frozenset(areas))


OWN_NAME: Final = "token"
"""Name of the account of ``http.token_file``, and of the token that the commands of this machine show."""
USER_HEADER: Final = "X-Gateway-User"
"""The user of this machine who gave a command; believed of who shows the token of that account."""
_NAME: Final = re.compile(r"[^\W_][\w.@+-]{0,63}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_WORDS: Final = 3


class AccountRole(IntEnum):
    """The rights of an account; each role may also do what those before it may."""

    READ = 1
    TECHNICIAN = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The role as files and messages write it."""
        return self.name.lower()


ROLES: Final = {role.word: role for role in AccountRole}


class UserAccount(NamedTuple):
    """An account; ``digest``: SHA-256 of its token, empty: none opens it; ``scope``: what a reader may see, None: all."""

    name: str
    role: AccountRole
    digest: bytes
    scope: DeviceScope | None = None

    @property
    def line(self) -> str:
        """The account as a line of ``http.tokens_file``."""
        limits = self.scope.words if self.scope is not None else []
        return " ".join([self.name, self.role.word, self.digest.hex(), *limits])


GUEST: Final = UserAccount("guest", AccountRole.READ, b"")
"""A reader on this machine without a token."""


def digest_of(token: str) -> bytes:
    """The digest of a token. Bytes of a header that are not text come as surrogates, and are a wrong token like any other."""
    return sha256(token.strip().encode(errors="surrogatepass")).digest()


def load_accounts(path: Path | None) -> list[UserAccount]:
    """The accounts in a file, none where no file is named; ConfigurationFault if it is missing or a line is no account."""
    if path is None:
        return []
    if not path.exists():
        raise ConfigurationFault([f"{path}: http.tokens_file: is not there; make it with: gateway setup token NAME ROLE"])
    return parse_accounts(text_of(path), path)


def parse_accounts(text: str, path: Path) -> list[UserAccount]:
    """The accounts in the text of a file: lines ``name role digest``, behind them the limit of a reader.

    Those that are empty or begin with # are left out; ConfigurationFault if a line is not an account.
    """
    found: dict[str, UserAccount] = {}
    faults: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        account = _account(words, found)
        if isinstance(account, str):
            faults.append(f"{path}: line {number}: {account}")
        else:
            found[account.name] = account
    if faults:
        raise ConfigurationFault(faults)
    return list(found.values())


def _account(words: list[str], known: Iterable[str]) -> UserAccount | str:
    """The account that words say; or what is wrong with them."""
    if fault := _fault(words, known):
        return fault
    role, scope = ROLES[words[1]], parse_scope(words[_WORDS:]) if words[_WORDS:] else None
    if isinstance(scope, str):
        return scope
    if scope is not None and role is not AccountRole.READ:
        return f"only an account of the role read has a limit, not one of the role {role.word}"
    return UserAccount(words[0], role, bytes.fromhex(words[2]), scope)


def _fault(words: list[str], known: Iterable[str]) -> str | None:
    if len(words) < _WORDS:
        return "an account is NAME ROLE SHA256; make one with: gateway setup token NAME ROLE"
    name, role, digest = words[:_WORDS]
    if fault := name_fault(name):
        return fault
    if name in known:
        return f"{name} has a line already"
    if role not in ROLES:
        return f"{role!r} is no role; there are {', '.join(ROLES)}"
    if _DIGEST.fullmatch(digest) is None:
        return f"the third word is not a SHA-256; make a token with: gateway setup token {name} {role}"
    return None


def name_fault(name: str) -> str | None:
    """Say why an account cannot have a name."""
    if name in {OWN_NAME, GUEST.name}:
        return f"{name!r} is a name of the gateway's own; choose another one"
    if _NAME.fullmatch(name) is None:
        return f"{name!r} is no name of an account: one word of at most 64 letters, digits and . @ + - _"
    return None


def replaced(text: str, name: str, account: UserAccount | None) -> str:
    """The text of a file with another account of a name, at its place or at the end; None removes it."""
    lines = text.splitlines()
    place = next((place for place, line in enumerate(lines) if line.split()[:1] == [name]), len(lines))
    lines[place : place + 1] = [] if account is None else [account.line]
    return "".join(f"{line}\n" for line in lines)


log = logging.getLogger("gateway.access")

_TOKEN_MIN: Final = 16
"""Least characters of a token: fewer can be guessed, and an empty token would admit everybody."""


class Access:
    """The accounts in force: its own, by ``http.token_file`` or made for this run, and those of ``http.tokens_file``."""

    def __init__(self, own: UserAccount, listed: Sequence[UserAccount]) -> None:
        self._own = own
        self._accounts = [own, *listed]

    def account_of(self, shown: str) -> UserAccount | None:
        """The account that a token opens. Digests are compared, each in constant time."""
        digest = digest_of(shown)
        found = [account for account in self._accounts if hmac.compare_digest(account.digest, digest)]
        return found[0] if found else None

    def holds(self, account: UserAccount) -> bool:
        """Tell if an account is in force as it is: not removed, with this role and this token."""
        return account in self._accounts

    def replace(self, listed: Sequence[UserAccount]) -> None:
        """Put other accounts of ``http.tokens_file`` into force."""
        self._accounts = [self._own, *listed]


def open_access(config: Config) -> Access:
    """The accounts of a configuration, or a token made for this machine's commands; ConfigurationFault: a file is unusable."""
    listed = load_accounts(config.http.tokens_file)
    token = configured_token(config) or make_token(config.journal.path)
    return Access(UserAccount(OWN_NAME, AccountRole.ADMIN, digest_of(token)), listed)


def configured_token(config: Config) -> str | None:
    """The token of ``http.token_file``, None where none is named; ConfigurationFault if it cannot be read, or is too short."""
    path = config.http.token_file
    token = secret(None, path)
    if token is None or len(token) >= _TOKEN_MIN:
        return token
    what = f"its first line is a token of {len(token)} characters" if token else "its first line is empty"
    remedy = f"a token has {_TOKEN_MIN} or more; make one with: openssl rand -hex 24 > {path}"
    raise ConfigurationFault([f"{path}: http.token_file: {what}; {remedy}"])


def own_token_file(journal: Path) -> Path:
    """Return the file in which a gateway without ``http.token_file`` keeps the token for the commands of its own machine."""
    return journal.with_name(journal.name + ".token")


def make_token(journal: Path) -> str:
    """A new token for this run, in a file for the owner only; without a file if it cannot be written."""
    token = secrets.token_urlsafe(24)
    path = own_token_file(journal)
    try:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token)
    except OSError as error:
        log.warning("%s cannot be written, so commands cannot act through this gateway: %s", path, error.strerror)
    return token
