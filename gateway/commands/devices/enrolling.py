"""``gateway devices enroll`` and ``revoke``: accounts of devices on the running broker."""

import argparse
import asyncio
import csv
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from secrets import token_bytes
from socket import create_connection
from typing import Final

import segno
from jinja2 import Environment, StrictUndefined

from gateway.commands import reaching
from gateway.commands.running import record, record_all
from gateway.commands.terminal import Actions, add_action, add_yes, confirmed
from gateway.ingest.broker.enrolling import AdministrationFault, BrokerEntrance, EnrolmentRefused, account_of
from gateway.ingest.broker.kept_accounts import KeptAccounts
from gateway.ingest.broker.rights import SALT_BYTES, NativeTopics, added, names_in
from gateway.onboarding.registration import NotEnrollable, device_accounts, entrance_of, topics_of_device
from gateway.runtime.pipeline.options import broker_address
from gateway.support.config.files import ConfigurationFault, text_of
from gateway.support.config.model import Config
from gateway.support.private_files import private, replace_file
from gateway.support.registry.registry import load_registry
from schemas.enrolment import Enrolment
from schemas.printable import printable

Made = list[tuple[NativeTopics, Enrolment]]

_TOLD_EVERY: Final = 100
_PROBE_S: Final = 2.0
_ENROLLED, _REVOKED = "device enrolled", "device revoked"


def add_enrolling(actions: Actions) -> None:
    """Add the actions of this module, with their options."""
    enrolled = add_action(actions, "enroll", "give devices their accounts on the broker", enroll)
    enrolled.add_argument("id", nargs="*", metavar="ID", help="the device; several need --sheet or --csv")
    enrolled.add_argument("--all", action="store_true", help="all devices of the registry")
    enrolled.add_argument("--sheet", type=Path, metavar="FILE.html", help="labels with QR codes, to print")
    enrolled.add_argument("--csv", type=Path, metavar="FILE.csv", help="accounts as a table")
    enrolled.add_argument("--replace", action="store_true", help="give a new account in place of one that is there")
    enrolled.add_argument(
        "--file", type=Path, metavar="FILE.json", help="the accounts of a broker that is stopped: fast, for thousands"
    )
    add_yes(enrolled)
    revoked = add_action(actions, "revoke", "take the account of a device away, and cut it off", take_away)
    revoked.add_argument("id", metavar="ID", help="the device")
    add_yes(revoked)


def enroll(config: Config, options: argparse.Namespace) -> None:
    """Make the accounts; ConfigurationFault if a device is not enrollable, or an account or a file is there already."""
    places = _places(config, options)
    entrance = entrance_of(config)
    if len(places) != 1 and options.sheet is None and options.csv is None:
        raise ConfigurationFault(
            [f"{len(places)} devices: name a file for their passwords, --sheet FILE.html to print or --csv FILE.csv"]
        )
    for path in (options.sheet, options.csv):
        if path is not None and path.exists():
            raise ConfigurationFault([f"{path}: is there already, and holds passwords: remove it, or name another file"])
    made: Made = []
    try:
        with reaching(AdministrationFault, EnrolmentRefused):
            if options.file is not None:
                _enrol_in_file(config, places, entrance, made, options)
            else:
                asyncio.run(_enrol(config, places, entrance, made, options))
    finally:  # the broker has those accounts, and their passwords are nowhere else
        _hand_out(config, made, options)
        record_all(config, _ENROLLED, [{"subject": {"device": place.device}} for place, _ in made])


def take_away(config: Config, options: argparse.Namespace) -> None:
    """Revoke the account of a device; ConfigurationFault if the account that administers is not configured."""
    confirmed(options, f"{options.id} would be cut off at once; to send again it needs a new password, on the spot")
    with reaching(AdministrationFault, EnrolmentRefused):
        was_there = asyncio.run(_revoke(config, options.id))
    record(config, _REVOKED, subject={"device": options.id})
    print(printable(f"{options.id}: " + ("revoked; it is cut off" if was_there else "has no account on the broker")))


async def _enrol(
    config: Config, places: Sequence[NativeTopics], entrance: BrokerEntrance, made: Made, options: argparse.Namespace
) -> None:
    """On the running broker."""
    async with device_accounts(config) as broker:
        _keep_present(await broker.enrolled(), places, options)
        by_name = {place.device: place for place in places}
        async for account in broker.enrol_all(places):
            place = by_name[account.name]
            made.append((place, entrance.enrolment(place, account.password)))
            if len(made) % _TOLD_EVERY == 0:
                print(f"{len(made)} of {len(places)} devices have their account")


def _enrol_in_file(
    config: Config, places: Sequence[NativeTopics], entrance: BrokerEntrance, made: Made, options: argparse.Namespace
) -> None:
    """In the file of a broker that is stopped; ConfigurationFault if it runs and would overwrite the file."""
    path, address = options.file, broker_address(config.mqtt)
    with suppress(OSError), create_connection((address.host, address.port), _PROBE_S):
        raise ConfigurationFault([f"{path}: {address} runs and would overwrite it: stop the broker first"])
    text = text_of(path)
    try:
        _keep_present(names_in(text), places, options)
        accounts = [account_of(place) for place in places]
        salted = [(one, token_bytes(SALT_BYTES)) for one in accounts]
        KeptAccounts(config.journal.path).made(salted)  # or what is kept of them from before would be put back
        replace_file(path, added(text, salted))
    except (OSError, ValueError) as error:
        raise ConfigurationFault([f"{path}: {error}"]) from error
    made += [(place, entrance.enrolment(place, one.password)) for place, one in zip(places, accounts, strict=True)]
    print(f"{len(made)} of {len(places)} devices have their account; start the broker")


def _keep_present(names: set[str], places: Sequence[NativeTopics], options: argparse.Namespace) -> None:
    """:raises ConfigurationFault: one of the devices has an account, and nobody said that it ends."""
    present = names & {place.device for place in places}
    if present and options.replace:
        confirmed(options, f"the passwords of {len(present):,} devices would end; each needs its new one, on the spot")
    elif present:
        raise ConfigurationFault(
            [f"{name}: has an account already; --replace gives it a new one and ends the old one" for name in sorted(present)]
        )


async def _revoke(config: Config, name: str) -> bool:
    async with device_accounts(config) as broker:
        return await broker.revoke(name)


def _places(config: Config, options: argparse.Namespace) -> list[NativeTopics]:
    """Topics on which the devices publish, by the registry; ConfigurationFault if a site or a domain is not known."""
    registry = load_registry(config.devices.registry)
    devices = {device.id: device for device in registry.devices}
    wanted = list(devices) if options.all else options.id
    if not wanted:
        raise ConfigurationFault(["name the devices to enrol, or --all for all of the registry"])
    faults, found = [], []
    for name in wanted:
        try:
            found.append(topics_of_device(name, devices.get(name)))
        except NotEnrollable as fault:
            faults.append(str(fault))
    if faults:
        raise ConfigurationFault(faults)
    return found


def _hand_out(config: Config, made: Sequence[tuple[NativeTopics, Enrolment]], options: argparse.Namespace) -> None:
    """Show what was made, once: on the terminal, or in files that only their owner may read."""
    if not made:
        return
    if options.sheet is not None:
        with open(options.sheet, "x", encoding="utf-8", opener=private) as file:
            file.write(_sheet(made, config.language))
        print(printable(f"{options.sheet}: written; it holds passwords: print it, then remove it"))
    if options.csv is not None:
        with open(options.csv, "x", newline="", encoding="utf-8", opener=private) as file:
            rows = csv.writer(file)
            rows.writerow(["device", "host", "port", "username", "password", "topic", "enrolment"])
            rows.writerows([one.username, one.host, one.port, one.username, one.password, one.topic, one] for _, one in made)
        print(printable(f"{options.csv}: written; it holds passwords"))
    if options.sheet is None and options.csv is None:
        _show(made[0][1])


def _show(one: Enrolment) -> None:
    rows = {"address": f"{one.host}:{one.port} (TLS)", "user": one.username, "password": one.password, "topic": one.topic}
    print(f"{one.username}: enrolled; its password is shown this once\n")
    for what, value in rows.items():
        print(printable(f"    {what:<10}{value}"))
    print(f"\n{one}\n")
    segno.make(str(one), error="m").terminal(compact=True)


_SHEET_WORDS: Final = {
    "vi": {
        "title": "Thẻ cấp tài khoản thiết bị",
        "secret": "Mỗi thẻ chứa một mật khẩu. Giao tận tay, rồi xóa tệp này.",
        "address": "Địa chỉ",
        "user": "Tài khoản",
        "password": "Mật khẩu",
        "topic": "Chủ đề",
        "site": "Điểm lắp",
    },
    "en": {
        "title": "Device account labels",
        "secret": "Each label holds a password. Hand it over, then remove this file.",
        "address": "Address",
        "user": "User",
        "password": "Password",
        "topic": "Topic",
        "site": "Site",
    },
}


def _sheet(made: Sequence[tuple[NativeTopics, Enrolment]], language: str) -> str:
    """A page of HTML with a label for each device; it loads nothing from elsewhere."""
    template = (files("gateway.admin.broker") / "sheet.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    labels = [
        {"place": place, "enrolment": one, "code": segno.make(str(one), error="m").svg_data_uri(scale=3, border=2)}
        for place, one in made
    ]
    return environment.from_string(template).render(words=_SHEET_WORDS[language], language=language, labels=labels) + "\n"
