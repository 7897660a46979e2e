"""``gateway setup accounts``: Mosquitto's service runs it before the broker: it puts accounts back, and keeps a copy."""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from gateway.admin.broker.putting_back import PutBack, put_back
from gateway.commands import OK
from gateway.commands.finding import installed
from gateway.commands.terminal import add_config, add_path, show, tell
from gateway.ingest.broker.kept_accounts import AccountChanges, KeptAccounts
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault, load
from gateway.support.config.model import Config
from gateway.support.config.setting_types import is_loopback, split_url
from gateway.support.standing import ACCOUNTS_PUT_BACK, StandingFindings

ACCOUNTS: Final = "/var/lib/mosquitto/dynamic-security.json"
_SHOWN: Final = 5


def add_options(accounts: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway setup accounts``."""
    add_config(accounts)
    add_path(accounts, "--accounts", "FILE", "the broker's accounts (default: where Debian has them)", ACCOUNTS)
    accounts.set_defaults(call=put_accounts_back)


def put_accounts_back(options: argparse.Namespace) -> int:
    """Put accounts back, whatever becomes of the gateways' own files; ConfigurationFault if the broker's cannot be used."""
    gateways = list(_gateways(options))
    try:
        with ExitStack() as taken:
            changes: dict[str, dict[str, Any] | None] = {}
            for one in gateways:
                changes |= _taken(one, taken)
            done = put_back(options.accounts, changes)
            if done.names:
                _tell(done, options.accounts, gateways)
    except OSError as error:
        raise ConfigurationFault([f"{error.filename or options.accounts}: {error.strerror or error}"]) from error
    show(f"{options.accounts}: " + ("accounts were put back" if done.names else "is whole, and copied"))
    return OK


def _gateways(options: argparse.Namespace) -> Iterator[Config]:
    try:
        yield from gateways_of_broker(load(options.config))
    except ConfigurationFault as fault:
        tell(f"{fault.lines[0]}: what was enrolled since the last start is not known")


def _taken(config: Config, taken: ExitStack) -> AccountChanges:
    try:
        return taken.enter_context(KeptAccounts(config.journal.path).taken())
    except OSError as error:
        tell(f"{config.journal.path}: what was enrolled since the last start cannot be read: {error}")
        return {}


def _tell(done: PutBack, accounts: Path, gateways: list[Config]) -> None:
    """Say what was put back, here and on the page of each gateway."""
    some = ", ".join(done.names[:_SHOWN]) + (", ..." if len(done.names) > _SHOWN else "")
    tell(f"{accounts}: {len(done.names)} accounts were put back ({some})")
    about: dict[str, float | str] = {
        "count": len(done.names),
        "some": some,
        "at_ms": WallClock().now_ms(),
        "copy_ms": done.copy_ms,
        "damaged": str(done.damaged or ""),
    }
    for one in gateways:
        try:
            StandingFindings(one.journal.path).put(ACCOUNTS_PUT_BACK, about)
        except OSError as error:
            tell(f"{one.journal.path}: the page cannot say so: {error}")


def gateways_of_broker(config: Config) -> Iterator[Config]:
    """The gateways of this machine that enrol devices at the same broker; others' faulty settings are left out."""
    yield config
    for file in installed():
        try:
            other = load(file)
        except ConfigurationFault as fault:
            tell(f"{file}: left out: {fault.lines[0]}")
            continue
        if other.journal.path != config.journal.path and _door(other) == _door(config):
            yield other


def _door(config: Config) -> tuple[str, int | None]:
    """The address of the broker; this machine has several names."""
    parts = split_url(config.mqtt.url)
    host = parts.hostname or ""
    return ("" if is_loopback(host) else host), parts.port
