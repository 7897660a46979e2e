"""``gateway move`` and ``gateway unroutable``: a share given to another gateway, and the messages that none of them reads."""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.commands import FAULT, reaching
from gateway.commands.running import record
from gateway.commands.terminal import ProgressLine, add_yes, confirmed, show, with_config
from gateway.core.batching.batch import packed
from gateway.core.batching.write_result import Fate, fate_of
from gateway.core.gateways.tenures import Stage, name_of, names_within
from gateway.ingest.broker.rabbitmq.accounts import VHOST, queue_of
from gateway.ingest.broker.rabbitmq.management import ManagementFault
from gateway.ingest.broker.rabbitmq.queues import replay_unroutable, unroutable_depth, watch_api
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import StoreFault
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.monitoring.reports.take_over import Claim, Claims, claim_line, claims
from gateway.support.clock import WallClock, wall_clock
from gateway.support.config.files import ConfigurationFault, blaming, text_of
from gateway.support.config.model import Config
from gateway.support.private_files import replace_file
from gateway.support.registry.edit import pinned
from gateway.support.registry.shares import SharesFile, load_shares, shares_of
from schemas.nearest import did_you_mean
from schemas.printable import printable

_LOOK_EVERY_S: Final = 1.0


def add_move(move: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway move``."""
    with_config(move, move_command)
    share = "a site, or another share of mqtt.shares: ward-2/water, spBv1.0/GROUP, a topic"
    move.add_argument("share", metavar="SHARE", help=share)
    move.add_argument("--to", required=True, metavar="GATEWAY", help="the client id of the gateway that reads it from now on")
    later = "change the file and end; the same command shows later how far it is"
    move.add_argument("--no-wait", action="store_true", help=later)
    gone = "do not wait for this one: its machine and its journal are lost for good"
    move.add_argument("--gone", metavar="GATEWAY", help=gone)
    add_yes(move)


def move_command(config: Config, options: argparse.Namespace) -> int | None:
    """Give a share to a gateway, and wait until it has it; ConfigurationFault if there is no such share or gateway."""
    path = config.mqtt.shares
    if path is None:
        raise ConfigurationFault(["gateway.yaml: mqtt.shares: is not set: this gateway shares nothing with others"])
    shares = load_shares(path)
    options.to = shares.gateway_called(options.to)
    options.gone = options.gone and shares.gateway_called(options.gone)
    _refuse_unknown(path, shares, options)
    if options.gone:
        confirmed(options, f"{options.gone} would be given up: what waits in its queue and its journal gets no sums")
    clock = wall_clock(config, os.environ)
    try:
        with reaching(StoreFault):
            _refuse_second(asyncio.run(_claims(config, options.share, clock)), options)
            _pin(config, path, options.share, options.to)
            if options.no_wait:
                return None
            if options.gone is not None:
                asyncio.run(_say_left(config, options.share, options.gone, clock))
            asyncio.run(_watch(config, options.share, options.to, load_shares(path), clock))
    except KeyboardInterrupt:
        print("the move goes on by itself; call the same command to see how far it is", file=sys.stderr)
        return FAULT
    return None


def _refuse_unknown(path: Path, shares: SharesFile, options: argparse.Namespace) -> None:
    """Refuse, by ConfigurationFault, a share or a gateway that the file does not name."""
    names = [name_of(one) for one in shares.shares]
    if options.share not in names:
        there = f"it has {', '.join(sorted(names)) or 'none'}{did_you_mean(options.share, names)}"
        raise ConfigurationFault([f"{path}: has no share {options.share}; {there}"])
    if options.to not in shares.gateways:
        raise ConfigurationFault([f"{path}: gateways: {options.to} is not among them ({', '.join(shares.gateways)})"])


async def _claims(config: Config, share: str, clock: WallClock) -> Claims:
    """The words of gateways about a share; StoreFault if the database does not answer."""
    async with open_store(config.influxdb) as store:
        return await claims(store, names_within(share), clock.now_ms())


def _refuse_second(found: Claims, options: argparse.Namespace) -> None:
    """Refuse a second move before the first is done: three gateways would have readings of the share."""
    moving = (Stage.TAKING_OVER, Stage.LEAVING)
    told = {(one, claim.stage) for stages in found.values() for one, claim in stages.items()}
    new = {one for one, stage in told if stage is Stage.TAKING_OVER} - {options.to, options.gone}
    old = {one for one, stage in told if stage in moving} - new - {options.to, options.gone}
    if new:
        whose = f" from {', '.join(sorted(old))}" if old else ""
        raise ConfigurationFault(
            [f"{options.share}: {', '.join(sorted(new))} still takes it over{whose}; wait until that is done"]
        )


def _pin(config: Config, path: Path, share: str, gateway: str) -> None:
    """Write down whose the share is, if that is not so yet, and tell what else moves by it and what is to be done."""
    before = load_shares(path)
    number = [name_of(one) for one in before.shares].index(share)
    if before.shares[number].gateway != gateway:
        old = text_of(path)
        _replace(path, pinned(old, number, gateway))
        try:
            after = load_shares(path)
        except ConfigurationFault:  # it would be refused by each gateway that reloads
            _replace(path, old)
            raise
        owners, new = _owners(before), _owners(after)
        record(config, "share moved", subject=share, before=owners[share], after=gateway)
        show(f"{path}: {share} is {gateway}'s; it was {owners[share]}'s")
        for also in sorted(name for name in new if name != share and new[name] != owners[name]):
            show(f"{path}: with it {also} goes from {owners[also]} to {new[also]}, so that all have as much to do")
    show("give this file to each gateway, in any order, and have it read: systemctl reload gateway, or kill -HUP PID")


def _owners(file: SharesFile) -> Mapping[str, str]:
    return {name_of(share): gateway for share, gateway in file.assigned.items()}


def _replace(path: Path, text: str) -> None:
    with blaming(f"{path}: cannot be written"):
        replace_file(path, text)


async def _say_left(config: Config, share: str, gone: str, clock: WallClock) -> None:
    """Say in the place of a gateway that is gone for good that nothing more comes of it."""
    found = await _claims(config, share, clock)
    lines = [
        claim_line(name, gone, Claim(Stage.LEFT, 0), clock.now_ms())
        for name, told in found.items()
        if gone in told and told[gone].stage is not Stage.LEFT
    ]
    if not lines:
        raise ConfigurationFault([f"--gone: {gone} has nothing of {share}"])
    async with InfluxdbClient(config.influxdb) as writer:
        answer = await writer.write(packed(lines))
    if fate_of(answer) is not Fate.WRITTEN:
        raise StoreFault(f"this cannot be written: {answer.describe()}")
    record(config, "share given up", subject=share, before=gone)
    show(f"{gone} is not waited for; what waits in its queue and its journal has no sums when it comes")


def _queues(config: Config, file: SharesFile, found: Claims) -> str:
    """The messages that wait for gateways that are leaving, as far as the management API of the broker tells."""
    if file.management is None:
        return ""
    names = sorted({one for told in found.values() for one, claim in told.items() if claim.stage is Stage.LEAVING})
    try:
        api = watch_api(file.management, config.mqtt)
        depths = {one: api.ask("queues", VHOST, queue_of(one)).get("messages", 0) for one in names}
    except (ManagementFault, ConfigurationFault):  # it only says more
        return ""
    return "; ".join(f"{count:,} messages wait for {one}" for one, count in depths.items())


async def _watch(config: Config, share: str, gateway: str, file: SharesFile, clock: WallClock) -> None:
    """Return when the gateway has the share with its sums, and no other has anything of it; tell how far that is."""
    line, told = ProgressLine(sys.stderr), ""
    while True:
        found = await _claims(config, share, clock)
        text = how_far(found, share, gateway)
        if text != told:
            line.clear()
            print(printable(text), flush=True)
            told = text
        if not text.endswith(_ENDS):
            line.clear()
            return
        line.say(printable(await asyncio.to_thread(_queues, config, file, found)))
        await asyncio.sleep(_LOOK_EVERY_S)


_ENDS: Final = " ..."


def how_far(found: Claims, share: str, gateway: str) -> str:
    """The state of a move as a sentence, with dots at its end as long as it goes on."""
    others = {(other, claim.stage) for told in found.values() for other, claim in told.items() if other != gateway}
    bound = sorted(other for other, stage in others if stage >= Stage.TAKING_OVER)
    leaving = sorted(other for other, stage in others if stage is Stage.LEAVING)
    new = found.get(share, {}).get(gateway)
    if new is None or new.stage < Stage.TAKING_OVER:
        return f"{share}: {gateway} has not read the file yet{_ENDS}"
    if bound:
        return f"{share}: {gateway} reads it; {', '.join(bound)} has not left it yet{_ENDS}"
    if leaving:
        who = f"{', '.join(leaving)} still writes what had come there"
        return f"{share}: {gateway} reads it, {new.waiting:,} devices without sums; {who}{_ENDS}"
    if new.stage is Stage.TAKING_OVER:
        return f"{share}: {gateway} reads it; sums of {new.waiting:,} devices are asked for{_ENDS}"
    return f"{share}: {gateway} has it, with its sums"


def add_unroutable(unroutable: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway unroutable``."""
    with_config(unroutable, unroutable_command)
    unroutable.add_argument("--replay", action="store_true", help="have RabbitMQ bring it to the gateways that read it now")


def unroutable_command(config: Config, options: argparse.Namespace) -> int | None:
    """Count or replay them; ConfigurationFault if the configuration does not say where RabbitMQ is asked."""
    shares = shares_of(config.mqtt)
    if shares is None:
        raise ConfigurationFault(["gateway.yaml: mqtt.shares: is not set: only where gateways share is there such a queue"])
    if shares.management is None:
        raise ConfigurationFault(
            [f"{config.mqtt.shares}: management: is missing; it says where RabbitMQ's API is, and for whom"]
        )
    api = watch_api(shares.management, config.mqtt)
    with reaching(ManagementFault):
        if options.replay:
            print(f"{replay_unroutable(api)} messages go their way again; what still nobody reads comes back here")
            return None
        depth = unroutable_depth(api)
    if depth is None:
        raise ConfigurationFault([f"{config.mqtt.shares}: RabbitMQ keeps none: gateway setup rabbitmq sets that up"])
    print(f"{depth} messages reached no gateway")
    return None
