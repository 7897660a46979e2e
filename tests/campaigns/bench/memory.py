"""Memory: resident bytes of a gateway that waits, with a province's devices, with many more, and with an open page."""

import subprocess
import sys
from contextlib import ExitStack

from gateway.commands.demo.services import Service, mosquitto
from tests.campaigns.bench import start
from tests.campaigns.bench.children import Plan, door, gateway, get, paced, pacer, rss_bytes
from tests.campaigns.bench.contest import GATEWAY, Contest, Samples
from tests.campaigns.bench.figures import Bar, Figure
from tests.campaigns.bench.latency import arrivals

_DEVICES = 3000
_FURTHER = 10_000
_READINGS_EACH = 10
_RATE = 8000
_IMPORTS = "import uvloop, gateway.commands.cli, gateway.commands.run; print(open('/proc/self/status').read())"

_WAITING, _PROVINCE = "a gateway that waits", f"{_DEVICES:,} devices heard"
_MANY, _PAGE = f"{_DEVICES + _FURTHER:,} devices heard", "the same with a page open"
_ONE_MORE, _REGISTERED_ONE = "a further device, heard", "a further device, registered and never heard"
_BASELINE = "interpreter with the same imports"


def _gateway(plan: Plan) -> dict[str, float]:
    """Megabytes (of 10^6 bytes) in all, and bytes of a further device."""
    folder, registered = plan.fresh("memory"), plan.fresh("registered")
    (registered / "devices.yaml").write_text(start.registry())
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder))
        stub = running.enter_context(door(folder))
        with gateway(registered, broker.url, stub.url) as unheard:
            registered_bytes = rss_bytes(unheard)
        consumer = running.enter_context(gateway(folder, broker.url, stub.url))
        waiting_bytes = rss_bytes(consumer)
        province_bytes = _heard(broker, stub, consumer, 0, _DEVICES)
        many_bytes = _heard(broker, stub, consumer, _DEVICES, _FURTHER)
        get(consumer, "/api/ledger")
        return {
            _WAITING: waiting_bytes / 1e6,
            _PROVINCE: province_bytes / 1e6,
            _MANY: many_bytes / 1e6,
            _PAGE: rss_bytes(consumer) / 1e6,
            _ONE_MORE: (many_bytes - province_bytes) / _FURTHER,
            _REGISTERED_ONE: (registered_bytes - waiting_bytes) / start.DEVICES,
        }


def _heard(broker: Service, stub: Service, consumer: Service, first: int, devices: int) -> int:
    """Resident bytes once so many devices have sent; nobody opens a page meanwhile."""
    sent = paced(pacer(broker.port, _RATE, devices * _READINGS_EACH / _RATE, devices, first))
    arrivals(stub, consumer, sent["published"])
    return rss_bytes(consumer)


def _imports(_: Plan) -> dict[str, float]:
    status = subprocess.run([sys.executable, "-c", _IMPORTS], check=True, capture_output=True, text=True).stdout
    imports_mb = int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6
    return dict.fromkeys((_WAITING, _PROVINCE, _MANY, _PAGE), imports_mb)


def _figures(samples: Samples) -> list[Figure]:
    bars = {_PROVINCE: Bar(62.0), _ONE_MORE: Bar(1000.0), _REGISTERED_ONE: Bar(1000.0)}
    total = [samples.figure("memory", name, "MB", _BASELINE, bars.get(name)) for name in (_WAITING, _PROVINCE, _MANY, _PAGE)]
    each = [samples.figure("memory", name, "B", None, bars[name]) for name in (_ONE_MORE, _REGISTERED_ONE)]
    return [*total, *each]


CONTEST = Contest({GATEWAY: _gateway, _BASELINE: _imports}, _figures)
