"""``gateway devices exchange``: a meter was exchanged, now or some time ago."""

import argparse
import os
from datetime import datetime
from functools import partial
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from gateway.commands.devices.registering import write_registry
from gateway.commands.options import Actions, add_action
from gateway.commands.running import ask, is_running, record, store
from gateway.core.devices.exchange import exchange_doubt, exchange_fault
from gateway.core.readings.exchanges import StoredExchange, ToldExchange
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.device_memory import keep_counters, stored_device
from gateway.monitoring.status.known_devices import nobody
from gateway.runtime.jobs.exchange_writer import kept_exchange
from gateway.support.clock import wall_clock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.registry.changes import ChangeRefused, MakeChange, with_source
from gateway.support.registry.registry import load_registry
from gateway.web.changes.commands import if_it_is_right
from schemas.durations import parse_span_ms
from schemas.printable import printable
from schemas.registry import device_key

_HOW: Final = "write a local time such as '2026-11-20 14:30', a span such as 2h for two hours ago, or RFC 3339"


def add_exchange(actions: Actions) -> None:
    """Add the action, with its options."""
    exchanged = add_action(actions, "exchange", "record that the meter of a device was exchanged", exchange)
    exchanged.add_argument("id", metavar="ID", help="the device")
    exchanged.add_argument("--at", metavar="T", help="when: '2026-11-20 14:30', or 2h for two hours ago (default: now)")
    exchanged.add_argument("--final", type=float, metavar="R", help="last register of the old meter")
    exchanged.add_argument("--register", type=float, metavar="R", help="first register of the new meter")
    exchanged.add_argument("--source", metavar="NEW_ID", help="name that the new meter sends under, for the registry")
    exchanged.add_argument("--field", help="only this register, such as volume_m3 (default: all)")
    exchanged.add_argument("--force", action="store_true", help="also with a register that seems to be a mistake")


def exchange(config: Config, options: argparse.Namespace) -> None:
    """Record the exchange of a meter, through the running gateway or in its file.

    :raises ConfigurationFault: it cannot be as it is told.
    """
    zone, now_ms = ZoneInfo(config.time.zone), wall_clock(config, os.environ).now_ms()
    told = ToldExchange(options.field, past_ms(options.at, zone, now_ms), options.final, options.register)
    renamed = partial(with_source, name=options.id, source=options.source) if options.source is not None else None
    if renamed is not None:
        _check_source(config, renamed)
    if is_running(config):
        query = {"field": told.field, "at_ms": told.at_ms, "final": told.final, "register": told.register}
        path = f"/api/devices/{quote(options.id, safe='')}/exchange"
        answer = ask(config, "POST", path, query | {"force": 1 if options.force else None})
    else:
        answer = _on_its_file(config, options.id, told, now_ms, force=options.force)
    _say(answer, told, zone)
    if renamed is not None:
        write_registry(config, renamed, quiet=False)


def _check_source(config: Config, renamed: MakeChange) -> None:
    """Refuse a name of the new meter before its exchange is recorded.

    :raises ConfigurationFault: there is no such device, or another one has this name.
    """
    try:
        renamed(load_registry(config.devices.registry))
    except ChangeRefused as refused:
        raise ConfigurationFault([f"--source: {what}" for what in refused.faults.values()]) from None


def past_ms(text: str | None, zone: ZoneInfo, now_ms: int) -> int:
    """A time as people write it: a local time, a span before now, or RFC 3339; None means now.

    :raises ConfigurationFault: it is none of these.
    """
    if text is None:
        return now_ms
    try:
        return now_ms - parse_span_ms(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
        return round((at if at.tzinfo is not None else at.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ConfigurationFault([f"{text!r} is no time; {_HOW}"]) from None


def _on_its_file(config: Config, name: str, told: ToldExchange, now_ms: int, *, force: bool) -> dict[str, Any]:
    """Note the exchange while the gateway does not run; it finds it at its start."""
    with store(config) as database:
        if database is None:
            raise ConfigurationFault([f"{config.journal.path}: the gateway has just started; repeat the command"])
        device = stored_device(database, names_in_file(config, name))
        if device is None:
            raise ConfigurationFault([nobody(name)])
        if fault := exchange_fault(device, told, now_ms):
            raise ConfigurationFault([fault])
        if not force and (doubt := exchange_doubt(device, told)):
            raise ConfigurationFault([if_it_is_right(doubt)])
        effect = device.counters.exchange(told) if device.counters is not None else None
        if effect is None or not effect.names:
            return {"device": device.name, "begin_anew": [], "told_late": []}
        keep_counters(database, device)
        entry = load_registry(config.devices.registry).by_id().get(device_key(device.name))
        exchange = StoredExchange(told, is_late=bool(effect.later))
        database.run_here(keyvalue.put, *kept_exchange(device.name, entry, exchange, now_ms))
    answer = {"device": device.name, "begin_anew": effect.at_once, "told_late": effect.later}
    record(config, "meter exchanged", subject={"device": device.name}, after=answer | told._asdict())
    return answer


def names_in_file(config: Config, name: str) -> frozenset[str]:
    """The names that a device may have in the file."""
    entry = load_registry(config.devices.registry).by_id().get(device_key(name))
    return frozenset({name, device_key(name), *([entry.id, device_key(entry.id)] if entry is not None else ())})


def _say(answer: dict[str, Any], told: ToldExchange, zone: ZoneInfo) -> None:
    device, anew, late = answer["device"], answer["begin_anew"], answer["told_late"]
    if anew or not late:
        print(printable(f"{device}: counters that start again with the next reading: {', '.join(anew) or 'none known'}"))
    if late:
        since = datetime.fromtimestamp(told.at_ms / 1000, zone).isoformat(sep=" ", timespec="seconds")
        said = "readings came since then: the sums are worked out again in the night, or now by"
        print(printable(f"{device}: {', '.join(late)}: {said}"))
        print(printable(f"gateway devices resum {device} --from '{since}'"))
