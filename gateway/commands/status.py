"""``gateway status``: the verdict of the gateway, or of all gateways of this machine, as their status pages give it."""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, Final

from gateway.commands import OutOfReach
from gateway.commands.finding import find_config, installed
from gateway.commands.running import ask, is_running
from gateway.commands.terminal import add_config
from gateway.core.status.verdict import Finding, Level
from gateway.support.config.files import ConfigurationFault, load
from gateway.support.config.model import Config
from gateway.support.i18n.findings import finding_text
from gateway.support.i18n.formats import Formats
from gateway.support.i18n.glossary import INSTANCE_WORDS, closed_lists
from schemas.printable import printable

_WIDTHS: Final = (14, 14, 28, 28)


def add_options(status: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway status``."""
    add_config(status)
    status.add_argument("--all", action="store_true", help="all that have settings in DIR/gateway*/gateway.yaml")
    status.add_argument("--under", type=Path, default=Path("/etc"), metavar="DIR", help="where --all looks (default: /etc)")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.add_argument("--language", choices=["vi", "en"], default="en", help="language of the text (default: en)")
    status.set_defaults(call=status_command)


@dataclass(frozen=True)
class Instance:
    """A gateway of this machine: its level, ``stands`` or ``unreachable``; its ``/api/status``, or why there is none."""

    name: str
    file: Path | None
    state: str
    answer: Mapping[str, Any] | None = None
    fault: str = ""

    def document(self) -> dict[str, object]:
        """The instance as JSON."""
        file = None if self.file is None else str(self.file)
        return {"name": self.name, "file": file, "state": self.state, "fault": self.fault, "status": self.answer}


def status_command(options: argparse.Namespace) -> int:
    """Print the state of each gateway; 1 when one stands, is in trouble or does not answer."""
    seen = list(_all(options.under) if options.all else [_seen(find_config(options.config))])
    if options.json:
        print(json.dumps([instance.document() for instance in seen], indent=1))
    else:
        print("\n".join(_shown(seen, options.language)))
    return int(any(instance.state not in {Level.GOOD, Level.ATTENTION} for instance in seen))


def _all(under: Path) -> Iterator[Instance]:
    files = installed(under)
    if not files:
        raise ConfigurationFault(
            [f"{under}: there is no gateway*/gateway.yaml: name its folder with --under, or a file with -c"]
        )
    for file in files:
        try:
            yield _seen(load(file))
        except ConfigurationFault as fault:
            yield Instance(file.parent.name, file, "unreachable", fault="; ".join(fault.lines))


def _seen(config: Config) -> Instance:
    file, name = config.file, config.mqtt.client_id if config.file is None else config.file.parent.name
    if not is_running(config):
        return Instance(name, file, "stands", fault=str(file or config.journal.path))
    try:
        answer = ask(config, "GET", "/api/status", {})
    except (ConfigurationFault, OutOfReach) as fault:
        return Instance(name, file, "unreachable", fault="; ".join(str(fault).splitlines()))
    return Instance(name, file, str(answer["verdict"]["level"]), answer)


def _shown(seen: list[Instance], language: str) -> Iterator[str]:
    formats = Formats(language, UTC)
    words = {key: getattr(found, language) for key, found in INSTANCE_WORDS.items()}
    for instance in seen:
        cells, more, answer = [instance.name, words[instance.state]], [], instance.answer
        if answer is not None:
            cells += _counts(answer, words, formats)
            more += [*_role(answer, words), *_findings(answer, language, formats), *_link(answer, words, formats)]
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=False)).rstrip()
        for text in [*more, *filter(None, [instance.fault])]:
            yield f"    {printable(text)}"
    if len(seen) > 1:
        unwell = sum(instance.state != Level.GOOD for instance in seen)
        yield ""
        yield words["not_good"].format(unwell, len(seen)) if unwell else words["all_good"].format(len(seen))


def _role(answer: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[str]:
    if (standby := answer.get("standby")) is not None:
        others = ", ".join(words[f"other_{role}"].format(name) for name, role in standby["others"].items())
        yield words[standby["role"]].format(standby["machine"], others or "-")


def _counts(answer: Mapping[str, Any], words: Mapping[str, str], formats: Formats) -> Iterator[str]:
    devices, ledger = answer["devices"], answer["ledger"]
    if (answer.get("standby") or {}).get("role") == "passive":  # it hears no device
        yield words["stands_by"]
    else:
        yield words["report"].format(formats.number(devices.get("online", 0)), formats.number(sum(devices.values())))
    counts = {"written": ledger["written"], "waiting": sum(ledger["pending"].values()), "lost": ledger["lost"]}
    yield ", ".join(words[key].format(formats.number(count)) for key, count in counts.items() if count or key == "written")


def _link(answer: Mapping[str, Any], words: Mapping[str, str], formats: Formats) -> Iterator[str]:
    """The backlog and its end, and the use of the link where it has a budget. A gateway of another release may not tell."""
    catch_up, link = answer.get("catch_up"), answer.get("link")
    if catch_up and catch_up["seconds_left"] is not None:
        left = formats.number(catch_up["readings_left"])
        yield words["catching_up"].format(left, formats.span(max(1, catch_up["seconds_left"])))
    if link and link["max_bytes_per_s"] is not None:
        yield words["link"].format(formats.number(link["bytes_per_s"]), formats.number(link["max_bytes_per_s"]))


def _findings(answer: Mapping[str, Any], language: str, formats: Formats) -> Iterator[str]:
    for found in answer["verdict"]["findings"]:
        finding = Finding(found["key"], Level(found["level"]), found["params"], found["detail"])
        text = finding_text(finding, language, closed_lists(language), formats.number)
        yield f"{text}: {finding.detail}" if finding.detail else text
