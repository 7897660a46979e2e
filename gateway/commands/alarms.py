"""``gateway alarms``: through the running gateway's HTTP, or on its files when it does not run."""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from gateway.commands.running import ask, paged, record, store
from gateway.commands.terminal import (
    Actions,
    DoWithConfig,
    add_action,
    add_yes,
    confirmed,
    instant_ms,
    local_time,
    show,
    show_documents,
    whole_number,
)
from gateway.core.status.silence import Silence
from gateway.ingest.storage import alarms as stored
from gateway.ingest.storage.alarms import PlannedWork
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.monitoring.alarms.documents import alarm_document, change_document
from gateway.monitoring.alarms.keeper import AlarmKeeper
from gateway.monitoring.alarms.planned_work import AHEAD_MAX_MS, NAME_MAX, NOTE_MAX, WorkPlaces, work_document
from gateway.runtime.pipeline.processing import build_alarms
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.i18n.alarm_words import rule_document
from gateway.support.registry.alarm_rules import load_alarm_rules
from gateway.support.registry.registry import load_registry

_AlarmFields = dict[str, Any]


def add_options(alarms: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway alarms``."""
    actions = alarms.add_subparsers(required=True, metavar="ACTION")
    _add_list(actions, "list", "list the active alarms", _list)
    _add_list(actions, "rules", "show what each rule looks at, with its limits and their source", _rules)
    past = _add_list(actions, "history", "list what was raised and what ended, the newest first", _history)
    past.add_argument("--device", metavar="ID", help="only this device, or site")

    known = _add_decision(actions, "ack", "acknowledge an alarm: somebody sees to it", _ack)
    known.add_argument("id", metavar="ID", help="the alarm, from the third column of list")
    known.add_argument("--note", metavar="TEXT", help="a note for others")
    planned = _add_decision(actions, "silence", "plan work: nobody is told of alarms meanwhile", _silence)
    where = planned.add_mutually_exclusive_group(required=True)
    where.add_argument("--site", help="the devices of this site")
    where.add_argument("--device", metavar="ID", help="this device alone")
    where.add_argument("--everywhere", action="store_true", help="the whole province: nobody is told of any alarm")
    planned.add_argument("--until", required=True, metavar="T", help="2h, or 2026-12-01T17:00 in the configured zone")
    planned.add_argument("--note", required=True, metavar="TEXT", help="the work that is done")
    add_yes(planned)
    _add_list(actions, "silences", "list planned work", _silences)
    over = add_action(actions, "unsilence", "end planned work now", _unsilence)
    over.add_argument("number", type=whole_number, metavar="NUMBER", help="the work, from the first column of silences")


def _add_list(actions: Actions, name: str, about: str, do: DoWithConfig) -> argparse.ArgumentParser:
    action = add_action(actions, name, about, do)
    action.add_argument("--json", action="store_true", help="print one JSON object per line")
    return action


def _add_decision(actions: Actions, name: str, about: str, do: DoWithConfig) -> argparse.ArgumentParser:
    action = add_action(actions, name, about, do)
    action.add_argument("--by", required=True, metavar="NAME", help="name of the person who decides this")
    return action


class _Stopped:
    """The alarms of a gateway that does not run, as its files have them."""

    def __init__(self, config: Config, file: Database) -> None:
        self.file = file
        self.now_ms = WallClock().now_ms()
        self.keeper = AlarmKeeper(
            build_alarms(config, Silence()), file, WallClock(), has_webhook=config.alarms.webhook is not None
        )
        self.keeper.load(load_registry(config.devices.registry).by_id())


@contextmanager
def _stopped(config: Config) -> Iterator[_Stopped | None]:
    """The alarms on disk, or None when a running gateway has them; ConfigurationFault if a file cannot be used."""
    try:
        with store(config) as file:
            yield None if file is None else _Stopped(config, file)
    except DatabaseFault as fault:
        raise ConfigurationFault([str(fault)]) from fault


# What there is.


def _list(config: Config, options: argparse.Namespace) -> None:
    with _stopped(config) as here:
        if here is None:
            found = ask(config, "GET", "/api/alarms", {})["alarms"]
        else:
            keeper = here.keeper
            found = [alarm_document(state, here.keeper.rules, silenced=keeper.is_silenced(state)) for state in keeper.active()]
    show_documents(found, _alarm_line, config, options, nothing="no alarm is active")


def _alarm_line(alarm: _AlarmFields, config: Config) -> list[str]:
    known = alarm["acknowledged"]
    notes = [f"known to {known['by']}"] if known else []
    notes += ["planned work"] if alarm["silenced"] else []
    notes += ["simulated"] if alarm["simulated"] else []
    about = f"  [{', '.join(notes)}]" if notes else ""
    return [f"{local_time(alarm['since_ms'], config)}  {alarm['severity']:<8}  {alarm['id']:<32}  {alarm['text']['en']}{about}"]


def _history(config: Config, options: argparse.Namespace) -> None:
    with _stopped(config) as here:

        def page(before: int | None) -> list[_AlarmFields]:
            if here is None:
                return list(ask(config, "GET", "/api/alarms/history", {"place": options.device, "before": before})["history"])
            rows = here.file.run_here(stored.history, options.device, before)
            return [{"number": number, **change_document(change, here.keeper.rules)} for number, change in rows]

        show_documents(paged(page), _change_line, config, options, nothing="no alarm was raised yet")


def _change_line(change: _AlarmFields, config: Config) -> list[str]:
    known = change["acknowledged"]
    about = {
        "cleared": f"after {(change['at_ms'] - change['since_ms']) / 60_000:.0f} min",
        "changed": f"known to {known['by']}: {known['note']}" if known else "",
        "overdue": f"nobody acknowledged it in its time: reminder {change['overdue']}",
        "raised": change["text"]["en"],
    }
    head = f"{local_time(change['at_ms'], config)}  {change['change']:<8}  {change['severity']:<8}"
    counted = f" [one for {change['changes']} changes in a row]" if change.get("changes", 1) > 1 else ""
    return [f"{head}  {change['id']:<32}  {about[change['change']]}{counted}"]


def _rules(config: Config, options: argparse.Namespace) -> None:
    rules = load_alarm_rules(config.alarms.rules).rules
    show_documents(map(rule_document, rules), _rule_lines, config, options, nothing="no rule is active", has_times=False)


def _rule_lines(rule: _AlarmFields, _: Config) -> list[str]:
    rows = [("when", sentence) for sentence in rule["when"]["en"]]
    rows += [("what to do", rule["advice"]["en"]), ("source", rule["source"])]
    head = f"{rule['alarm']} ({rule['severity']}): {rule['text']['en']}"
    return [head, *(f"  {label:<10}  {text}" for label, text in rows if text)]


def _silences(config: Config, options: argparse.Namespace) -> None:
    with _stopped(config) as here:
        if here is None:
            found = ask(config, "GET", "/api/silences", {})["silences"]
        else:
            found = [work_document(number, work) for number, work in here.keeper.planned.going_on(here.now_ms)]
    show_documents(found, _work_line, config, options, nothing="no work is planned")


def _work_line(work: _AlarmFields, config: Config) -> list[str]:
    where = _where(work["site"], work["device"])
    return [f"{work['number']:>4}  until {local_time(work['until_ms'], config)}  {where}  {work['by']}: {work['note']}"]


def _where(site: str, device: str) -> str:
    return device or (f"site {site}" if site else "all sites")


# What people decide.


def _ack(config: Config, options: argparse.Namespace) -> None:
    by, note = _said("--by", options.by, NAME_MAX), (options.note or "").strip()
    with _stopped(config) as here:
        if here is None:
            path = f"/api/alarms/{quote(options.id, safe='@')}/acknowledge"
            ask(config, "POST", path, {"by": by, "note": note})
        elif not asyncio.run(here.keeper.acknowledge(options.id, by, note[:NOTE_MAX])):
            raise ConfigurationFault([f"ID: no alarm {options.id!r} is active; `gateway alarms list` shows those that are"])
        else:
            record(config, "alarm acknowledged", subject={"alarm": options.id}, after={"by": by, "note": note})
    show(f"{options.id}: known to {by}")


def _silence(config: Config, options: argparse.Namespace) -> None:
    site, device, is_everywhere = options.site or "", options.device or "", options.everywhere
    by, note = _said("--by", options.by, NAME_MAX), _said("--note", options.note, NOTE_MAX)
    until_ms, registry = _until_ms(options.until, config), load_registry(config.devices.registry)
    until = f"{local_time(until_ms, config)} {config.time.zone}"
    if is_everywhere:
        confirmed(options, f"nobody would be told of any alarm of {len(registry.devices):,} registered devices until {until}")
    with _stopped(config) as here:
        if here is None:
            query = {"site": site, "device": device, "everywhere": int(is_everywhere), "until_ms": until_ms}
            number = ask(config, "POST", "/api/silences", query | {"by": by, "note": note})["silence"]
        else:
            try:
                places = WorkPlaces(registry.by_id(), ((state.tags.site, state.tags.device) for state in here.keeper.active()))
                site, device = places.place(site, device, everywhere=is_everywhere)
            except ValueError as fault:
                raise ConfigurationFault([f"--{fault}"]) from None
            work = PlannedWork(here.now_ms, until_ms, by, note, site, device)
            number = asyncio.run(here.keeper.plan(work))
            record(config, "work planned", subject={"site": site, "device": device}, after=work_document(number, work))
    show(f"planned work {number}: nobody is told of alarms of {_where(site, device)} until {until}")


def _unsilence(config: Config, options: argparse.Namespace) -> None:
    with _stopped(config) as here:
        if here is None:
            ask(config, "POST", f"/api/silences/{options.number}/end", {})
        elif not asyncio.run(here.keeper.end_work(options.number)):
            raise ConfigurationFault([f"NUMBER: no planned work {options.number} goes on; see `gateway alarms silences`"])
        else:
            record(config, "planned work ended", subject={"number": options.number})
    print(f"planned work {options.number} is over")


def _said(option: str, text: str, most: int) -> str:
    """The text of an option that must say something; ConfigurationFault if it does not, or says too much."""
    if not 0 < len(text.strip()) <= most:
        raise ConfigurationFault([f"{option}: {_ASKED_FOR[option]}, in at most {most} letters"])
    return text.strip()


_ASKED_FOR: Final = {
    "--by": "name the person who decides this",
    "--note": "say what is done, for those who wonder about the silence",
}


def _until_ms(text: str, config: Config) -> int:
    """A time of the coming year: a span from now, or a local date and time; ConfigurationFault if it is none."""
    now_ms = WallClock().now_ms()
    try:
        until_ms = instant_ms(text, ZoneInfo(config.time.zone), now_ms, is_ahead=True)
    except (ValueError, OverflowError):
        raise ConfigurationFault([f"--until: {text!r} is not a time; write for example 2h, or 2026-12-01T17:00"]) from None
    if until_ms <= now_ms:
        raise ConfigurationFault([f"--until: {text} is over; name a time that lies ahead"])
    if until_ms > now_ms + AHEAD_MAX_MS:
        raise ConfigurationFault([f"--until: name a time of the coming year; for ever: switched_off in {config.alarms.rules}"])
    return until_ms
