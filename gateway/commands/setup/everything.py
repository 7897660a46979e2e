"""``gateway setup``: all that one machine needs, from certificates to the first account, by the subjects beside this module.

Each step looks first, and does what is not done: given again, the command changes nothing. What a person set up stays, and is
named where a step cannot go on.
"""

import argparse
import os
import time
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Final

from gateway.admin.installation.machine import UNIT, Layout, Machine, NotDone
from gateway.commands import FAULT, OK, OutOfReach
from gateway.commands.setup import broker as mosquitto
from gateway.commands.setup import influxdb, token
from gateway.commands.setup.settings import Settings, put_settings
from gateway.commands.terminal import add_path, add_repeated, say, show, with_config
from gateway.support.config.files import ConfigurationFault, load, text_of
from gateway.support.config.model import Config
from gateway.support.config.setting_types import is_loopback, split_url
from gateway.support.plain_http import NoAnswer, PlainHttp
from gateway.support.private_files import READERS_MODE

_PATIENCE_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.5
_OURS: Final = ("province.conf", "listeners.conf")
_VICTORIA_METRICS: Final = {"influxdb": {"url": "http://127.0.0.1:8428", "api": "v2"}}
_ON_LOOPBACK: Final = """\
# Written by `gateway setup`: InfluxDB asks nobody for a password, so only this machine reaches it. Remove this file for others.
[Service]
Environment=INFLUXDB_HTTP_BIND_ADDRESS=127.0.0.1:8086
"""


def add_options(setup: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway setup`` without a subject."""
    with_config(setup, set_up_everything)
    mosquitto.add_name(setup)
    add_repeated(setup, "--also", "a further name or address of this machine, for the certificate", metavar="NAME")
    add_path(setup, "--root", "DIR", "set up below this folder, to try it (default: /)", "/")
    setup.add_argument("--dry-run", action="store_true", help="say what would be done")


def set_up_everything(config: Config, options: argparse.Namespace) -> int:
    """Take the steps; 1 if one cannot be taken, ConfigurationFault if there is no gateway.yaml, or nobody may write it."""
    if config.file is None:
        raise ConfigurationFault(["gateway.yaml: there is none here; name it: gateway setup -c /etc/gateway/gateway.yaml"])
    if os.geteuid() != 0 and options.root == Path("/") and not options.dry_run:
        raise ConfigurationFault(["run it as root: sudo gateway setup"])
    machine = MachineSetup(config.file, options)
    steps = (machine.certificates, machine.broker, machine.database, machine.pages, machine.gateway)
    taken = [machine.take(step) for step in steps]
    if not all(taken):
        say("", "Not all is set up: mend what is marked ✗, and give the command again; what is done stays.")
        return FAULT
    if options.dry_run or not machine.changes:
        say("", f"Nothing was changed{' (--dry-run)' if options.dry_run else ''}.")
    else:
        say("", "Next: gateway devices add ID --site SITE --domain water, then gateway devices enroll ID")
    return OK


class MachineSetup:
    """The steps. ``changes`` counts what was not done before."""

    def __init__(self, file: Path, options: argparse.Namespace) -> None:
        root: Path = options.root
        self._file, self._options, self._root, self._etc = file, options, root, root / "etc"
        self._certs = root / "etc" / "mosquitto" / "certs"
        self._layout, self._machine = Layout(root), Machine(show, dry_run=options.dry_run)
        self._plugins = sorted((root / "usr" / "lib").glob(f"*-linux-gnu*/{mosquitto.PLUGIN}"))
        self._all_put = True
        self.changes = 0

    def take(self, step: Callable[[], None]) -> bool:
        """Take a step and say so, and below it what it said; tell if it could be taken."""
        said, before, why = StringIO(), self.changes, ""
        try:
            with redirect_stdout(said):
                step()
        except (ConfigurationFault, OutOfReach, NotDone) as fault:
            why = str(fault)
        more = "" if why or self.changes > before else ", as it was"
        lines = [line for line in f"{said.getvalue()}\n{why}".splitlines() if line.strip()]
        say(f"{'✗' if why else '✓'} {step.__name__}{more}", *(f"    {line}" for line in lines))
        return not why

    def certificates(self) -> None:
        """An authority, and the broker's certificate in its place, which is written last; one of a person's stays."""
        if not self._has_broker():
            return
        authority, certs, names = self._root / "root" / "authority", self._certs, self._names()
        signed, place = authority / f"{names[0]}.crt", certs / "broker.crt"
        if place.exists() and not (signed.exists() and text_of(signed) == text_of(place)):
            show(f"{place}: is there")
            return
        if not signed.exists() and self._does(f"make: a certificate for {', '.join(names)}, signed by {authority}"):
            from gateway.admin.broker.certificates import CertificateUse  # noqa: PLC0415 - of an extra
            from gateway.commands.setup.certificates import CertificateFolder  # noqa: PLC0415

            CertificateFolder(authority).issue(CertificateUse.SERVER, names)
        if signed.exists():
            group = "mosquitto" if self._root == Path("/") else ""
            key, ca = text_of(signed.with_suffix(".key")), text_of(authority / "ca.crt")
            self._lay(mosquitto.SetupFile(certs / "broker.key", key, READERS_MODE, group))
            self._lay(mosquitto.SetupFile(self._file.with_name("ca.crt"), ca, mosquitto.PLAIN_MODE))
            self._lay(mosquitto.SetupFile(place, text_of(signed), mosquitto.PLAIN_MODE))

    def broker(self) -> None:
        """Mosquitto's files and accounts, unless it has some; one that a person set up stays."""
        if not self._has_broker():
            return
        config, options = load(self._file), self._broker_options()
        settings, wanted = mosquitto.broker_settings(config, options), mosquitto.broker_files(config, options)
        accounts = wanted[-1].path
        if not accounts.exists():
            self._refuse_others(options.conf, wanted)
        elif lost := [one.path for one in wanted if one.path.suffix == ".password" and not one.path.exists()]:
            how = f"copy it from where it was, or `gateway setup broker --replace` makes all of {accounts} anew"
            raise ConfigurationFault([f"{path}: is not there: {how}" for path in lost])
        else:
            show(f"{accounts}: is there, so its accounts stay")
            is_ours = (options.conf / "listeners.conf").exists()
            wanted = [one for one in wanted if is_ours and not one.path.exists()]  # what an earlier version had not
        if wanted and self._does(f"write: {' '.join(str(one.path) for one in wanted)}"):
            if wanted[-1].path == accounts:
                mosquitto.write_broker(config, wanted)
            else:
                for one in wanted:
                    mosquitto.write_file(one)
        if wanted:
            self._systemctl("daemon-reload")
            self._systemctl("enable", "--quiet", "mosquitto")
            self._systemctl("restart", "mosquitto")
        self._put(settings)

    def _refuse_others(self, conf: Path, wanted: list[mosquitto.SetupFile]) -> None:
        """ConfigurationFault if a person set Mosquitto up."""
        others = {path for path in conf.glob("*.conf") if path.name not in _OURS}
        others |= {
            one.path for one in wanted if one.path.parent == conf and one.path.exists() and text_of(one.path) != one.text
        }
        if others:
            stays = "is there: a person set Mosquitto up, and it stays so (the guide: The broker, by hand)"
            raise ConfigurationFault([f"{path}: {stays}" for path in sorted(others)])

    def _broker_options(self) -> argparse.Namespace:
        config, conf = load(self._file), self._etc / "mosquitto" / "conf.d"
        words: list[str | Path] = ["--conf", conf, "--plugins", self._plugins[0].parent]
        words += ["--state", self._root / "var" / "lib" / "mosquitto", "--unit", self._layout.units / "mosquitto.service.d"]
        words += ["--certificate", self._certs / "broker.crt", "--key", self._certs / "broker.key"]
        words += [] if config.enrolment.url and not self._options.name else ["--name", self._names()[0]]
        port = split_url(config.mqtt.url).port
        return _options(mosquitto.add_options, *words, *(["--services-port", str(port)] if port else []))

    def _names(self) -> list[str]:
        """Names for the certificate; the first is the one at which devices come."""
        known = split_url(load(self._file).enrolment.url or "").hostname
        first = self._options.name or known
        return list(dict.fromkeys([*([first] if first else []), *mosquitto.machine_names(), *self._options.also]))

    def _has_broker(self) -> bool:
        """Tell if the broker is on this machine; ConfigurationFault if it is not installed."""
        url = load(self._file).mqtt.url
        if not is_loopback(split_url(url).hostname or ""):
            show(f"the broker is elsewhere, at {url}")
            return False
        if not self._plugins:
            raise ConfigurationFault(["Mosquitto is not installed: apt-get install mosquitto"])
        return True

    def database(self) -> None:
        """The database of this machine, InfluxDB or VictoriaMetrics, whichever is installed."""
        config, programs = load(self._file), self._root / "usr" / "bin"
        words: list[str | Path] = ["--root", self._root, *(["--dry-run"] if self._options.dry_run else [])]
        if not is_loopback(split_url(config.influxdb.url).hostname or ""):
            show(f"the database is elsewhere, at {config.influxdb.url}: gateway setup influxdb")
            return
        is_victoria = (programs / "victoria-metrics").exists() and not (programs / "influxd").exists()
        if is_victoria:
            if not _answers(config.influxdb.url):
                self._put(_VICTORIA_METRICS)
            words += ["--victoria-metrics"]
        elif (programs / "influxd").exists():
            self._influxd(config.influxdb.url)
        elif not _answers(config.influxdb.url):
            raise ConfigurationFault(["no database is installed: apt-get install influxdb"])
        done = influxdb.set_up_database(load(self._file), _options(influxdb.add_options, *words), keeps=True)
        self.changes += done.changed
        self._all_put &= done.is_told
        if is_victoria and done.changed:
            self._systemctl("daemon-reload")
            self._systemctl("enable", "--quiet", "victoria-metrics")
            self._systemctl("restart", "victoria-metrics")

    def _influxd(self, url: str) -> None:
        """InfluxDB 1 of Debian listens everywhere and asks nobody: one that nobody used yet is for this machine alone."""
        addition = self._layout.units / "influxdb.service.d" / "gateway.conf"
        if not _answers(url):
            self._systemctl("enable", "--now", "--quiet", "influxdb")
        self._wait(lambda: _answers(url))
        if not addition.exists() and _is_unused(url):
            self._lay(mosquitto.SetupFile(addition, _ON_LOOPBACK, mosquitto.PLAIN_MODE))
            self._systemctl("daemon-reload")
            self._systemctl("restart", "influxdb")
            self._wait(lambda: _answers(url))

    def pages(self) -> None:
        """An account for whoever administers, if nobody has one."""
        http = load(self._file).http
        if http.token_file is not None or (http.tokens_file is not None and http.tokens_file.exists()):
            show(f"{http.tokens_file or http.token_file}: is there")
            return
        if http.tokens_file is None:
            self._put({"http": {"tokens_file": "tokens"}})
        if self._does("make: an account admin of the pages"):
            token.setup_token(load(self._file), _options(token.add_options, "admin", "admin"))

    def gateway(self) -> None:
        """Restart it where something is new, and wait until the broker has let it in."""
        name = self._file.parent.name
        unit = UNIT if name == "gateway" else f"gateway@{name.removeprefix('gateway-')}.service"
        if not self._all_put:
            raise ConfigurationFault([f"{self._file}: lacks lines that stand above: write them, and give the command again"])
        if not self._layout.has_systemd:
            show("systemd does not run here: start the gateway by hand")
        elif not self.changes and self._machine.status("systemctl", "is-active", "--quiet", unit) == 0:
            show(f"{unit} runs")
        else:
            self.changes += 1
            self._systemctl("enable", "--quiet", unit)
            self._systemctl("restart", unit)
            if not self._wait(self._layout.subscribed(unit).exists):
                raise ConfigurationFault([f"the broker has not let the gateway in: journalctl -u {unit} -u mosquitto"])

    def _does(self, what: str) -> bool:
        """Count a change, and tell if it is to be made now."""
        self.changes += 1
        return self._machine.step(what)

    def _lay(self, file: mosquitto.SetupFile) -> None:
        """Write a file that is not there."""
        if not file.path.exists() and self._does(f"write: {file.path}"):
            mosquitto.write_file(file)

    def _put(self, settings: Settings) -> None:
        before = text_of(self._file)
        self._all_put &= put_settings(self._file, settings, dry_run=self._options.dry_run)
        self.changes += text_of(self._file) != before

    def _systemctl(self, *words: str) -> None:
        if self._layout.has_systemd:
            self._machine.run("systemctl", *words)

    def _wait(self, is_so: Callable[[], bool]) -> bool:
        """Wait for something, as long as a start may take; tell if it came. Without systemd nothing comes."""
        deadline_s = time.monotonic() + (_PATIENCE_S if self._layout.has_systemd and not self._options.dry_run else 0.0)
        while not (came := is_so()) and time.monotonic() < deadline_s:
            time.sleep(_LOOK_EVERY_S)
        return came or self._options.dry_run


def _options(add: Callable[[argparse.ArgumentParser], None], *words: str | Path) -> argparse.Namespace:
    """The options of a subject, as if it were given with these words."""
    parser = argparse.ArgumentParser()
    add(parser)
    return parser.parse_args([str(word) for word in words])


def _answers(url: str) -> bool:
    with suppress(NoAnswer):
        PlainHttp(url).send("GET", "/ping")
        return True
    return False


def _is_unused(url: str) -> bool:
    """Tell if InfluxDB 1 has no database but its own."""
    with suppress(NoAnswer, KeyError, IndexError, TypeError):
        (found,) = PlainHttp(url).form("/query", {"q": "SHOW DATABASES"}).document()["results"]
        return {name for (name,) in found["series"][0].get("values", ())} <= {"_internal"}
    return False
