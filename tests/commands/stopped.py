"""A gateway that has run here and does not now, and commands on its files."""

from typing import Any

import pytest

from gateway.commands.cli import main
from gateway.core.message import Refusal
from gateway.ingest.storage import rejects
from gateway.ingest.storage.database import Database
from gateway.support.audit.log import AuditLog
from schemas.rejects import RejectReason
from tests.commands.answering import Answering
from tests.site import Site
from tests.stored_rejects import stored_rejects


class Stopped:
    """A gateway that has run here and does not now."""

    def __init__(self, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        self._config, self._capsys = str(site.folder / "gateway.yaml"), capsys
        self._path = site.folder / "journal.db"
        site.sections["journal"] = {"path": str(self._path)}
        site.sections["influxdb"] = {"url": "http://127.0.0.1:9", "api": "v1"}
        assert site.config

    def open(self) -> Database:
        """Its file."""
        file = Database(self._path)
        file.open()
        return file

    def reject(self, *devices: str, reason: RejectReason = RejectReason.BAD_JSON, payload: bytes = b"?") -> None:
        """Store a reject of each device."""
        file = self.open()
        made = [Refusal(reason, "a fault", f"t/{device}", payload, "decode", 1000, device, "water") for device in devices]
        file.run_here(rejects.add, made, 2**30)
        file.close()

    def hold_back(self, *payloads: bytes, device: str = "m1", arrival_ms: int = 1_793_491_200_000) -> None:
        """Store native messages of a device as rejects that may be replayed."""
        file = self.open()
        topic, reason = f"iot/v1/q1/water/{device}/readings", RejectReason.UNKNOWN_DEVICE
        made = [Refusal(reason, "a fault", topic, payload, "decode", arrival_ms, device, "water") for payload in payloads]
        file.run_here(rejects.add, made, 2**30)
        file.close()

    def audited(self) -> list[dict[str, Any]]:
        """The entries of the audit log, the oldest first."""
        return AuditLog(self._path).entries(None, 100)[::-1]

    def kept(self) -> list[str]:
        """The devices whose rejects are stored, the newest first."""
        file = self.open()
        found = [refusal.device for _, refusal in file.run_here(stored_rejects)]
        file.close()
        return found

    def command(self, *words: str, status: int = 0) -> str:
        """Give a command that ends with this status; return what it prints."""
        assert main([*words, "-c", self._config]) == status
        said = self._capsys.readouterr()
        return said.out if status == 0 else said.err


class Running:
    """A gateway that runs: its file is in use, and its API answers as a table says.

    :ivar api: the answers, and what was asked.
    """

    def __init__(self, stopped: Stopped, site: Site, api: Answering) -> None:
        self.api = api
        self.command = stopped.command
        (site.folder / "journal.db.token").write_text("of-this-machine\n")
        (site.folder / "journal.db.token").chmod(0o600)
        site.sections["http"] = {"port": api.port}
        assert site.config
