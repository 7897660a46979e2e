"""A gateway as people run it: a child process with its configuration file, watched over HTTP and its log."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, redirect_stderr, redirect_stdout
from http.client import HTTPConnection, HTTPException
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

from gateway.commands.cli import main
from gateway.commands.demo.services import Program, Service, free_port
from tests.system.nursery import Nursery
from tests.waiting import PATIENCE_S, until

Document = dict[str, Any]
OUTCOMES = ("written", "duplicate", "rejected", "expired", "lost")


class Gateway(Service):
    """``gateway run``. Everything that looks at the ledger finds it balanced, or fails.

    :cvar nursery: where it is born, if somewhere.
    """

    nursery: ClassVar[Nursery | None] = None

    @property
    def config(self) -> Path:
        """Its ``gateway.yaml``."""
        return self.folder / "gateway.yaml"

    @property
    def journal(self) -> Path:
        """Its SQLite file."""
        return self.folder / "data" / "journal.db"

    def start(self) -> None:
        """Start; its log of earlier starts stays in ``gateway.log``."""
        if self.pid is not None:
            return
        self._starts_at = len(self.printed())
        if self.nursery and self.program.path == Path(sys.executable) and self.arguments[:2] == ["-m", "gateway"]:
            self._process = self.nursery.start(self.arguments[2:], self.folder, self.log, os.environ)
        else:
            super().start()

    def wait_subscribed(self, within_s: float = PATIENCE_S) -> None:
        """Return when the broker has given this start its subscriptions."""
        until(lambda: "subscribed to" in self.printed()[self._starts_at :], within_s, what="subscribed")

    def terminate(self, within_s: float = PATIENCE_S) -> int:
        """SIGTERM; the exit status, which must come in time; to stand by while others have the processor takes none."""
        process = self._process
        assert process is not None
        began_s = time.monotonic() - _stood_by_s(process.pid)
        process.terminate()
        while process.poll() is None:
            if time.monotonic() - _stood_by_s(process.pid) > began_s + within_s:
                self.kill()
                raise AssertionError(f"not ended within {within_s} s of SIGTERM\n{self.printed()}")
            time.sleep(0.01)
        self._process = None
        return process.returncode

    def kill_at_rest(self) -> None:
        """SIGKILL, once nothing is owed to the broker: what it was told of does not come a second time."""
        until(lambda: self.status()["mqtt"]["unacknowledged"] == 0, what="all is acknowledged")
        self.kill()

    def wait_ended(self, within_s: float = PATIENCE_S) -> int:
        """The exit status of a gateway that ends by itself."""
        assert self._process is not None
        process, self._process = self._process, None
        return process.wait(within_s)

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        assert self.pid is not None, self.printed()
        os.kill(self.pid, number)

    def printed(self) -> str:
        """Return all that it printed, over all its starts."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def said(self, text: str) -> int:
        """Count how often it printed ``text``."""
        return self.printed().count(text)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop it; a test that failed shows what it printed."""
        super().__exit__(kind, error, trace)
        if kind is not None:
            print(self.printed()[-5000:])  # noqa: T201 - pytest shows it with the failure

    # Over HTTP.

    def ask(self, path: str, method: str = "GET", *, token: str | None = None, form: str | None = None) -> tuple[int, str]:
        """Status and body of a request."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        with closing(HTTPConnection(self.host, self.port, timeout=PATIENCE_S)) as connection:
            connection.request(method, path, form, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def document(self, path: str) -> Document:
        """A JSON document, as any reader gets it."""
        try:
            status, body = self.ask(path)
        except (OSError, HTTPException) as error:
            raise AssertionError(f"the gateway does not answer: {error}\n{self.printed()}") from error
        assert status == 200, (status, body)
        found: Document = json.loads(body)
        return found

    def ledger(self) -> Document:
        """The account, which balances at every look; nothing in it is owed twice."""
        ledger = self.document("/api/ledger")
        pending = ledger["pending"]
        settled = sum(ledger[outcome] for outcome in OUTCOMES)
        assert ledger["imbalance"] == 0, ledger
        assert ledger["received"] == settled + sum(pending.values()), ledger
        assert min(pending.values()) >= 0, ledger
        return ledger

    def pending(self, where: str) -> int:
        """Readings that wait in ``memory``, ``journal`` or ``quarantine``."""
        return int(self.ledger()["pending"][where])

    def status(self) -> Document:
        """``/api/status``."""
        return self.document("/api/status")

    def troubles(self) -> str:
        """All that is wrong now, as text."""
        return "\n".join(self.status()["troubles"])

    def shown(self) -> str:
        """Return the page as it is sent now."""
        with closing(HTTPConnection(self.host, self.port, timeout=PATIENCE_S)) as connection:
            connection.request("GET", "/api/events")
            return connection.getresponse().readline().decode()

    # As people command it.

    def command(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """``gateway ARGUMENTS -c FILE``."""
        return run_gateway(*arguments, "-c", self.config)

    def rejects(self, *arguments: str) -> list[Document]:
        """``gateway rejects list --json``, oldest first."""
        done = self.command("rejects", "list", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return sorted(map(json.loads, done.stdout.splitlines()), key=lambda reject: int(reject["id"]))

    def token(self) -> str:
        """Return the token that a change must show."""
        return self.journal.with_name("journal.db.token").read_text()

    @property
    def open_files(self) -> int:
        """Count the files and sockets it holds."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    @property
    def processor_ns(self) -> tuple[int, int]:
        """Return how long its loop ran, and how long it was ready to run while others had the processor."""
        worked, stood_by = Path(f"/proc/{self.pid}/schedstat").read_text().split()[:2]
        return int(worked), int(stood_by)

    @property
    def rss_bytes(self) -> int:
        """The most memory it ever held."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024


class Slowness:
    """The slowness of a busy machine: how many times as long the gateway's own work takes from now on as on an idle one.

    A gateway that waits for something else, as for a codec, does not stand ready for work: that is no excuse.
    """

    def __init__(self, gate: Gateway) -> None:
        self._gate = gate
        self._before_ns = gate.processor_ns

    @property
    def times(self) -> float:
        """From 1, where nothing else runs."""
        worked_ns, stood_by_ns = (now - before for now, before in zip(self._gate.processor_ns, self._before_ns, strict=True))
        return 1 + stood_by_ns / worked_ns


def until_more(count: Callable[[], int], more: int, within_s: float = PATIENCE_S, *, what: str = "") -> None:
    """Wait until ``count`` has grown by ``more``."""
    least = count() + more
    until(lambda: count() >= least, within_s, what=what or f"{more} more")


def run_gateway(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """``gateway ARGUMENTS``, to its end; in this process, for there are many."""
    words = [str(argument) for argument in arguments]
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        try:
            status = main(words)
        except SystemExit as ended:
            status = int(str(ended.code))
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())


def gateway(folder: Path, mqtt_url: str, influxdb_url: str, /, **sections: Document) -> Gateway:
    """A gateway in ``folder`` with api v1 and the given sections of ``gateway.yaml``, as a context manager."""
    folder.mkdir(exist_ok=True)
    host = "::1" if sections.get("http", {}).get("host") == "::1" else "127.0.0.1"
    port = free_port(host)
    base: Document = {
        "mqtt": {"url": mqtt_url},
        "influxdb": {"url": influxdb_url, "api": "v1"},
        "journal": {"min_free_bytes": 0},
        "http": {"port": port},
    }
    document = {name: base.get(name, {}) | sections.get(name, {}) for name in base | sections}
    found = Gateway(
        "gateway",
        host,
        port,
        folder.resolve(),
        f"http://{f'[{host}]' if ':' in host else host}:{port}",
        Program(Path(sys.executable)),
        ["-m", "gateway", "run", "-c", str(folder.resolve() / "gateway.yaml")],
        lambda: _is_alive(found),
    )
    configure(found, document)
    return found


def configure(found: Gateway, document: Document) -> None:
    """Write ``gateway.yaml`` (JSON is YAML)."""
    found.config.write_text(json.dumps(document, indent=1))


def _stood_by_s(pid: int) -> float:
    """Tell how long the loop of a child was ready to run while others had the processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def _is_alive(found: Gateway) -> bool:
    try:
        return found.ask("/healthz")[0] == 200
    except (OSError, HTTPException):
        return False
