"""Accounts after a kill of the broker or a power cut at every step of twenty enrolments: who was told that it is done gets in.

The broker's calls to the disk are recorded; what may be left after each is laid down, the command of the broker's service puts
accounts back, and the broker starts on that and judges. Of the many images that a power cut may leave most are judged by the
password's hash alone, worked out here.
"""

import base64
import csv
import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.campaigns.powercut.recorded_disk import Operation
from tests.campaigns.powercut.replay import Image, Platter, lay_down, seeded
from tests.campaigns.powercut.traced_broker import STRACE, operations, tell, traced, version
from tests.deploy.set_up import SetUpBroker
from tests.system.rig import run_gateway
from tests.waiting import until

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(STRACE is None, reason="strace is missing"),
]

ACCOUNTS, COPY = "dynamic-security.json", "dynamic-security.json.copy"
KEPT = "journal.db.accounts"
ENROLMENTS, TORN, STARTED_OF_TORN = 20, 6, 60
OLDEST = Path(__file__).parents[3] / ".cache" / "debian12"


@dataclass
class Recorded:
    """Twenty enrolments.

    :ivar done: what the broker did to its files; ``begins_with`` what lay there.
    :ivar told: account → its password, and the operations that had been done when the command said that it is done.
    :ivar kept: the gateway's own file after each enrolment.
    """

    broker: SetUpBroker
    begins_with: Image
    done: list[Operation] = field(default_factory=list)
    told: dict[str, tuple[str, int]] = field(default_factory=dict)
    kept: list[bytes] = field(default_factory=lambda: [b""])

    @property
    def state(self) -> Path:
        """The folder that the broker writes."""
        return self.broker.folder / "state"

    def known_at(self, step: int) -> list[str]:
        """The accounts of which it was said before a step that they are made."""
        return [name for name, (_, at) in self.told.items() if at <= step]


@pytest.fixture(scope="module", params=["of this machine", "2.0.11"])
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "2.0.11":
            if not (OLDEST / "usr" / "sbin" / "mosquitto").exists():
                pytest.skip("the Mosquitto of Debian 12 is not here: `.ci/setup oldest-broker` unpacks it")
            patch.setenv("GATEWAY_PARTS", str(OLDEST))
        broker = SetUpBroker(tmp_path_factory.mktemp("accounts") / "set-up", ENROLMENTS, "--replace")
        if request.param == "2.0.11":
            assert version(broker.service.program) == (2, 0, 11)
        yield enrolled(broker, broker.folder.parent / "trace")


def enrolled(broker: SetUpBroker, trace: Path) -> Recorded:
    """Enrol the devices one by one, and write down what the broker did."""
    assert put_back(broker) == ""
    state, program, arguments = broker.folder / "state", broker.service.program, broker.service.arguments
    found = Recorded(broker, {file.name: file.read_bytes() for file in state.iterdir()})
    assert set(found.begins_with) == {ACCOUNTS, COPY}
    traced(broker.service, trace)
    with broker.service:
        for name in broker.names:
            table = broker.folder / f"{name}.csv"
            broker.command("devices", "enroll", name, "--csv", str(table))
            until(lambda name=name: name in (state / ACCOUNTS).read_text())
            found.done = operations(trace, state, found.begins_with)
            found.told[name] = next(csv.DictReader(table.read_text().splitlines()))["password"], len(found.done)
            found.kept.append((broker.folder / "gateway" / "data" / KEPT).read_bytes())
        tell(broker.service, signal.SIGKILL)
        broker.service.kill()
    broker.service.program, broker.service.arguments = program, arguments
    return found


def put_back(broker: SetUpBroker) -> str:
    """Do what the broker's service does before each start; return what it says on standard error."""
    done = run_gateway("setup", "accounts", "--accounts", broker.folder / "state" / ACCOUNTS, "-c", broker.config)
    assert done.returncode == 0, done.stderr
    return done.stderr


def begun_again(recorded: Recorded, image: Image, kept: bytes) -> None:
    """Lay down what is left, and put accounts back."""
    lay_down(image, recorded.state)
    data = recorded.broker.folder / "gateway" / "data"
    for file in data.glob("journal.db.stands-*"):
        file.unlink()
    (data / KEPT).write_bytes(kept)
    put_back(recorded.broker)
    assert (data / KEPT).read_bytes() == b"", "the copy has them now"
    assert (recorded.state / COPY).read_bytes() == (recorded.state / ACCOUNTS).read_bytes()


def kept_at(recorded: Recorded, step: int, random: Random | None = None) -> bytes:
    """The gateway's file at a step: what was told, and perhaps a part of the line of whoever is on the way."""
    known = len(recorded.known_at(step))
    sure, later = recorded.kept[known], recorded.kept[min(known + 1, ENROLMENTS)]
    return sure if random is None else later[: random.randint(len(sure), len(later))]


def lets_in(document: dict[str, Any], name: str, password: str) -> bool:
    """Tell if the broker's file lets a device in with its password, and publish."""
    client = next((one for one in document["clients"] if one["username"] == name), None)
    if client is None:
        return False
    salt, iterations = base64.b64decode(client["salt"]), client["iterations"]
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
    (role,) = [one for one in document["roles"] if one["rolename"] == client["roles"][0]["rolename"]]
    may = {acl["topic"] for acl in role["acls"] if acl["acltype"] == "publishClientSend" and acl["allow"]}
    return base64.b64encode(digest).decode() == client["password"] and f"iot/v1/ward-1/water/{name}/readings" in may


def assert_written(recorded: Recorded, step: int) -> None:
    document = json.loads((recorded.state / ACCOUNTS).read_bytes())
    assert {"gateway", "administration", "node-red"} <= {one["username"] for one in document["clients"]}
    refused = [name for name in recorded.known_at(step) if not lets_in(document, name, recorded.told[name][0])]
    assert not refused, f"{refused} after step {step} of {len(recorded.done)}"


def assert_let_in(recorded: Recorded, step: int) -> None:
    """Have the broker judge: it starts, and the first and the last that were told publish."""
    known = recorded.known_at(step)
    with recorded.broker.service:
        for name in dict.fromkeys([*known[:1], *known[-2:]]):
            with recorded.broker.device(name, recorded.told[name][0]) as meter:
                assert meter.answers == ["Success"], f"{name} after step {step}"
                meter.publish(f"iot/v1/ward-1/water/{name}/readings", "{}")


def test_every_account_that_was_told_is_let_in_after_a_kill_at_every_step(recorded: Recorded) -> None:
    platter, damaged, started = Platter(recorded.begins_with), 0, set[bytes]()
    for step, operation in enumerate(recorded.done, start=1):
        platter.do(operation)
        image = platter.written()
        damaged += not can_be_read(image.get(ACCOUNTS, b""))
        begun_again(recorded, image, kept_at(recorded, step))
        assert_written(recorded, step)
        if image.get(ACCOUNTS, b"") not in started:
            started.add(image.get(ACCOUNTS, b""))
            assert_let_in(recorded, step)
    print(f"{len(recorded.done)} steps, {damaged} left a file that cannot be read")  # noqa: T201 - for who measures
    assert len(recorded.done) >= 4 * ENROLMENTS
    is_in_place = version(recorded.broker.service.program) <= (2, 0, 11)
    assert (damaged >= 2 * ENROLMENTS) is is_in_place, "what this test is about did happen"


def test_every_account_that_was_told_is_let_in_after_a_power_cut_at_every_step(recorded: Recorded) -> None:
    platter, random, damaged, seen = Platter(recorded.begins_with), seeded(33), 0, 0
    for step, operation in enumerate(recorded.done, start=1):
        platter.do(operation)
        for _ in range(TORN):
            image = platter.torn(random)
            seen += 1
            damaged += not can_be_read(image.get(ACCOUNTS, b""))
            begun_again(recorded, image, kept_at(recorded, step, random))
            assert_written(recorded, step)
            if seen % STARTED_OF_TORN == 0:
                assert_let_in(recorded, step)
    print(f"{seen} power cuts, {damaged} left a file that cannot be read")  # noqa: T201 - for who measures
    assert damaged > ENROLMENTS, "what this test is about did happen"


def test_an_account_is_on_the_disk_before_its_password_is_handed_out(tmp_path: Path) -> None:
    broker = SetUpBroker(tmp_path / "set-up", 1, "--replace")
    trace = tmp_path / "trace"
    with broker.service:
        enrol = [sys.executable, "-m", "gateway", "devices", "enroll", "wm-0001", "--csv", str(tmp_path / "a.csv")]
        words = [str(STRACE), "-f", "-y", "-e", "trace=openat,write,fsync", "-o", str(trace), *enrol, "-c", str(broker.config)]
        subprocess.run(words, check=True, capture_output=True)
    lines = trace.read_text().splitlines()
    (synced,) = [at for at, line in enumerate(lines) if "fsync(" in line and f"{KEPT}>" in line]
    handed_out = next(at for at, line in enumerate(lines) if "write(" in line and "a.csv>" in line)
    assert synced < handed_out


def can_be_read(accounts: bytes) -> bool:
    try:
        return bool(json.loads(accounts)["clients"])
    except ValueError:
        return False
