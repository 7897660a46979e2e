"""The table of brokers: recognised by their version, and the same in the guide."""

from pathlib import Path

import pytest

from gateway.admin.broker.kinds import BROKERS, kind_of

GUIDE = Path(__file__).parents[3] / "docs" / "several-gateways.md"


@pytest.mark.parametrize(("version", "name"), [("mosquitto version 2.0.21", "Mosquitto 2"), ("", None), ("another 1.0", None)])
def test_a_broker_is_known_by_the_version_that_it_publishes(version: str, name: str | None) -> None:
    kind = kind_of(version)
    assert (None if kind is None else kind.name) == name


def test_the_guide_has_a_row_for_each_broker() -> None:
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in GUIDE.read_text().splitlines() if line.startswith("| ")}
    assert [kind.name for kind in BROKERS if kind.dead_member not in rows.get(kind.name, "")] == []
