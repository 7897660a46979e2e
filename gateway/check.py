"""``gateway check``: whether the configuration is sound and, with ``--connect``, whether broker and InfluxDB let us in."""

import asyncio
import sys
from contextlib import closing
from pathlib import Path

from mqtt5 import RetainHandling

from gateway.config import Config
from gateway.config_file import DEFAULT_FILE, load
from gateway.core.mqtt_session import DISCONNECT, Connected, ProtocolFault, Session, Subscribed
from gateway.core.write_result import Fate, fate_of
from gateway.influxdb import InfluxdbClient
from gateway.pipeline import broker_address, build_processor, session_options, topic_filters
from gateway.registry import load_registry

_PATIENCE_S = 5.0


def check(path: Path | None, *, connect: bool) -> int:
    """Say what is sound and what is not; 0, or 3 when something cannot be reached.

    :raises ConfigurationFault: the configuration or the registry is faulty.
    """
    config = load(path)
    build_processor(config)
    session_options(config)
    broker_address(config.mqtt)
    file = path or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    _say(f"{file or 'no gateway.yaml here'}: {'sound' if file else 'all defaults'}")
    registry = load_registry(config.devices.registry)
    _say(f"{config.devices.registry}: {len(registry.devices)} devices, {len(registry.areas)} areas")
    if not connect:
        return 0
    faults = [fault for fault in asyncio.run(_try_both(config)) if fault]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 3 if faults else 0


async def _try_both(config: Config) -> tuple[str, str]:
    return await _try_broker(config), await _try_influxdb(config)


async def _try_broker(config: Config) -> str:
    """Connect under a name of its own, so that a running gateway keeps its session, and subscribe as the gateway would."""
    address = broker_address(config.mqtt)
    options = session_options(config)
    session = Session(type(options)(f"{options.client_id}-check", options.username, options.password, session_expiry_s=0))
    try:
        async with asyncio.timeout(_PATIENCE_S):
            name = address.host if address.tls else None
            reader, writer = await asyncio.open_connection(address.host, address.port, ssl=address.tls, server_hostname=name)
            with closing(writer):
                refused = await _subscribe(session, topic_filters(config.mqtt), reader, writer)
    except TimeoutError:
        return f"{address}: no answer within {_PATIENCE_S:g} s"
    except (OSError, ProtocolFault) as error:
        return f"{address}: {error}"
    _say(f"{address}: {'connected' if refused else 'connected and subscribed'}")
    return "; ".join(f"{address}: subscription {pattern} refused: {why}" for pattern, why in refused.items())


async def _subscribe(
    session: Session,
    filters: dict[str, RetainHandling],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> dict[str, str]:
    """Connect, subscribe, say goodbye; the filters that were refused, and why."""
    writer.write(session.connect())
    while data := await reader.read(65536):
        for event in session.receive(data):
            if isinstance(event, Connected):
                writer.write(session.subscribe(filters))
            elif isinstance(event, Subscribed):
                writer.write(DISCONNECT)
                return event.refused
    raise ProtocolFault("the broker closed the connection")


async def _try_influxdb(config: Config) -> str:
    """Write nothing, but ask as a write would: an empty body tells address, rights and bucket without leaving a point."""
    async with InfluxdbClient(config.influxdb) as influxdb:
        answer = await influxdb.write(_EMPTY_GZIP)
    where = f"{config.influxdb.url} bucket {config.influxdb.bucket}"
    if fate_of(answer) is Fate.WRITTEN:
        _say(f"{where}: takes writes")
        return ""
    return f"{where}: {answer.describe()}"


_EMPTY_GZIP = bytes.fromhex("1f8b08000000000000ff03000000000000000000")


def _say(text: str) -> None:
    print(text)
