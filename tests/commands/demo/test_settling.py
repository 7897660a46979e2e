"""The demo compares nothing while readings are on their way."""

import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.demo import demo
from gateway.commands.demo.demo import _settle, _verify
from tests.commands.typed import offered, written


def status(pending: int) -> dict[str, Any]:
    return {"ledger": {"pending": {"queue": 0, "journal": pending}}}


def test_it_waits_until_the_gateway_answers_and_nothing_is_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [None, status(2), status(0), status(0)]
    monkeypatch.setattr(demo, "status_of", lambda _: answers.pop(0))
    _settle("")
    assert answers == [status(0)]


def test_it_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "status_of", lambda _: status(1))
    monkeypatch.setattr(demo, "_SETTLE_PATIENCE_S", 0.3)
    _settle("")


@pytest.mark.parametrize(
    ("ledgers_agree", "imbalance", "result"),
    [(True, 0, 0), (True, 1, 1), (True, None, 1), (False, 0, 1)],
    ids=["all", "gateway-lost-one", "gateway-away", "database-lacks-one"],
)
def test_all_is_accounted_for_where_the_fleets_ledger_and_the_gateways_agree(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    *,
    ledgers_agree: bool,
    imbalance: int | None,
    result: int,
) -> None:
    compared = [sys.executable, "-c", f"raise SystemExit({int(not ledgers_agree)})"]
    monkeypatch.setattr(demo, "command_of", lambda *_: compared)
    answer = None if imbalance is None else {"ledger": {"imbalance": imbalance}}
    monkeypatch.setattr(demo, "status_of", lambda _: answer)
    assert _verify(tmp_path, "http://127.0.0.1:9", "") == result
    assert capsys.readouterr().out.splitlines()[-1] == ("NOT all accounted for" if result else "all accounted for")


def test_what_people_type_is_what_they_know() -> None:
    assert offered("demo") == written("demo")
