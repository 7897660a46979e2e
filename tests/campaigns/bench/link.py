"""The link between a cabinet and its centre, write by write: bytes of IP of a write, and of opening a connection with TLS.

Counted as the gateway counts them, by the kernel at its end; bytes do not depend on the load of the machine.
"""

import asyncio
import ssl
import subprocess
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from gateway.core.batching.batch import encode
from gateway.core.batching.pacing import LinkBudget
from gateway.core.message import Reading
from gateway.ingest.delivery.http_client import HttpClient
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.support.config.model import Influxdb
from gateway.support.tls import resuming_context, server_context
from tests.campaigns.bench.children import BenchFault, Plan
from tests.campaigns.bench.door import Arrivals
from tests.campaigns.bench.figures import Baseline, Figure
from tests.campaigns.bench.stores import STORES, readings_of_meters
from tests.campaigns.bench.wire_door import InfluxdbDoor
from tests.system.brokers import Authority

TOGETHER: Final = (1, 10, 100, 1000)
_WRITES: Final = 20
_WRITTEN: Final = 204
_REQUEST: Final = b"POST /write HTTP/1.1\r\nHost: centre\r\nContent-Length: 1\r\n\r\n."
_TIMEOUT_S: Final = 60.0
_VERSIONS: Final = {"TLS 1.3": ssl.TLSVersion.TLSv1_3, "TLS 1.2": ssl.TLSVersion.TLSv1_2}


def measure(plan: Plan) -> list[Figure]:
    """Bytes of a write by the number of its readings, of what TLS adds, of a new connection and of one that is resumed.

    :raises BenchFault: a write was answered with another status than 204.
    """
    of_store = {}
    for name, start in STORES.items():
        with start(plan.fresh("link")) as store:
            of_store[name] = asyncio.run(_writes(Influxdb(url=store.url, api="v1")))
    (first, of_first), (second, of_second) = of_store.items()
    found = [
        Figure("link", f"a reading, {many:,} in a write, to {first}", "B", of_first[many], Baseline(second, of_second[many]))
        for many in TOGETHER
    ]
    own = Authority(plan.fresh("link") / "authority")
    servers = {
        "elliptic curve, own authority": (own.certificate, *own.issue("centre")),
        "RSA 2048, with an intermediate": _public_authority(plan.fresh("link")),
    }
    found.append(Figure("link", "what TLS adds to a write", "B", asyncio.run(_tls_of_a_write(*next(iter(servers.values()))))))
    for whose, files in servers.items():
        for version, number in _VERSIONS.items():
            new, resumed = asyncio.run(_connections(*files, number))
            name = f"{version}, {whose}: a connection that goes on with a session, with its first write"
            found.append(Figure("link", name, "B", resumed, Baseline("a new one", new)))
    return found


async def _writes(config: Influxdb) -> dict[int, float]:
    """Bytes that a reading takes, by the number of readings in a write."""
    lines = readings_of_meters(time.time_ns() // 1_000_000 - 86_400_000)
    found = {}
    async with InfluxdbClient(config) as client:
        for many in TOGETHER:
            bodies = [encode([Reading(line, "water") for line in islice(lines, many)]).gzip for _ in range(_WRITES + 1)]
            await _written(client, bodies[0])  # opens the connection
            before_bytes = client.link.total_bytes
            for body in bodies[1:]:
                await _written(client, body)
            found[many] = (client.link.total_bytes - before_bytes) / _WRITES / many
    return found


async def _written(client: InfluxdbClient, body: bytes) -> None:
    answer = await client.write(body)
    if answer.status != _WRITTEN:
        raise BenchFault(f"a write is answered: {answer.describe()}")


async def _tls_of_a_write(ca: Path, cert: Path, key: Path) -> float:
    """The bytes that TLS adds to a write on an open connection."""
    (plain,) = await _taken(None, None, [_WRITES + 1])
    (secured,) = await _taken(server_context(cert, key), resuming_context(ca), [_WRITES + 1])
    return ((secured[-1] - secured[0]) - (plain[-1] - plain[0])) / _WRITES


async def _connections(ca: Path, cert: Path, key: Path, version: ssl.TLSVersion) -> tuple[int, int]:
    """The bytes of a new connection with its first write, and of one that goes on with its session."""
    context = server_context(cert, key)
    context.minimum_version = context.maximum_version = version
    (new,), (resumed,) = await _taken(context, resuming_context(ca), [1, 1])
    return new, resumed


async def _taken(context: ssl.SSLContext | None, ours: ssl.SSLContext | None, connections: Sequence[int]) -> list[list[int]]:
    """The bytes that each connection took by the end of each of its writes.

    :param connections: the number of writes on each.
    """
    server = await asyncio.get_running_loop().create_server(lambda: InfluxdbDoor(Arrivals()), "127.0.0.1", 0, ssl=context)
    link, found = LinkBudget(), list[list[int]]()
    async with server:
        client = HttpClient("127.0.0.1", server.sockets[0].getsockname()[1], ours, _TIMEOUT_S, link)
        for writes in connections:
            client.renew()
            before_bytes, took = link.total_bytes, list[int]()
            for _ in range(writes):
                await client.ask(_REQUEST)
                took.append(link.total_bytes - before_bytes)
            found.append(took)
        client.close()
    return found


def _public_authority(folder: Path) -> tuple[Path, Path, Path]:
    """An authority with an intermediate; its certificate, a server's behind which stands the intermediate's, and the key."""

    def openssl(name: str, *words: str) -> None:
        files = ["-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt"]
        command = ["openssl", "req", "-x509", "-days", "2", *files, *words]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    openssl("root", "-subj", "/O=A public authority/CN=Root R1")
    middle = ["-subj", "/O=A public authority/CN=Intermediate R10", "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0"]
    openssl("middle", *middle, "-CA", "root.crt", "-CAkey", "root.key")
    server = ["-subj", "/CN=centre.example.vn", "-addext", "subjectAltName=IP:127.0.0.1,DNS:centre.example.vn"]
    openssl("server", *server, "-CA", "middle.crt", "-CAkey", "middle.key")
    chain = folder / "chain.crt"
    chain.write_bytes((folder / "server.crt").read_bytes() + (folder / "middle.crt").read_bytes())
    return folder / "root.crt", chain, folder / "server.key"
