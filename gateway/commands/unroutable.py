"""``gateway unroutable``: the messages at RabbitMQ that no gateway reads, and their replay."""

import argparse
import sys

from gateway.commands.options import UNREACHABLE, add_config
from gateway.ingest.broker.rabbitmq.management import ManagementFault
from gateway.ingest.broker.rabbitmq.queues import replay_unroutable, unroutable_depth, watch_api
from gateway.support.config.files import ConfigurationFault, load
from gateway.support.registry.shares import shares_of
from schemas.printable import printable


def add_options(unroutable: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway unroutable``."""
    add_config(unroutable)
    unroutable.add_argument("--replay", action="store_true", help="have RabbitMQ bring it to the gateways that read it now")
    unroutable.set_defaults(call=unroutable_command)


def unroutable_command(options: argparse.Namespace) -> int:
    """Print how many there are, or replay them; return the exit status, 3 when RabbitMQ does not answer or refuses.

    :raises ConfigurationFault: the configuration does not say where RabbitMQ is asked.
    """
    config = load(options.config)
    shares = shares_of(config.mqtt)
    if shares is None:
        raise ConfigurationFault(["gateway.yaml: mqtt.shares: is not set: only where gateways share is there such a queue"])
    if shares.management is None:
        raise ConfigurationFault(
            [f"{config.mqtt.shares}: management: is missing; it says where RabbitMQ's API is, and for whom"]
        )
    api = watch_api(shares.management, config.mqtt)
    try:
        if options.replay:
            print(f"{replay_unroutable(api)} messages go their way again; what still nobody reads comes back here")
        elif (depth := unroutable_depth(api)) is None:
            print("RabbitMQ keeps none: gateway setup rabbitmq sets that up", file=sys.stderr)
            return UNREACHABLE
        else:
            print(f"{depth} messages reached no gateway")
    except ManagementFault as fault:
        print(printable(str(fault)), file=sys.stderr)
        return UNREACHABLE
    return 0
