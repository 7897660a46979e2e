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
from gateway.commands.setup import broker, influxdb, token
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
_PERSON: Final = "admin"
_VICTORIA_METRICS: Final = {"url": "http://127.0.0.1:8428", "api": "v2"}
_ON_LOOPBACK: Final = """\
# Written by `gateway setup`: InfluxDB asks nobody for a password, so only this machine reaches it. Remove this file for others.
[Service]
Environment=INFLUXDB_HTTP_BIND_ADDRESS=127.0.0.1:8086
"""


def add_options(setup: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway setup`` without a subject."""
    with_config(setup, set_up_everything)
    setup.add_argument(
        "--name", metavar="NAME", help="name or address of this machine for devices (default: one that others reach)"
    )
    add_repeated(setup, "--also", "a further name or address of this machine, for the certificate", metavar="NAME")
    add_path(setup, "--authority", "DIR", "folder of an authority of your own (default: /root/authority)")
    add_path(setup, "--root", "DIR", "set up below this folder, to try it (default: /)", "/")
    setup.add_argument("--dry-run", action="store_true", help="say what would be done")


def set_up_everything(config: Config, options: argparse.Namespace) -> int:
    """Take the steps; 1 if one cannot be taken, ConfigurationFault if there is no gateway.yaml, or nobody may write it."""
    if config.file is None:
        raise ConfigurationFault(["gateway.yaml: there is none here; name it: gateway setup -c /etc/gateway/gateway.yaml"])
    if os.geteuid() != 0 and options.root == Path("/") and not options.dry_run:
        raise ConfigurationFault(["run it as root: sudo gateway setup"])
    machine = SetupOfMachine(config.file, options)
    taken = [_taken(name, step) for name, step in machine.steps.items()]
    if not all(taken):
        say("", "Not all is set up: mend what is marked ✗, and give the command again; what is done stays.")
        return FAULT
    if options.dry_run or not machine.changes:
        say("", f"Nothing was changed{' (--dry-run)' if options.dry_run else ''}.")
    else:
        say("", "Next: gateway devices add ID --site SITE --domain water, then gateway devices enroll ID")
    return OK


def _taken(name: str, step: Callable[[], bool]) -> bool:
    """Take a step and say so, and below it what it said; tell if it could be taken."""
    said, mark, why = StringIO(), "✓", list[str]()
    try:
        with redirect_stdout(said):
            more = "" if step() else ", as it was"
    except ConfigurationFault as fault:
        mark, more, why = "✗", "", fault.lines
    except (OutOfReach, NotDone, NoAnswer) as fault:
        mark, more, why = "✗", "", [str(fault)]
    lines = [line for line in (*said.getvalue().splitlines(), *why) if line.strip()]
    say(f"{mark} {name}{more}", *(f"    {line}" for line in lines))
    return mark == "✓"


class SetupOfMachine:
    """The steps; each tells if it did something. ``changes``: how many did."""

    def __init__(self, file: Path, options: argparse.Namespace) -> None:
        self._file, self._options, self._root = file, options, options.root
        self._layout = Layout(options.root)
        self._machine = Machine(show, dry_run=options.dry_run)
        self._before = text_of(file)
        self._plugins = sorted((options.root / "usr" / "lib").glob(f"*-linux-gnu*/{broker.PLUGIN}"))
        self._all_put = True
        self.changes = 0
        self.steps: dict[str, Callable[[], bool]] = {
            "certificates": self._counted(self._certificates),
            "broker": self._counted(self._broker),
            "database": self._counted(self._database),
            "pages": self._counted(self._pages),
            "gateway": self._counted(self._gateway),
        }

    def _counted(self, step: Callable[[], bool]) -> Callable[[], bool]:
        def take() -> bool:
            changed = step()
            self.changes += changed
            return changed

        return take

    # The broker.

    def _certificates(self) -> bool:
        """An authority, and the broker's certificate in its place, which is written last; one that is there stays."""
        if not self._has_broker():
            return False
        conf, names = self._root / "etc" / "mosquitto" / "certs", self._names()
        if (conf / "broker.crt").exists():
            show(f"{conf / 'broker.crt'}: is there")
            return False
        authority = self._options.authority or self._root / "root" / "authority"
        if not self._machine.step(f"make: a certificate for {', '.join(names)}, signed by {authority}"):
            return True
        from gateway.admin.broker.certificates import CertificateUse  # noqa: PLC0415 - of an extra
        from gateway.commands.setup.certificates import CertificateFolder  # noqa: PLC0415

        if not (authority / f"{names[0]}.crt").exists():
            CertificateFolder(authority).issue(CertificateUse.SERVER, names)
        group = "mosquitto" if self._root == Path("/") else ""
        for source, place, mode in (
            (f"{names[0]}.key", conf / "broker.key", READERS_MODE),
            ("ca.crt", self._file.with_name("ca.crt"), broker.PLAIN_MODE),
            (f"{names[0]}.crt", conf / "broker.crt", broker.PLAIN_MODE),
        ):
            own = group if place.parent == conf else ""
            broker.write_file(broker.SetupFile(place, text_of(authority / source), mode, own))
        return True

    def _names(self) -> list[str]:
        """Names for the certificate; the first is the one at which devices come."""
        enrolment = load(self._file).enrolment.url
        known = [] if enrolment is None else [split_url(enrolment).hostname or ""]
        named = [self._options.name] if self._options.name else known
        return list(dict.fromkeys([*named, *broker.machine_names(), *self._options.also]))

    def _has_broker(self) -> bool:
        """Tell if the broker is on this machine; ConfigurationFault if it is not installed."""
        url = load(self._file).mqtt.url
        if not is_loopback(split_url(url).hostname or ""):
            show(f"the broker is elsewhere, at {url}")
            return False
        if not self._plugins:
            raise ConfigurationFault(["Mosquitto is not installed: apt-get install mosquitto"])
        return True

    def _broker(self) -> bool:
        """Mosquitto's files and accounts, unless it has some; one that a person set up stays."""
        if not self._has_broker():
            return False
        config, etc = load(self._file), self._root / "etc"
        conf, state = etc / "mosquitto" / "conf.d", self._root / "var" / "lib" / "mosquitto"
        words = ["--conf", conf, "--state", state, "--unit", etc / "systemd" / "system" / "mosquitto.service.d"]
        certs, port = etc / "mosquitto" / "certs", split_url(config.mqtt.url).port
        words += ["--certificate", certs / "broker.crt", "--key", certs / "broker.key", "--plugins", self._plugins[0].parent]
        words += [] if config.enrolment.url and not self._options.name else ["--name", self._names()[0]]
        options = _options(broker.add_options, *words, *(["--services-port", str(port)] if port else []))
        settings, accounts = broker.broker_settings(config, options), state / "dynamic-security.json"
        if accounts.exists():
            show(f"{accounts}: is there, so Mosquitto stays as it is")
            return self._put(settings)
        wanted = broker.broker_files(config, options)
        foreign = [path for path in sorted(conf.glob("*.conf")) if path.name not in _OURS]
        foreign += [one.path for one in wanted if one.path.parent == conf and _is_other(one)]
        if foreign:
            how = "Mosquitto was set up by a person, and stays so; docs: The broker, by hand"
            raise ConfigurationFault([f"{path}: is there: {how}" for path in foreign])
        if self._options.dry_run:
            say(*(f"would write: {one.path}" for one in wanted))
        else:
            broker.write_broker(config, wanted)
        self._put(settings)
        self._systemctl("daemon-reload")
        self._systemctl("enable", "mosquitto")
        self._systemctl("restart", "mosquitto")
        return True

    # The database.

    def _database(self) -> bool:
        """The database of this machine, InfluxDB or VictoriaMetrics, whichever is installed."""
        config, programs = load(self._file), self._root / "usr" / "bin"
        if not is_loopback(split_url(config.influxdb.url).hostname or ""):
            show(f"the database is elsewhere, at {config.influxdb.url}: gateway setup influxdb")
            return False
        changed, words = False, ["--root", self._root]
        is_victoria = (programs / "victoria-metrics").exists() and not (programs / "influxd").exists()
        if is_victoria:
            changed = self._put({"influxdb": _VICTORIA_METRICS})
            words += ["--victoria-metrics"]
        elif (programs / "influxd").exists():
            changed = self._influxd(config)
        elif not _answers(config.influxdb.url):
            raise ConfigurationFault(["no database is installed: apt-get install influxdb"])
        words += ["--dry-run"] if self._options.dry_run else []
        done = influxdb.set_up_database(load(self._file), _options(influxdb.add_options, *words), keeps=True)
        self._all_put &= done.is_told
        if is_victoria and done.changed:
            self._systemctl("daemon-reload")
            self._systemctl("enable", "victoria-metrics")
            self._systemctl("restart", "victoria-metrics")
        return changed or done.changed

    def _influxd(self, config: Config) -> bool:
        """InfluxDB 1 of Debian listens everywhere and asks nobody: one that nobody used yet is for this machine alone."""
        addition, url = self._layout.units / "influxdb.service.d" / "gateway.conf", config.influxdb.url
        self._until_answers(url, "enable", "--now", "influxdb")
        if addition.exists() or not _is_unused(url):
            return False
        self._machine.write(addition, _ON_LOOPBACK.encode())
        self._systemctl("daemon-reload")
        self._systemctl("restart", "influxdb")
        self._until_answers(url)
        return True

    def _until_answers(self, url: str, *words: str) -> None:
        """Wait for a database, after a word to systemd."""
        if words and not _answers(url):
            self._systemctl(*words)
        if self._layout.has_systemd and not self._options.dry_run:
            _wait(lambda: _answers(url))

    # The gateway.

    def _pages(self) -> bool:
        """An account for whoever administers, if nobody has one."""
        http = load(self._file).http
        if http.token_file is not None or (http.tokens_file is not None and http.tokens_file.exists()):
            show(f"{http.tokens_file or http.token_file}: is there")
            return False
        if http.tokens_file is None:
            self._put({"http": {"tokens_file": "tokens"}})
        if self._machine.step(f"make: an account {_PERSON} of the pages"):
            token.setup_token(load(self._file), _options(token.add_options, _PERSON, "admin"))
        return True

    def _gateway(self) -> bool:
        """Restart it where something is new, and wait until the broker has let it in."""
        name = self._file.parent.name
        unit = UNIT if name == "gateway" else f"gateway@{name.removeprefix('gateway-')}.service"
        if not self._all_put:
            raise ConfigurationFault([f"{self._file}: lacks lines that stand above: write them, and give the command again"])
        if not self._layout.has_systemd:
            show("systemd does not run here: start the gateway by hand")
            return False
        if not self.changes and self._machine.status("systemctl", "is-active", "--quiet", unit) == 0:
            show(f"{unit} runs")
            return False
        self._systemctl("enable", unit)
        self._systemctl("restart", unit)
        if self._options.dry_run:
            return True
        if not _wait(lambda: self._layout.subscribed(unit).exists()):
            raise ConfigurationFault([f"the broker has not let the gateway in: journalctl -u {unit} -u mosquitto"])
        show(f"{unit}: runs, and reads from the broker")
        return True

    def _put(self, settings: Settings) -> bool:
        before = text_of(self._file)
        self._all_put &= put_settings(self._file, settings, dry_run=self._options.dry_run)
        return text_of(self._file) != before

    def _systemctl(self, *words: str) -> None:
        if self._layout.has_systemd:
            self._machine.run("systemctl", *words)


def _options(add: Callable[[argparse.ArgumentParser], None], *words: str | Path) -> argparse.Namespace:
    """The options of a subject, as if it were given with these words."""
    parser = argparse.ArgumentParser()
    add(parser)
    return parser.parse_args([str(word) for word in words])


def _is_other(file: broker.SetupFile) -> bool:
    """Tell if another file is in the place of one."""
    return file.path.exists() and text_of(file.path) != file.text


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


def _wait(is_so: Callable[[], bool]) -> bool:
    """Wait for something, as long as a start may take; tell if it came."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while not is_so():
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True
