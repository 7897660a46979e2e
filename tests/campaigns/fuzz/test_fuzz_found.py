"""Messages that once hit a fault, found by fuzzing."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.core.message import Outcome, StoredMessage
from gateway.ingest.catalog import load_catalog
from gateway.onboarding.explain.dry_run import begin
from gateway.runtime.pipeline.processing import build_processor
from gateway.support.config.model import Config

OutcomeOf = Callable[[str, object], Outcome]
ARRIVAL_MS = 1_793_491_200_000


@pytest.fixture
def outcome_of(tmp_path: Path) -> OutcomeOf:
    """The core with all shipped profiles."""
    config = Config.model_validate({"devices": {"registry": tmp_path / "devices.yaml"}})
    processor = build_processor(config, load_catalog(config, all_shipped=True))

    def outcome_of(topic: str, document: object) -> Outcome:
        return begin(processor, StoredMessage(topic, json.dumps(document).encode()), ARRIVAL_MS).outcome

    return outcome_of


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(1e308, id="more-milliseconds-than-there-are"),
        pytest.param(-1e308, id="as-long-ago"),
        pytest.param(10**400, id="a-number-that-is-no-double"),
    ],
)
def test_a_time_beyond_all_numbers_is_not_believed(seconds: float, outcome_of: OutcomeOf) -> None:
    outcome = outcome_of("senml/tower-3/water", [{"n": "level", "u": "m", "v": 3.5, "t": seconds}])
    assert [refusal.reason.value for refusal in outcome.refusals if refusal.reason.value == "internal_error"] == []
    assert len(outcome.readings) + len(outcome.refusals) == 1
