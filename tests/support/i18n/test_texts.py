"""Every text is there in both languages, with the same holes."""

import re
from string import Formatter

import pytest

from gateway.core.devices.setback import WAITS
from gateway.core.message import WaitCause
from gateway.core.status.rungs import RungName
from gateway.core.status.verdict import Finding, Level
from gateway.support.i18n.alarm_words import ACTIONS, ALARM_WORDS
from gateway.support.i18n.findings import FINDINGS, finding_document, finding_text, finding_words, sentence
from gateway.support.i18n.formats import written_span
from gateway.support.i18n.glossary import CAPACITY_WORDS, EXPORT_WORDS, INSTANCE_WORDS, STEPS
from gateway.support.i18n.glossary import WAITS as WAITED_FOR
from gateway.support.i18n.handling import HANDLING
from gateway.support.i18n.ladder import NAMES, RUNGS, SAID, rung_words
from gateway.support.i18n.languages import LANGUAGES, WORDS, words
from gateway.support.i18n.registry_words import REGISTRY_WORDS, parameter_words
from gateway.support.i18n.reports import REPORT_PAGE_WORDS, REPORT_WORDS, report_words
from schemas.glossary import Words
from schemas.registry import PARAMETERS
from schemas.rejects import RejectReason

TABLES = {
    "pages": WORDS | ALARM_WORDS | HANDLING | REGISTRY_WORDS | REPORT_PAGE_WORDS,
    "actions": ACTIONS,
    "commands": INSTANCE_WORDS,
    "capacity": CAPACITY_WORDS,
    "export": EXPORT_WORDS,
    "reports": REPORT_WORDS,
    "findings": FINDINGS,
    "rungs": {name.value: text for name, text in RUNGS.items()},
    "said": {code: said.said for code, said in SAID.items()},
    "advice": {code: said.advice for code, said in SAID.items() if said.advice is not None},
    "names": NAMES,
    "steps": STEPS,
    "waits": {cause.value: text for cause, text in WAITED_FOR.items()},
}


def holes(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_both_languages_say_something_with_the_same_holes(table: dict[str, Words]) -> None:
    for key, text in table.items():
        assert text.vi.strip() == text.vi, key
        assert text.en.strip() == text.en, key
        assert text.vi, key
        assert text.en, key
        assert holes(text.vi) == holes(text.en), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_pages_are_all_tables_in_one_language(language: str) -> None:
    found = words(language)
    place = list(LANGUAGES).index(language)
    for key, text in TABLES["pages"].items():
        assert found[key] == text[place]
    assert found["action_token given"] == ACTIONS["token given"][place]
    assert found["finding_mqtt_away"] == FINDINGS["mqtt_away"][place]
    assert finding_words(language)["finding_silent"] == FINDINGS["silent"][place]
    assert found["step_topic"] == STEPS["topic"][place]
    assert found[f"waits_{WaitCause.CODEC.value}"] == WAITED_FOR[WaitCause.CODEC][place]
    assert report_words(language)["period"] == REPORT_WORDS["period"][place]
    assert parameter_words(language).keys() == PARAMETERS.keys()
    assert (parameter_words(language) == PARAMETERS) is (language == "en")


def test_a_rung_says_what_is_known_of_its_code_and_of_a_reject_what_the_glossary_has() -> None:
    assert RUNGS.keys() == set(RungName)
    assert rung_words("registered").advice is None
    assert rung_words("silent") is SAID["silent"]
    for cause in WaitCause:
        assert rung_words(f"{WAITS}{cause}").advice is not None
    for reason in RejectReason:
        said, advice = rung_words(reason.value)
        assert said.en
        assert advice is not None
        assert advice.vi
    assert rung_words("never_heard").advice == rung_words("not_heard_yet").advice, "how a device is reached"
    with pytest.raises(ValueError, match="nonsense"):
        rung_words("nonsense")


def test_a_finding_is_one_sentence_with_its_numbers_and_what_a_server_said() -> None:
    finding = Finding("rejects_lately", Level.ATTENTION, {"minutes": 60, "count": 7.0, "reason": "bad_json"}, "x")
    assert sentence(finding) == "Rejects of the last 60 minutes: 7, most of them: broken JSON: x"
    bare = Finding("rejects_lately", Level.ATTENTION, {"minutes": 60, "count": 7.5, "reason": "strange"})
    assert sentence(bare) == "Rejects of the last 60 minutes: 7.5, most of them: strange"
    text = finding_text(finding, "vi", words("vi"), lambda value: f"<{value}>")
    assert text == "Bản tin bị từ chối trong <60> phút qua: <7.0>, nhiều nhất: JSON bị hỏng"
    named = Finding("flood", Level.ATTENTION, {"device": "water", "per_s": 1, "pct": 2})
    assert "device water sends" in sentence(named), "a name is no code, whatever it is like"
    assert finding_document(finding) == {
        "key": "rejects_lately",
        "level": "attention",
        "params": {"minutes": 60, "count": 7.0, "reason": "bad_json"},
        "detail": "x",
    }


def test_a_span_is_written_in_the_largest_unit_that_divides_it() -> None:
    spans = {
        0: "0 s",
        1: "1 ms",
        999: "999 ms",
        1000: "1 s",
        1500: "1500 ms",
        60_000: "1 min",
        90_000: "90 s",
        3_600_000: "1 h",
        86_400_000: "1 d",
        90_000_000: "25 h",
    }
    assert {span_ms: written_span(span_ms) for span_ms in spans} == spans
    assert not re.search(r"\d\.", written_span(123_456))
