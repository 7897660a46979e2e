"""Targets for input of commands: rows to decode, the simulator's ledger, InfluxDB's answers to its queries."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from firmware_sim.ledger_index import BadLedger, ledger_index
from firmware_sim.query import Influx, InfluxdbAccess, NotReachable
from gateway.onboarding.trials.recordings import recorded_row
from gateway.support.config.files import ConfigurationFault
from tests.campaigns.fuzz.target import Run, Target

ROWS_MAX = 20
SPAN_MS = 0, 2_000_000_000_000


def rows_to_decode() -> Run:
    """A row of ``gateway decode --jsonl`` is a message, or refused with its place."""

    def run(data: bytes) -> None:
        for number, line in enumerate(data.splitlines()[:ROWS_MAX]):
            try:
                row = recorded_row(line, f"rows: line {number}")
            except ConfigurationFault as why:
                lines = why.lines
            else:
                assert isinstance(row.message.payload, bytes)
                row.message.topic.encode()
                continue
            assert lines
            assert all(said.startswith("rows: line ") for said in lines), lines

    return run


def row_seeds() -> Iterator[bytes]:
    """Rows in every form."""
    yield b'{"topic": "a/b", "payload": {"ph": 7}, "retain": true, "arrival_ms": 1793491200250}\n'
    yield b'{"topic": "a/b", "payload_hex": "01 ff"}\n{"topic": "a", "payload_base64": "AQI="}\n{"topic": "a", "payload": "x"}'


def ledger() -> Run:
    """A ledger is read to its last row, or refused with the line that is none."""
    path = Path("ledger.jsonl")

    def run(data: bytes) -> None:
        try:
            with ledger_index(BytesIO(data), path, lambda _: None) as index:
                parts = list(index.parts())
                assert sum(part.rows for part in parts) == index.rows
                assert sum(len(index.rows_of(part, 0)) for part in parts) == index.rows
        except BadLedger as why:
            said = str(why)
        else:
            return
        assert said.startswith("ledger.jsonl:")

    return run


def ledger_seeds() -> Iterator[bytes]:
    """Rows of a ledger."""
    row = {"t": "a", "m": "water", "tags": {"device": "d"}, "ts": 5, "at": 6, "seq": 1, "f": {"ph": 7.0}, "q": 0}
    lines = [json.dumps(row), json.dumps(row | {"ts": None, "m": "power", "dup": True})]
    yield "\n".join([*lines, ""]).encode()
    yield "\n".join(lines)[:-5].encode()


def query_answer() -> Run:
    """Points, or what is wrong with the server that gave them."""
    influx = Influx(InfluxdbAccess("http://127.0.0.1:8086", "iot"))

    def run(data: bytes) -> None:
        try:
            for line in data.splitlines()[:ROWS_MAX]:
                for series in influx._of_chunk(line):  # noqa: SLF001 - what reads an answer's lines
                    assert isinstance(series, dict)
        except NotReachable as why:
            said = str(why)
        else:
            return
        assert said.startswith("http://127.0.0.1:8086")

    return run


def query_seeds() -> Iterator[bytes]:
    """Chunks of answers."""
    series = [
        {"name": "water", "tags": {"device": "d", "site": ""}, "columns": ["time", "ph"], "values": [[5, 7.0], [6, None]]}
    ]
    yield json.dumps({"results": [{"statement_id": 0, "series": series, "partial": True}]}).encode()
    yield b'{"results":[{"statement_id":0,"error":"database not found: iot"}]}\n'


TARGETS = [
    Target("decode-rows", rows_to_decode, row_seeds),
    Target("ledger", ledger, ledger_seeds),
    Target("query-answer", query_answer, query_seeds),
]
