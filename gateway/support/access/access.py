"""The accounts in force, and the token that the commands of this machine show."""

import hmac
import logging
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.support.access.accounts import OWN_NAME, AccountRole, UserAccount, digest_of, load_accounts
from gateway.support.config.files import ConfigurationFault, secret
from gateway.support.config.model import Config

log = logging.getLogger("gateway.access")

_TOKEN_MIN: Final = 16
"""Least characters of a token: fewer can be guessed, and an empty token would admit everybody."""


class Access:
    """The accounts in force.

    :param own: the account of ``http.token_file``, or of the token that is made for this run.
    :param listed: those of ``http.tokens_file``.
    """

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
    """The accounts of a configuration; without ``http.token_file`` a token is made for the commands of this machine.

    :raises ConfigurationFault: a file of tokens cannot be used.
    """
    listed = load_accounts(config.http.tokens_file)
    token = configured_token(config) or make_token(config.journal.path)
    return Access(UserAccount(OWN_NAME, AccountRole.ADMIN, digest_of(token)), listed)


def configured_token(config: Config) -> str | None:
    """The token of ``http.token_file``; None where no file is named.

    :raises ConfigurationFault: the file cannot be read, or what it holds is too short for a token.
    """
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
