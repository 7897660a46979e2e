"""RabbitMQ from Debian's package, unpacked or installed, on loopback: a node alone or several as a cluster.

Unpacked, Erlang does not find itself: its scripts name the folder they were packed for. A wrapper in the node's folder does.
The nodes of a test find each other by an epmd of their own, and share a cookie that nobody else has.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess, run
from typing import Final

import pytest

from gateway.commands.demo.services import CHECKOUT, Program, ProgramMissing, Service, free_port
from tests.campaigns.rabbitmq.management import Management
from tests.system.brokers import listens
from tests.waiting import until

HOST: Final = "127.0.0.1"
OLDEST: Final = 4
PLUGINS: Final = ("rabbitmq_mqtt", "rabbitmq_management")
# Starting an Erlang machine takes seconds of processor time.
STARTS_WITHIN_S: Final = 120.0


@dataclass(frozen=True)
class Erlang:
    """Folders of Erlang and of RabbitMQ."""

    root: Path
    rabbitmq: Path

    @property
    def too_old(self) -> str:
        """A sentence if it is a version that the gateway's settings are not for."""
        version = self.rabbitmq.name.rpartition("-")[2]
        return f"needs RabbitMQ {OLDEST}, this is {version}" if int(version.partition(".")[0]) < OLDEST else ""

    @property
    def emulator(self) -> Path:
        """The folder of the machine's own programs."""
        return next(self.root.glob("erts-*")) / "bin"


def find_erlang() -> Erlang:
    """Unpacked packages first, then what is installed; raises ProgramMissing."""
    named = os.environ.get("GATEWAY_PARTS")
    for parts in (*([Path(named)] if named else []), CHECKOUT / ".cache" / "parts", Path("/")):
        for rabbitmq in parts.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*"):
            return Erlang(parts / "usr/lib/erlang", rabbitmq)
    raise ProgramMissing("rabbitmq-server")


class Node(Service):
    """One node. ``url`` is that of its MQTT listener, ``management`` its HTTP API."""

    management: Management

    @property
    def node_name(self) -> str:
        """Its name in Erlang."""
        return f"{self.name}@localhost"

    def ctl(self, *arguments: str, tool: str = "rabbitmqctl") -> CompletedProcess[str]:
        """Run ``rabbitmqctl`` against it; the result must be a success."""
        command = [str(self.folder / "environment"), str(find_erlang().rabbitmq / "sbin" / tool)]
        done = run([*command, "--node", self.node_name, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done


@contextmanager
def epmd(folder: Path) -> Iterator[int]:
    """The name server of the nodes of one test, which is skipped on an older RabbitMQ; gives its port."""
    if too_old := find_erlang().too_old:
        pytest.skip(too_old)
    port = free_port()
    program = Program(find_erlang().emulator / "epmd")
    arguments = ["-port", str(port), "-address", HOST, "-relaxed_command_check"]
    with Service("epmd", HOST, port, folder, "", program, arguments, partial(listens, port)):
        yield port


def make_node(folder: Path, epmd_port: int, cookie: str, name: str, settings: Mapping[str, str], advanced: str = "") -> Node:
    """A node of its own folder, not started.

    :param settings: lines of ``rabbitmq.conf`` beside those of its listeners.
    :param advanced: the text of ``advanced.config``, if it has one.
    """
    folder.mkdir(parents=True)
    mqtt_port, http_port = free_port(), free_port()
    lines = {
        "listeners.tcp.1": f"{HOST}:{free_port()}",
        "mqtt.listeners.tcp.1": f"{HOST}:{mqtt_port}",
        "management.tcp.ip": HOST,
        "management.tcp.port": str(http_port),
    } | dict(settings)
    (folder / "rabbitmq.conf").write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
    (folder / "enabled_plugins").write_text(f"[{','.join(PLUGINS)}].\n")
    if advanced:
        (folder / "advanced.config").write_text(advanced)
    cookie_file = folder / ".erlang.cookie"
    cookie_file.write_text(cookie)
    cookie_file.chmod(0o400)
    environment = _environment(folder, epmd_port, name)
    server = str(find_erlang().rabbitmq / "sbin" / "rabbitmq-server")
    management = Management(HOST, http_port)
    node = Node(name, HOST, mqtt_port, folder, f"mqtt://{HOST}:{mqtt_port}", Program(environment), [server], management.answers)
    node.management = management
    return node


@contextmanager
def rabbitmq(folder: Path, settings: Mapping[str, str] | None = None, advanced: str = "") -> Iterator[Node]:
    """A node alone, started and serving MQTT; devices and gateways may come as the user ``guest``."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        port = running.enter_context(epmd(folder))
        node = make_node(folder / "node", port, secrets.token_hex(), "alone", settings or {}, advanced)
        running.callback(node.stop, within_s=STARTS_WITHIN_S)
        node.start()
        node.wait_ready(STARTS_WITHIN_S)
        until(partial(listens, node.port), STARTS_WITHIN_S, what="MQTT is served")
        yield node


def _environment(folder: Path, epmd_port: int, name: str) -> Path:
    """A script that runs its arguments with all that Erlang and RabbitMQ want to know."""
    erlang = find_erlang()
    wrapper = folder / "bin" / "erl"
    wrapper.parent.mkdir()
    _script(
        wrapper,
        f"export ROOTDIR={erlang.root} BINDIR={erlang.emulator} EMU=beam PROGNAME={wrapper}",
        'exec "$BINDIR/erlexec" "$@"',
    )
    wanted = {
        "HOME": folder,
        "PATH": f"{wrapper.parent}:{erlang.root}/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "ESCRIPT_EMULATOR": wrapper,
        "ERL_EPMD_PORT": epmd_port,
        "ERL_CRASH_DUMP_SECONDS": 0,
        "NOTIFY_SOCKET": folder / "nobody",  # as under systemd: the shell becomes the machine, whose process is then ours
        "RABBITMQ_HOME": erlang.rabbitmq,
        "RABBITMQ_NODENAME": f"{name}@localhost",
        "RABBITMQ_DIST_PORT": free_port(),
        "RABBITMQ_MNESIA_BASE": folder / "mnesia",
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_LOG_BASE": folder / "log",
        "RABBITMQ_CONFIG_FILE": folder / "rabbitmq",
        "RABBITMQ_ADVANCED_CONFIG_FILE": folder / "advanced.config",
        "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "enabled_plugins",
        "RABBITMQ_CONF_ENV_FILE": folder / "none",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "'+S 1:1 +sbwt none'",  # shares its processors with a whole test run
    }
    script = folder / "environment"
    _script(script, *(f"export {key}={value}" for key, value in wanted.items()), 'exec "$@"')
    return script


def _script(path: Path, *lines: str) -> None:
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
