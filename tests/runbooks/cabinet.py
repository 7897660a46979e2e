"""A cabinet: broker, database and gateway of one machine, as an installation lays them out; and somebody who follows a page."""

from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import CompletedProcess

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from tests.runbooks.machines import Machine
from tests.runbooks.pages import Step, steps
from tests.system.rig import Document, gateway


class Cabinet:
    """The gateway's machine with all that belongs to it, not started yet.

    :ivar others: further machines that pages name.
    """

    def __init__(self, folder: Path, broker: Service, influxdb: Service, /, **sections: Document) -> None:
        root = folder / "cabinet"
        settings = root / "etc" / "gateway"
        settings.mkdir(parents=True)
        (settings / "devices.yaml").write_text("devices: []\n")
        sections["journal"] = {"path": "../../var/lib/gateway/journal.db", "min_free_bytes": 0}
        self.broker, self.influxdb = broker, influxdb
        self.gate = gateway(settings, broker.url, influxdb.url, **sections)
        self.machine = Machine(root, {"mosquitto": broker, "influxdb": influxdb, "gateway": self.gate})
        self.machine.programs["timedatectl"] = lambda _: (0, "System clock synchronized: yes")
        self.machine.printed |= {
            f"127.0.0.1:{printed}": f"127.0.0.1:{service.port}"
            for printed, service in {"8080": self.gate, "8086": influxdb, "1883": broker}.items()
        }
        self.others: dict[str, Machine] = {}

    def check(self, page: str) -> set[int]:
        """Take the checks of a page; return the numbers of those that fail."""
        return {step.number for step in steps(page, "Check") if self._take(step).returncode}

    def act(self, page: str, before: Mapping[int, Callable[[], object]] | None = None) -> dict[int, str]:
        """Follow a page: each of its commands succeeds; return the output of each step.

        :param before: number of a step → what people or the world do before it.
        """
        said = {}
        for step in steps(page, "Act"):
            if before and step.number in before:
                before[step.number]()
            if step.commands:
                done = self._take(step)
                assert done.returncode == 0, f"{page}, step {step.number}\n{step.commands}\n{done.stdout}{done.stderr}"
                said[step.number] = done.stdout
        return said

    def _take(self, step: Step) -> CompletedProcess[str]:
        done = (self.others[step.machine] if step.machine else self.machine).run(step.commands)
        print(f"{step.number}. {step.commands}{done.stdout}{done.stderr}")  # noqa: T201 - pytest shows it with the failure
        return done


def broker_at(folder: Path, root: Path, *lines: str, port: int | None = None) -> Service:
    """A broker whose settings and data lie below the root of a machine, as Debian lays them out."""
    folder.mkdir()
    service = services.mosquitto(folder, port=port)
    for name in ("etc/mosquitto/conf.d", "var/lib/mosquitto"):
        (root / name).mkdir(parents=True, exist_ok=True)
    listener = lines or (f"listener {service.port} 127.0.0.1", "allow_anonymous true")
    own = ["user root", "persistence true", f"persistence_location {root}/var/lib/mosquitto/"]
    (folder / "mosquitto.conf").write_text("\n".join([*own, *listener, f"include_dir {root}/etc/mosquitto/conf.d", ""]))
    return service
