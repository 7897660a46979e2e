"""``gateway rejects`` and ``gateway journal``: over the running gateway's HTTP, or on its files if it does not run."""

import argparse
import asyncio
import json
import sys
from base64 import b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.commands import OK
from gateway.commands.running import ask, paged, record, store
from gateway.commands.terminal import add_yes, confirmed, local_time, refuse_present, say, show, show_documents, with_config
from gateway.core.batching.batch import decode as decode_body
from gateway.ingest.catalog import load_catalog
from gateway.ingest.replay import replay_rejects, without_codecs
from gateway.ingest.storage import journal, rejects
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.device_memory import StoredMemory
from gateway.ingest.storage.rejects import RejectFilter
from gateway.onboarding.explain.dry_run import listed_reject, reject_document
from gateway.runtime.pipeline.options import storage_limits
from gateway.runtime.pipeline.processing import build_processor
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault, blaming
from gateway.support.config.model import Config
from gateway.support.private_files import private
from gateway.support.standing import StandingFindings
from schemas.nearest import did_you_mean
from schemas.printable import printable
from schemas.rejects import RejectReason

_DIGITS_MAX: Final = 19


def add_rejects(command: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway rejects``."""
    with_config(command, rejects_command)
    command.add_argument(
        "action",
        choices=["list", "show", "replay", "export", "purge"],
        help="show: one reject; replay: process again; export: print as JSON lines; purge: delete",
    )
    command.add_argument("id", nargs="?", metavar="ID", help="one reject: the number in the first column of list")
    command.add_argument("--reason", help="only this reason")
    command.add_argument("--device", help="only this device")
    command.add_argument("--json", action="store_true", help="print one JSON object per line")
    add_yes(command)


def rejects_command(config: Config, options: argparse.Namespace) -> int:
    """Run ``gateway rejects``; return the exit status."""
    reason, device = options.reason, options.device
    if reason is not None and reason not in {known.value for known in RejectReason}:
        close = did_you_mean(reason, list(RejectReason))
        raise ConfigurationFault([f"--reason: {reason!r} is not one of {', '.join(RejectReason)}{close}"])
    if options.action == "show" and options.id is None:
        raise ConfigurationFault(["rejects show: name the ID, from the first column of gateway rejects list"])
    query = {"reason": reason, "device": device, "id": _number(options.id)}
    if options.action == "purge" and not options.yes:
        _ask_before_purge(config, options, query)
    with store(config) as file:
        if options.action in {"list", "show", "export"}:
            payloads = options.json or options.action != "list"
            return _print_rejects(_select(file, config, query, payloads=payloads), config, options)
        if file is None:
            answer = ask(config, "POST", f"/api/rejects/{options.action}", query)
        else:
            answer = _change_rejects(file, config, options.action, _chosen(query))
            said = {"replay": "rejects replayed", "purge": "rejects purged"}[options.action]
            record(config, said, subject=query, after=answer)
    print(
        json.dumps(answer) if options.json else ", ".join(f"{value} {key.replace('_', ' ')}" for key, value in answer.items())
    )
    return 0


def _ask_before_purge(config: Config, options: argparse.Namespace, query: dict[str, Any]) -> None:
    with store(config) as file:
        found = list(_select(file, config, query, payloads=False))
    if found:
        names, since = {reject["device"] or reject["topic"] for reject in found}, local_time(found[-1]["arrival_ms"], config)
        many = f"{_count(len(found), 'reject')} of {_count(len(names), 'device')} since {since} {config.time.zone}"
        confirmed(options, f"{many} would be deleted; `gateway rejects export` keeps a copy")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _number(text: str | None) -> int | None:
    """Parse the number of a reject; ConfigurationFault if it is none, since most likely a device was meant."""
    if text is None or (text.isdecimal() and len(text) < _DIGITS_MAX):
        return None if text is None else int(text)
    what = "an ID is the number in the first column of gateway rejects list"
    raise ConfigurationFault(
        [f"ID: {text!r} is not a number: {what}; to list the rejects of a device: gateway rejects list --device {text}"]
    )


def _select(file: Database | None, config: Config, query: dict[str, Any], *, payloads: bool) -> Iterator[dict[str, Any]]:
    """All matching rejects, newest first."""

    def page(before: int | None) -> list[dict[str, Any]]:
        if file is None:
            asked = query | {"before": before, "payloads": 1 if payloads else None}
            return list(ask(config, "GET", "/api/rejects", asked)["rejects"])
        found = file.run_here(rejects.page, _chosen(query), before=before, payloads=payloads)
        return [reject_document(*row[:2]) if payloads else listed_reject(*row) for row in found]

    return paged(page, "id") if query["id"] is None else iter(page(None))


def _chosen(query: Mapping[str, Any]) -> RejectFilter:
    return RejectFilter(query["reason"], query["device"], query["id"])


def _change_rejects(file: Database, config: Config, action: str, chosen: RejectFilter) -> dict[str, Any]:
    if action == "purge":
        return {"removed": file.run_here(rejects.purge, chosen)}
    clock = WallClock()
    process = without_codecs(build_processor(config, load_catalog(config), memory=StoredMemory(file, clock.now_ms())))
    return asyncio.run(replay_rejects(file, process, storage_limits(config), clock, chosen))


def _print_rejects(found: Iterator[dict[str, Any]], config: Config, options: argparse.Namespace) -> int:
    if options.action == "list":
        show_documents(found, _reject_lines, config, options, nothing="no rejects")
        return OK
    is_empty = True
    for document in found:
        is_empty = False
        if options.json or options.action == "export":
            show(json.dumps(document, ensure_ascii=False))
        else:
            _print_reject(document, config)
    if is_empty and options.action == "show":
        raise ConfigurationFault([f"ID: there is no reject {options.id}; `gateway rejects list` shows those that are kept"])
    return OK


def _reject_lines(reject: dict[str, Any], config: Config) -> list[str]:
    where, detail = reject["device"] or reject["topic"], (reject["detail"].splitlines() or [""])[0]
    return [f"{reject['id']:>6}  {local_time(reject['arrival_ms'], config)}  {reject['reason']:<18} {where}  {detail}"]


def _print_reject(document: dict[str, Any], config: Config) -> None:
    arrival = f"{local_time(document['arrival_ms'], config)} {config.time.zone}"
    print(f"reject {document['id']}: {document['reason']} at {document['stage']}, {arrival}")
    print(f"topic  {printable(document['topic'])}\ndevice {printable(str(document['device']))}")
    # Indented, so that no line of it looks like one of the output.
    print(printable(document["detail"], layout=True).replace("\n", "\n  "), end="\n\n")
    say(b64decode(document["payload_base64"]).decode(errors="backslashreplace"))


def add_journal(command: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway journal``."""
    with_config(command, journal_command)
    command.add_argument(
        "action",
        choices=["status", "export", "drop", "acknowledge"],
        help="drop: delete all waiting readings; acknowledge: end findings on lost readings or sessions, accounts put back",
    )
    command.add_argument("file", nargs="?", type=Path, metavar="FILE", help="file that export writes, in line protocol")
    command.add_argument("--json", action="store_true", help="print JSON")
    add_yes(command)


def journal_command(config: Config, options: argparse.Namespace) -> None:
    """Run ``gateway journal``."""
    if options.action == "export" and options.file is None:
        raise ConfigurationFault(["journal export: name the FILE to write"])
    if options.action == "drop" and not options.yes:
        _ask_before_drop(config, options)
    if options.action == "export":
        refuse_present(options.file)
    with store(config) as file:
        if options.action == "status":
            print(json.dumps(_status(file, config)) if options.json else _status_text(_status(file, config), config))
        elif options.action in _CHANGES:
            change, done, what = _CHANGES[options.action]
            path = f"/api/journal/{options.action}"
            answer: dict[str, Any] = ask(config, "POST", path, {}) if file is None else {done: change(file, config)}
            for key in answer.get("findings", ()):
                print(f"{key} {done}")
            print(f"{answer[done]} {what} {done}")
        elif file is None:
            raise ConfigurationFault([f"{config.journal.path}: in use: stop the gateway before you export the journal"])
        else:
            print(f"{_export(file, options.file)} readings written to {options.file}")


def _status(file: Database | None, config: Config) -> dict[str, Any]:
    if file is None:
        status = ask(config, "GET", "/api/status", {})
        return {**status["journal"], "readings": status["ledger"]["pending"]["journal"]}
    stock = file.run_here(journal.stock)
    oldest_s = 0.0 if stock.oldest_ms is None else (WallClock().now_ms() - stock.oldest_ms) / 1000
    return {
        "bytes": file.used_bytes(),
        "batches": stock.batches,
        "oldest_s": oldest_s,
        "readings": stock.readings,
        "missing": file.tally.missing,
        "missing_since": file.tally.since_ms or None,
    }


def _ask_before_drop(config: Config, options: argparse.Namespace) -> None:
    with store(config) as file:
        status = _status(file, config)
    if status["readings"]:
        since = local_time(WallClock().now_ms() - status["oldest_s"] * 1000, config)
        many = f"{_count(status['readings'], 'reading')} that came since {since} {config.time.zone} and wait for InfluxDB"
        confirmed(options, f"{many} would be deleted for good; `gateway journal export FILE` keeps a copy")


def _status_text(status: dict[str, Any], config: Config) -> str:
    lost, stock = "", "empty, "
    if status["missing"]:
        since = f"{local_time(status['missing_since'], config)} {config.time.zone}"
        lost = f"{status['missing']} readings are lost, noticed {since}; `gateway journal acknowledge` ends the alarm\n"
    if status["readings"]:
        stock = f"{status['readings']} readings in {status['batches']} batches, oldest {status['oldest_s']:.0f} s ago\n"
    return f"{lost}{stock}{status['bytes']} bytes on disk"


def _drop(file: Database, config: Config) -> int:
    dropped = sum(domains.total() for domains in file.run_here(journal.drop).values())
    record(config, "journal dropped", subject={}, before={"readings": dropped}, after={"readings": 0})
    return dropped


def _acknowledge(file: Database, config: Config) -> int:
    acknowledged, seen = file.tally.acknowledge(), sorted(StandingFindings(config.journal.path).acknowledge())
    before = {"missing": acknowledged} | ({"findings": seen} if seen else {})
    record(config, "lost readings acknowledged", subject={}, before=before, after={"missing": 0})
    for key in seen:
        print(f"{key} acknowledged")
    return acknowledged


_CHANGES: Final = {
    "drop": (_drop, "dropped", "readings"),
    "acknowledge": (_acknowledge, "acknowledged", "lost readings"),
}
"""Action → the change of the journal's file, its word in the answer, and what it counts."""


def _export(file: Database, target: Path) -> int:
    """Write the journal as line protocol, ready for InfluxDB's own import."""
    readings, after = 0, 0
    with blaming(f"{target}: cannot be written"), open(target, "x", encoding="utf-8", opener=private) as out:
        while entries := file.run_here(journal.everything, after):
            for entry in entries:
                after = entry.row  # also of a damaged one: the next page begins behind it
                if not entry.intact:
                    print(f"row {entry.row} is damaged: {entry.body.readings} readings left out", file=sys.stderr)
                    continue
                out.writelines(reading.lines + "\n" for reading in decode_body(entry.body))
                readings += entry.body.readings
    return readings
