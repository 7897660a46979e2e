"""``gateway audit``: who changed what, and the check that nothing was taken out."""

import argparse
import json
from typing import Any, Final

from gateway.commands.terminal import add_action, add_repeated, local_time, show_documents, tell
from gateway.monitoring.reports.seals import Seals, noted_seals
from gateway.support.audit.log import AuditFault, AuditLog, ChainLink
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config

_HASH_LETTERS: Final = 64


def add_options(audit: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway audit``."""
    actions = audit.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = add_action(actions, "list", "list all changes, the newest first", audit_command)
    listed.add_argument("--json", action="store_true", help="print one JSON object per line")
    verified = add_action(actions, "verify", "check the chain of entries", audit_command)
    known = "an entry noted elsewhere, such as in the log of another machine; may be given again"
    add_repeated(verified, "--known", known, metavar="NUMBER:HASH")


def audit_command(config: Config, options: argparse.Namespace) -> int:
    """List or verify; 1 if chain or seals are not whole, ConfigurationFault if they cannot be read."""
    audit = AuditLog(config.journal.path)
    try:
        return (
            _verify(audit, Seals(config.journal.path), list(map(_link, options.known)))
            if options.action == "verify"
            else _list(audit, config, options)
        )
    except AuditFault as fault:
        raise ConfigurationFault([str(fault)]) from fault
    except OSError as error:  # a seal
        raise ConfigurationFault([f"{error.filename}: {error.strerror}"]) from error


def _list(audit: AuditLog, config: Config, options: argparse.Namespace) -> int:
    show_documents(audit.entries(), _lines, config, options, nothing="nothing was changed yet")
    return 0


def _lines(entry: dict[str, Any], config: Config) -> list[str]:
    at = local_time(entry["at_ms"], config)
    about = {key: entry[key] for key in ("subject", "before", "after") if entry.get(key)}
    said = "  ".join(f"{key} {json.dumps(value, ensure_ascii=False)}" for key, value in about.items())
    return [f"{entry['number']:>6}  {at}  {entry['name']}, {entry['role']}  {entry['action']}  {said or '(details removed)'}"]


def _verify(audit: AuditLog, seals: Seals, known: list[ChainLink]) -> int:
    verdict = audit.verify(known)
    faults = [f"{audit.path}: {fault}" for fault in verdict.faults]
    faults += seals.faults(noted_seals(audit.entries())) if not faults else []
    for fault in faults:
        tell(fault)
    if faults:
        return 1
    removed = f", the details of {verdict.removed} were removed" if verdict.removed else ""
    print(f"{audit.path}: {verdict.head.number} entries, whole{removed}; the last is {verdict.head.number}:{verdict.head.hash}")
    return 0


def _link(text: str) -> ChainLink:
    """An entry that was noted elsewhere, as NUMBER:HASH; ConfigurationFault if the text is none."""
    number, _, digest = text.partition(":")
    if not number.isdecimal() or len(digest) != _HASH_LETTERS:
        raise ConfigurationFault([f"--known: {text!r} is not NUMBER:HASH, as the log and `gateway audit verify` print it"])
    return ChainLink(int(number), digest)
