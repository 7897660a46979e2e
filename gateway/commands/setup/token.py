"""``gateway setup token`` and ``gateway setup access``: accounts of people, and of agencies that may read one domain.

An agency sees the devices of its domain, in some areas or in all, and nothing else.
"""

import argparse
import os
import secrets
from pathlib import Path
from typing import Any, Final

import yaml

from gateway.admin.databases.victoria_metrics import USERS, vmauth_user, with_user
from gateway.commands.running import record
from gateway.commands.terminal import add_path, add_repeated, show, with_config
from gateway.support.access.accounts import (
    ROLES,
    AccountRole,
    DeviceScope,
    UserAccount,
    digest_of,
    name_fault,
    parse_accounts,
    replaced,
    scope_of,
)
from gateway.support.config.files import ConfigurationFault, blaming, text_of
from gateway.support.config.model import Config
from gateway.support.private_files import READERS_MODE, as_owner, placed, replace_file
from gateway.support.registry.registry import load_registry
from schemas.nearest import did_you_mean
from schemas.registry import Registry

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
        raise ConfigurationFault([f"ROLE: name one of {', '.join(ROLES)}{did_you_mean(options.role or '', ROLES)}"])
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


# Agencies.

_NATIVE: Final = "iot/v1/"
_DOMAIN_LEVEL: Final = 3


def add_access(access: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway setup access``."""
    with_config(access, setup_access)
    access.add_argument("agency", metavar="AGENCY", help="the account: one word, such as so-xay-dung")
    access.add_argument("--domain", metavar="DOMAIN", help="the domain that it may read: water, power, traffic or urban")
    add_repeated(access, "--area", "only this area; may be given again (default: all)", metavar="CODE")
    add_path(access, "--vmauth", "FILE", "configuration of vmauth that gets the account, to read VictoriaMetrics")
    what = access.add_mutually_exclusive_group()
    what.add_argument("--replace", action="store_true", help="give a new token and limit in place of the old ones")
    what.add_argument("--remove", action="store_true", help="remove the account")


def setup_access(config: Config, options: argparse.Namespace) -> None:
    """Give or remove access; ConfigurationFault if a name or limit is none, or the account is there already."""
    if fault := name_fault(options.agency):
        raise ConfigurationFault([f"AGENCY: {fault}"])
    path = tokens_file(config)
    before = account_named(path, options.agency)
    if before is not None and before.scope is None:
        raise ConfigurationFault([f"{path}: {options.agency} has an account without a limit; choose another name"])
    if options.remove:
        _remove_access(config, path, options, before)
    elif before is None or options.replace:
        _give_access(config, path, options, before)
    else:
        raise ConfigurationFault([f"{path}: {options.agency} has a token already; --replace gives a new one and ends the old"])


def _give_access(config: Config, path: Path, options: argparse.Namespace, before: UserAccount | None) -> None:
    registry = load_registry(config.devices.registry)
    name, scope, token = options.agency, _scope(options, registry), secrets.token_urlsafe(24)
    for_proxy = _proxied(config, options.vmauth, name, scope) if options.vmauth else None
    account = UserAccount(name, AccountRole.READ, digest_of(token), scope)
    write_account(path, name, account)
    said = {"before": _limit(before), "after": _limit(account)}
    record(config, "access given", subject={"name": name}, **said)
    print(f"token of {name}, which may read {' '.join(scope.words)}; it is shown this once:\n\n    {token}\n")
    show(f"{path}: written; {RELOAD}")
    print(_counted(registry, scope))
    if for_proxy is not None:
        print(f"token for vmauth, which is shown this once:\n\n    {for_proxy}\n")
        show(f"{options.vmauth}: written; start: vmauth -auth.config={options.vmauth}, or send it SIGHUP")
    else:
        print(_of_database(config, registry, scope, name))


def _proxied(config: Config, path: Path, name: str, scope: DeviceScope) -> str:
    """Give the agency a user of vmauth; return its token. It comes first: an account without it would be half of the task."""
    token, first, second = secrets.token_urlsafe(24), config.influxdb, config.influxdb.of_rollups()
    rollups = second.asked_url if second is not None and second.asked_url != first.asked_url else None
    _write_vmauth(path, with_user(_vmauth(path), name, vmauth_user(name, token, scope, first.asked_url, rollups)))
    return token


def _remove_access(config: Config, path: Path, options: argparse.Namespace, before: UserAccount | None) -> None:
    proxied = _vmauth(options.vmauth) if options.vmauth else {}
    is_proxied = any(user.get("name") == options.agency for user in proxied.get(USERS) or [])
    if before is None and not is_proxied:
        raise ConfigurationFault([f"{path}: there is no account {options.agency}"])
    if before is not None:
        write_account(path, options.agency, None)
        record(config, "access removed", subject={"name": options.agency}, before=_limit(before))
        show(f"{path}: {options.agency} is removed; {RELOAD}")
    if is_proxied:
        _write_vmauth(options.vmauth, with_user(proxied, options.agency, None))
        show(f"{options.vmauth}: {options.agency} is removed; send vmauth SIGHUP")


def _scope(options: argparse.Namespace, registry: Registry) -> DeviceScope:
    if options.domain is None:
        raise ConfigurationFault(["--domain: name the domain that the agency may read"])
    scope = scope_of(options.domain, options.area)
    if isinstance(scope, str):
        raise ConfigurationFault([f"--{scope}"])
    used = set(registry.areas) | {device.area for device in registry.devices}
    if unknown := sorted(scope.areas - used):
        raise ConfigurationFault([f"--area: {', '.join(unknown)}: no such area in the registry"])
    return scope


def _limit(account: UserAccount | None) -> str | None:
    return None if account is None or account.scope is None else " ".join(account.scope.words)


def _counted(registry: Registry, scope: DeviceScope) -> str:
    """Say how many devices it is about, and how many are nobody's for want of a domain."""
    seen = sum(scope.covers(device) for device in registry.devices)
    without = sum(device.domain is None for device in registry.devices)
    hidden = f"; {without:,} have no domain there, and are not shown" if without else ""
    return f"{seen:,} of the {len(registry.devices):,} registered devices belong to it{hidden}"


def _of_database(config: Config, registry: Registry, scope: DeviceScope, name: str) -> str:
    """Say how the agency may ask the database itself, or why it may not."""
    influxdb = config.influxdb
    if scope.areas:
        return "no token of the database: InfluxDB limits a token to a bucket, not to areas; for VictoriaMetrics give --vmauth"
    if why := _is_shared(config, registry, scope.domain):
        return (
            f"no token of the database: {why}, and InfluxDB limits a token to a bucket, not to a domain. Give {scope.domain} an"
            f" instance with a bucket of its own (gateway@{scope.domain}), or for VictoriaMetrics give --vmauth"
        )
    buckets = [place.bucket for place in (influxdb, influxdb.of_rollups()) if place is not None]
    begins = f"this gateway writes only {scope.domain} into {' and '.join(buckets)}. To let {name} read it,"
    if influxdb.api == "v1":
        granted = "".join(f'; GRANT READ ON "{bucket.partition("/")[0]}" TO "{name}"' for bucket in buckets)
        return f"{begins} as the administrator of InfluxDB 1:\n    CREATE USER \"{name}\" WITH PASSWORD '...'{granted}"
    read = "".join(f" --read-bucket ID_OF_{bucket}" for bucket in buckets)
    return (
        f"{begins} with the administrator's token of InfluxDB 2 (3 Core has no tokens that only read: give none):\n"
        f"    influx auth create --org {influxdb.org or 'ORG'}{read} --description {name}"
    )


def _is_shared(config: Config, registry: Registry, domain: str) -> str:
    """Say why the bucket may hold other domains; empty: this gateway writes no other into it."""
    others = next((one for one in config.mqtt.subscriptions if _domain_of(one) != domain), None)
    if others is not None:
        return f"the bucket {config.influxdb.bucket} takes what comes by {others}"
    if config.devices.unknown == "accept":
        return f"the bucket {config.influxdb.bucket} takes devices that are not registered (devices.unknown: accept)"
    if any(device.domain != domain for device in registry.devices):
        return f"devices of other domains are registered for the bucket {config.influxdb.bucket}"
    return ""


def _domain_of(subscription: str) -> str:
    levels = subscription.split("/")
    return levels[_DOMAIN_LEVEL] if subscription.startswith(_NATIVE) and len(levels) > _DOMAIN_LEVEL else ""


def _vmauth(path: Path) -> dict[str, Any]:
    """The configuration of vmauth as it is; empty if there is none."""
    if not path.exists():
        return {}
    try:
        found = yaml.safe_load(text_of(path)) or {}
    except yaml.YAMLError as error:
        raise ConfigurationFault([f"{path}: --vmauth: is not YAML: {' '.join(str(error).split())}"]) from error
    users = found.get(USERS) or [] if isinstance(found, dict) else None
    if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        raise ConfigurationFault([f"{path}: --vmauth: is no configuration of vmauth: it has no list of users"])
    return dict(found)


def _write_vmauth(path: Path, document: dict[str, Any]) -> None:
    with blaming(f"{path}: --vmauth: cannot be written"):
        replace_file(path, yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
