"""A village with a registry that a person keeps, and people with accounts who change it."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from gateway.commands.demo.services import Service
from tests.system.rig import Document, Gateway, gateway

REGISTRY = """\
# Kept by Lan. Ask her first.
areas:
  A1: Bản Mế
devices:
  # The main meter of the village.
  - id: main  # in the pump house
    site: xa-01
    domain: water
    area: A1
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account."""

    gate: Gateway
    token: str

    def ask(self, method: str, path: str, document: Document | None = None) -> tuple[int, Document]:
        """Status and answer of a request."""
        body = None if document is None else json.dumps(document)
        with closing(HTTPConnection(self.gate.host, self.gate.port, timeout=30)) as connection:
            connection.request(method, path, body, {"Authorization": f"Bearer {self.token}"})
            response = connection.getresponse()
            text = response.read().decode()
        return response.status, json.loads(text) if text.startswith("{") else {"error": text}

    def audit(self) -> list[Document]:
        """The audit log, the newest entry first."""
        found: list[Document] = self.ask("GET", "/api/audit")[1]["audit"]
        return found


@dataclass(frozen=True, slots=True)
class Village:
    """A running gateway, its registry, a technician and an administrator."""

    gate: Gateway
    lan: Person
    binh: Person

    @property
    def file(self) -> Path:
        """Its ``devices.yaml``."""
        return self.gate.folder / "devices.yaml"

    @property
    def registry(self) -> str:
        """The text of the file."""
        return self.file.read_text(encoding="utf-8")


@contextmanager
def village(folder: Path, mosquitto: Service, influxdb: Service, **sections: Document) -> Iterator[Village]:
    """A gateway that keeps messages of unknown devices until somebody registers them."""
    folder.mkdir()
    (folder / "devices.yaml").write_text(REGISTRY, encoding="utf-8")
    kept: Document = {"http": {"tokens_file": "tokens"}, "devices": {"unknown": "quarantine"}}
    found = gateway(folder, mosquitto.url, influxdb.url, **kept | sections)
    lan, binh = (Person(found, _token(found, *account)) for account in (("lan", "technician"), ("binh", "admin")))
    with found:
        found.wait_subscribed()
        yield Village(found, lan, binh)


def _token(gate: Gateway, name: str, role: str) -> str:
    done = gate.command("setup", "token", name, role)
    assert done.returncode == 0, done
    return done.stdout.split("\n\n")[1].strip()
