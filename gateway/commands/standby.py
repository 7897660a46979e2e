"""``gateway standby gone``: the other machine of a pair is lost for good, and what its journal held with it."""

import argparse
import asyncio
from collections.abc import Sequence
from typing import Final

import mqtt5

from gateway.commands.guest import guest, open_as_guest, read
from gateway.commands.options import with_config
from gateway.core.gateways.standby import PairTopics
from gateway.core.mqtt_session import DISCONNECT, Connected, Event, ProtocolFault, Session, SessionOptions, Subscribed
from gateway.ingest.intake.connection import BrokerAddress
from gateway.runtime.pipeline.options import broker_address, pair_topics, session_options
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.tls import ended, handshake_fault

_PATIENCE_S: Final = 10.0


def add_options(standby: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway standby``."""
    with_config(standby, standby_command)
    standby.add_argument("action", choices=["gone"], help="the machine and its journal are lost for good: wait for neither")
    standby.add_argument("machine", metavar="MACHINE", help="its mqtt.standby.machine")


def standby_command(config: Config, options: argparse.Namespace) -> None:
    """Have the broker forget a machine, so that the other one waits for its journal no longer."""
    own, address = pair_topics(config.mqtt), broker_address(config.mqtt)
    if own is None:
        raise ConfigurationFault(["gateway.yaml: mqtt.standby.machine: is not set: this gateway stands alone"])
    if options.machine == own.machine:
        raise ConfigurationFault([f"{own.machine} is this machine; give the command on the other one"])
    lost = PairTopics(own.client_id, options.machine)
    try:
        asyncio.run(_forget(address, session_options(config), [lost.state, lost.journal]))
    except TimeoutError:
        raise ConfigurationFault([f"{address}: no answer within {_PATIENCE_S:g} s; see the rights of the account"]) from None
    except OSError as error:
        raise ConfigurationFault([f"{address}: {handshake_fault(error, tls=address.tls is not None)}"]) from error
    except ProtocolFault as fault:
        raise ConfigurationFault([f"{address}: {fault}"]) from fault
    print(f"{lost.machine} is forgotten; what its journal held is lost, and sums go on without it")


async def _forget(address: BrokerAddress, options: SessionOptions, topics: Sequence[str]) -> None:
    """Empty the topics; return when the broker has handed the empty messages back, which shows that it took them."""
    session, missing = Session(guest(options, "gone")), set(topics)
    async with asyncio.timeout(_PATIENCE_S):
        reader, writer, _ = await open_as_guest(address, options)
        async with ended(writer):
            writer.write(session.connect())
            while missing:
                for event in session.receive(await read(reader, writer, session)):
                    if isinstance(event, mqtt5.PublishPacket) and not event.payload:
                        missing.discard(event.topic)
                    writer.write(_next(event, session, topics))
            writer.write(DISCONNECT)
            await writer.drain()


def _next(event: Event, session: Session, topics: Sequence[str]) -> bytes:
    """The bytes to send after an event."""
    if isinstance(event, Connected):
        return session.subscribe(dict.fromkeys(topics, mqtt5.RetainHandling.SEND_NEVER))
    if isinstance(event, Subscribed):
        for topic, why in event.refused.items():
            raise ProtocolFault(f"the broker refused the subscription {topic}: {why}")
        return b"".join(session.publish(topic, b"", retain=True) for topic in topics)
    return b""
