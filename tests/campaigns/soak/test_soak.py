"""The soak's own judgement: what grows must not pass for flat, and what only swings must not fail."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.campaigns.rig.schedule import Deed
from tests.campaigns.soak.faults import FAULTS, schedule, stops_gateway
from tests.campaigns.soak.picture import blocks, spans, svg
from tests.campaigns.soak.verdict import CONNECTIONS, MEMORY_MB, REST_S, resting, verdict
from tests.campaigns.soak.watch import Sample
from tests.rows import each_row

REJECTS_BYTES = 1000
MB = 1_000_000
FLAT = Sample(
    at_s=0.0,
    fault="",
    rss_bytes=60 * MB,
    descriptors=20,
    threads=6,
    file_bytes=4000,
    wal_bytes=0,
    used_bytes=4000,
    journaled=0,
    cpu_share=0.1,
    pending=0,
    received=500,
    written=500,
    rejected=0,
    missing=0,
)


def samples(last_third: dict[str, Any], seconds: int = 90) -> list[Sample]:
    """A sample a second; those of the last third differ in something."""
    found = [replace(FLAT, at_s=float(at)) for at in range(seconds)]
    return [replace(sample, **last_third) if sample.at_s >= seconds * 2 / 3 else sample for sample in found]


def missed(seen: list[Sample]) -> list[str]:
    return [figure.name for figure in verdict(seen, REJECTS_BYTES) if figure.missed]


@each_row(
    ("grown", "names"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"rss_bytes": 62 * MB}, [], id="memory-within-its-margin"),
        pytest.param({"rss_bytes": round((60 + MEMORY_MB + 0.1) * MB)}, ["resident memory"], id="memory"),
        pytest.param({"descriptors": 21}, ["descriptors at rest, least"], id="a-descriptor"),
        pytest.param(
            {"descriptors": 21 + CONNECTIONS}, ["descriptors at rest, least", "descriptors at rest, most"], id="descriptors"
        ),
        pytest.param({"threads": 7}, ["threads at rest"], id="a-thread"),
        pytest.param({"file_bytes": 4000 + REJECTS_BYTES}, [], id="rejects-were-kept"),
        pytest.param({"file_bytes": 4001 + REJECTS_BYTES}, ["journal's file at rest"], id="the-file"),
        pytest.param({"wal_bytes": 1 + REJECTS_BYTES}, ["its WAL at rest"], id="the-wal"),
        pytest.param({"used_bytes": 4001 + REJECTS_BYTES}, ["pages in use at rest"], id="pages"),
        pytest.param({"missing": 1}, ["readings lost or given up"], id="a-reading-is-lost"),
        pytest.param({"rss_bytes": 50 * MB, "descriptors": 19, "threads": 5}, [], id="it-shrinks"),
    ],
)
def test_what_grows_in_the_last_third_misses_its_bar(grown: dict[str, int], names: list[str]) -> None:
    assert missed(samples(grown)) == names


def test_what_a_fault_needs_while_it_is_on_is_no_growth() -> None:
    seen = samples({})
    seen[75:80] = [replace(sample, fault="InfluxDB away", descriptors=40, file_bytes=10**6) for sample in seen[75:80]]
    seen[80:82] = [replace(sample, journaled=10, descriptors=40, file_bytes=10**6) for sample in seen[80:82]]
    assert missed(seen) == []
    assert [sample.at_s for sample in resting(seen)][-1] < 81 + REST_S
    assert spans(seen) == [("InfluxDB away", 75.0, 79.0)]


def test_a_third_without_rest_says_that_nothing_can_be_said() -> None:
    seen = [replace(sample, journaled=1) for sample in samples({})]
    assert "descriptors at rest, least: too seldom seen to tell" in [figure.name for figure in verdict(seen, REJECTS_BYTES)]


def names(deeds: list[Deed]) -> list[str]:
    return [deed.fault for deed in deeds]


def test_every_fault_comes_once_before_one_comes_again_and_a_seed_repeats_itself() -> None:
    lasting = {name for name in FAULTS if not stops_gateway(name)}
    first, second = (names(schedule(7, 2 * len(lasting), 60.0, kills=False)) for _ in range(2))
    assert first == second != names(schedule(8, 2 * len(lasting), 60.0, kills=False))
    assert set(first[: len(lasting)]) == set(first[len(lasting) :]) == lasting
    assert set(names(schedule(7, len(FAULTS), 60.0, kills=True))) == set(FAULTS)


def test_every_fault_leaves_time_to_settle_in_its_minute() -> None:
    assert max(fault.kind.longest_s for fault in FAULTS.values()) <= 30


def test_the_pictures_show_each_series_and_each_fault() -> None:
    seen = [replace(sample, fault="a < b" if 20 <= sample.at_s < 30 else "") for sample in samples({"rss_bytes": 62 * MB})]
    texts = [element.text or "" for element in ET.fromstring(svg(seen)).iter() if element.tag.endswith("text")]  # noqa: S314 - ours
    assert "resident memory, MB: 60.0 to 62.0" in texts
    assert "1: a < b, 20 s" in texts
    first, *_, last = blocks(seen, width=9).splitlines()
    assert first.split()[-4:] == ["▁▁▁▁▁▁███", "60", "…", "62"]
    assert last.count("x") == 1


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_short_one_with_kills_ends_with_a_verified_ledger(tmp_path: Path) -> None:
    words = ["--seconds", "80", "--every", "40", "--kills", "--seed", "103", "--json", "-", "--keep", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", "tests.campaigns.soak", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["verify"]["ok"]
    assert [fault["name"] for fault in found["faults"]] == ["gateway killed each second", "InfluxDB stopped"]
    assert found["samples"][-1]["pending"] == 0
