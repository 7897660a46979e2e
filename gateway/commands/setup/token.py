"""``gateway setup token``: give an account a token, or take it away."""

import argparse
import os
import secrets
from pathlib import Path
from typing import Final

from gateway.commands.options import with_config
from gateway.commands.printing import show
from gateway.commands.running import record
from gateway.support.access.accounts import ROLES, AccountRole, UserAccount, digest_of, name_fault, parse_accounts, replaced
from gateway.support.config.files import ConfigurationFault, blaming, text_of
from gateway.support.config.model import Config
from gateway.support.folder_owner import as_owner
from gateway.support.private_files import READERS_MODE, placed

RELOAD: Final = "to activate it, reload the gateway: systemctl reload gateway, or kill -HUP PID"


def add_options(token: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway setup token``."""
    with_config(token, setup_token)
    token.add_argument("name", metavar="NAME", help="the account: one word, such as lan.nguyen")
    token.add_argument("role", nargs="?", metavar="ROLE", help="read, technician or admin")
    what = token.add_mutually_exclusive_group()
    what.add_argument("--replace", action="store_true", help="give a new token in place of the old one")
    what.add_argument("--remove", action="store_true", help="remove the account")


def setup_token(config: Config, options: argparse.Namespace) -> None:
    """Give or remove a token; ConfigurationFault if name or role is none, or the account is there already."""
    path = tokens_file(config)
    if fault := name_fault(options.name):
        raise ConfigurationFault([f"NAME: {fault}"])
    if options.remove:
        _remove(config, path, options.name)
    else:
        _give(config, path, options)


def tokens_file(config: Config) -> Path:
    """The file of accounts; ConfigurationFault if the configuration names none."""
    if config.http.tokens_file is None:
        raise ConfigurationFault(["gateway.yaml: http.tokens_file: name the file that is to hold the accounts, such as tokens"])
    return config.http.tokens_file


def _give(config: Config, path: Path, options: argparse.Namespace) -> None:
    if options.role not in ROLES:
        raise ConfigurationFault([f"ROLE: name one of {', '.join(ROLES)}"])
    role, token = ROLES[options.role], secrets.token_urlsafe(24)
    before = account_named(path, options.name)
    if before is not None and not options.replace:
        raise ConfigurationFault(
            [f"{path}: {options.name} has a token already; --replace gives a new one and ends the old one"]
        )
    scope = before.scope if before is not None and role is AccountRole.READ else None
    if before is not None and before.scope != scope:
        raise ConfigurationFault([f"{path}: {options.name} has a limit, so its role stays read; remove it first"])
    write_account(path, options.name, UserAccount(options.name, role, digest_of(token), scope))
    record(config, "token given", subject={"name": options.name}, before=before and before.role.word, after=role.word)
    print(f"token of {options.name}, with the role {role.word}; it is shown this once:\n\n    {token}\n")
    show(f"{path}: written; {RELOAD}")


def _remove(config: Config, path: Path, name: str) -> None:
    before = account_named(path, name)
    if before is None:
        raise ConfigurationFault([f"{path}: there is no account {name}"])
    write_account(path, name, None)
    record(config, "token removed", subject={"name": name}, before=before.role.word)
    show(f"{path}: {name} is removed; {RELOAD}")


def account_named(path: Path, name: str) -> UserAccount | None:
    """The account of a name in a file; None if there is none."""
    accounts = parse_accounts(text_of(path), path) if path.exists() else []
    return next((account for account in accounts if account.name == name), None)


def write_account(path: Path, name: str, account: UserAccount | None) -> None:
    """Write a file of accounts whole, with another account of a name or without one.

    It keeps its owner and its rights; the group of its folder, the service, may read a new one.
    """
    with blaming(f"{path}: http.tokens_file: cannot be written"), as_owner(path.parent):
        text, model = (text_of(path), path.stat()) if path.exists() else ("", path.parent.stat())
        mode = model.st_mode & 0o777 if path.exists() else READERS_MODE
        with placed(path) as file:
            if os.geteuid() == 0:
                os.fchown(file.fileno(), model.st_uid, model.st_gid)
                os.fchmod(file.fileno(), mode)
            file.write(replaced(text, name, account).encode())
