"""A gateway's folder with something of everything that a backup holds, and the commands on it."""

import asyncio
import json
import sqlite3
import subprocess
import zlib
from collections.abc import Sequence
from pathlib import Path

from msgspec.json import encode as encode_json

from gateway.core.alarms.alarm import AlarmKey, AlarmState, AlarmTags, Change, Severity, Transition
from gateway.core.batching.batch import encode
from gateway.core.message import QuarantinedMessage, Reading, Refusal, WaitCause
from gateway.ingest.broker.rights import BrokerAccount, document
from gateway.ingest.storage import alarms, journal, keyvalue, quarantine, rejects
from gateway.ingest.storage.alarms import Changes, Notice, SavedState
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.photos import Photos
from gateway.monitoring.alarms.outbox import INFLUXDB, WEBHOOK
from gateway.support.audit.log import AuditLog, Deed
from gateway.support.config.files import load
from gateway.support.config.model import Config
from schemas.rejects import RejectReason
from tests.system.rig import run_gateway

AT_MS = 1_793_491_200_000
PHOTO = b"\xff\xd8\xff a photo"
HIS, OTHER = "wm-his", "wm-other"


def line(device: str, at_ms: int = AT_MS) -> str:
    """A reading of a device."""
    return f"water,device={device},site=s1 volume_m3=12.5,volume_sum_m3=12.5,quality=0i {at_ms}"


class Machine:
    """The folder of a gateway that does not run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config_file = folder / "gateway.yaml"
        self.accounts = folder / "broker" / "accounts.json"
        self.authority = folder / "authority"

    @property
    def journal(self) -> Path:
        """Its SQLite file."""
        return self.folder / "data" / "journal.db"

    @property
    def config(self) -> Config:
        """Its configuration."""
        return load(self.config_file, {})

    @property
    def audit(self) -> AuditLog:
        """Its audit log."""
        return AuditLog(self.journal)

    def fill(self, *devices: str, influxdb_url: str = "http://127.0.0.1:9") -> None:
        """Make it, with something of each device in every place."""
        for folder in (self.folder, self.folder / "profiles", self.accounts.parent, self.authority):
            folder.mkdir(exist_ok=True, parents=True)
        sections = {
            "influxdb": {"url": influxdb_url, "api": "v1", "token_file": "influx.token"},
            "http": {"tokens_file": "tokens"},
            "alarms": {"rules": "alarms.yaml"},
        }
        self.config_file.write_text(json.dumps(sections))
        (self.folder / "influx.token").write_text("secret\n")
        (self.folder / "influx.token").chmod(0o640)
        (self.folder / "tokens").write_text("")
        (self.folder / "alarms.yaml").write_text("{}")
        (self.authority / "ca.key").write_text("key\n")
        (self.folder / "profiles" / "README").write_text("ours\n")
        entries = [{"id": name, "site": "s1", "domain": "water", "address": f"Home of {name}"} for name in devices]
        (self.folder / "devices.yaml").write_text(json.dumps({"devices": entries}))
        accounts = [(BrokerAccount(name, [], "password"), b"123456789012") for name in devices]
        self.accounts.write_text(document(accounts))
        for name in devices:
            self.audit.record(Deed(AT_MS, "lan", "technician", "device registered"), {"subject": {"device": name}})
        self.change_store(*devices)
        photos = Photos(self.journal, 0)
        for name in devices:
            asyncio.run(photos.put(name, PHOTO, AT_MS))

    def change_store(self, *devices: str) -> None:
        """Put something of each device into every table."""
        file = Database(self.journal)
        file.open()
        try:
            file.run_here(_fill, devices)
        finally:
            file.close()

    def command(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """``gateway WORDS -c FILE``."""
        return run_gateway(*words, "-c", self.config_file)

    def backup(self, path: Path, *words: str | Path) -> Path:
        """Make a backup, with the broker's accounts and the authority."""
        done = self.command("backup", path, "--accounts", self.accounts, "--also", self.authority, *words)
        assert done.returncode == 0, done.stderr
        return path


def _fill(connection: sqlite3.Connection, devices: Sequence[str]) -> None:
    """Write into every table."""
    (highest,) = connection.execute("SELECT coalesce(max(id), 0) FROM journal").fetchone()
    body = encode([Reading(line(name), "water") for name in devices])
    journal.append(connection, [body], highest + 1, AT_MS, refused=False)
    for name in devices:
        topic = f"iot/v1/s1/water/{name}/readings"
        refusal = Refusal(RejectReason.BAD_JSON, "no JSON", topic, b"{", "decode", AT_MS, name, "water")
        rejects.add(connection, [refusal], 2**20)
        waiting = QuarantinedMessage(
            WaitCause.UNKNOWN_DEVICE, name, None, topic, b"{}", retain=False, arrival_ms=AT_MS, device=name
        )
        quarantine.add(connection, [waiting], 2**20)
        connection.execute("INSERT OR REPLACE INTO reject_counts VALUES (1, 'bad_json', ?, 1)", (name,))
        alarms.commit(connection, _alarm(name))
        alarms.plan(connection, alarms.PlannedWork(AT_MS, AT_MS + 1, "lan", "valve", device=name))
        keyvalue.put(connection, f"sums {name}", "{}")
        keyvalue.put(connection, f"usual.{name}", "{}")
        keyvalue.put(connection, f"exchange {AT_MS} {name}", line(name))
    keyvalue.put(connection, "alarm lists", json.dumps([f"iot/v1/s1/water/{name}/alarms" for name in devices]))
    text = "\n".join(f'{name}\t{{"seen":1}}' for name in devices)
    connection.execute("INSERT INTO device_state (body) VALUES (?)", (zlib.compress(text.encode()),))


def _alarm(name: str) -> Changes:
    """An alarm of a device that has been raised, and of which nobody has been told yet."""
    state = AlarmState(AlarmKey("leak", name), Severity.WARNING, AlarmTags(device=name, domain="water", site="s1"), AT_MS, 1.0)
    number = 2 * zlib.crc32(name.encode())
    notices = [
        Notice(number, INFLUXDB, f"alarm,alarm=leak,device={name} active=true {AT_MS}"),
        Notice(number + 1, WEBHOOK, json.dumps({"alarm": "leak", "device": name})),
    ]
    raised = Transition.of(state, Change.RAISED, AT_MS)
    waiting = {notice.number: notice for notice in notices}
    return Changes({state.key: SavedState(encode_json(state), held_back=False)}, [raised], waiting)
