"""The ladder in words: each sentence in both languages, filled, and nothing of the other language between."""

import re
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.core.status import ladder as judging
from gateway.core.status.ladder import ladder
from gateway.core.status.rungs import Rung, RungName
from gateway.support.i18n.formats import Formats
from gateway.support.i18n.ladder import NAMES, RUNGS, SAID, rung_words
from gateway.support.i18n.languages import LANGUAGES
from gateway.web.devices.device_view import LadderTexts, ladder_document
from gateway.web.http.pages import PageTexts
from schemas.rejects import RejectReason
from tests.core.making import NOW_MS
from tests.core.status.test_ladder import TABLE, WELL, setback
from tests.rows import each_row
from tests.web.pages.languages import is_todo

VIETNAMESE = re.compile("[àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ]", re.IGNORECASE)


def said_in(language: str) -> LadderTexts:
    formats = Formats(language, ZoneInfo("Asia/Ho_Chi_Minh"))
    return LadderTexts(PageTexts(language, formats), formats, NOW_MS)


@each_row("state", TABLE)
def test_every_state_is_said_in_both_languages_without_a_hole(state: str) -> None:
    found = ladder(replace(WELL, **TABLE[state][0]))
    vietnamese, english = (said_in(language) for language in ("vi", "en"))
    for rung in (*found.rungs, found.headline):
        here, there = vietnamese.rung(rung, "m1"), english.rung(rung, "m1")
        assert here.said and there.said  # noqa: PT018 - both
        assert bool(here.advice) is bool(there.advice)
        assert not re.search(r"[{}]", f"{here}{there}")
        assert not VIETNAMESE.search(f"{there.name}{there.said}{there.advice}")
        if here.advice:
            assert VIETNAMESE.search(here.advice) or is_todo(here.advice), here.advice


@each_row("state", TABLE)
def test_whoever_must_act_or_look_is_told_what_to_do(state: str) -> None:
    found = ladder(replace(WELL, **TABLE[state][0]))
    assert bool(said_in("en").rung(found.headline, "m1").advice) is (
        found.level != "good" or found.headline.code == "on_its_way"
    )


def test_both_sentences_of_a_code_have_the_same_holes_and_each_code_is_used() -> None:
    source = Path(judging.__file__).read_text()
    for code, words in SAID.items():
        for said in filter(None, words):
            assert sorted(re.findall(r"{\w+}", said.vi)) == sorted(re.findall(r"{\w+}", said.en)), code
            assert said.vi != said.en or "{" in said.en or is_todo(said.en), code
        assert code.startswith("waits_") or f'"{code}"' in source, code
    assert RUNGS.keys() == set(RungName)
    assert [reason for reason in RejectReason if rung_words(reason).advice is None] == []
    assert all(words.vi != words.en or is_todo(words.en) for words in NAMES.values())


def test_arguments_are_written_as_the_language_writes_them() -> None:
    rung = Rung(RungName.COUNTER, "counter_back", {"counter": "volume_m3,lane=1", "value": 3.5, "before": 12345.5})
    assert said_in("en").rung(rung, "m1").said.startswith("Volume · lane=1 went back from 12,345.5 to 3.5;")
    assert said_in("vi").rung(rung, "m1").said.startswith("Chỉ số nước · lane=1 lùi từ 12.345,5 về 3,5,")
    wrong = Rung(RungName.CLOCK, "clock_not_believed", {"offset_s": 17 * 365 * 86400.0, "side": "behind"})
    assert said_in("en").rung(wrong, "m1").said.startswith("wrong by 6,205\u00a0days (behind)")
    dropped = Rung(RungName.VALUES, "values_dropped", {"keys": "ph", "cause": "out_of_bounds", "since_ms": NOW_MS})
    assert "(ngoài giới hạn vật lý)" in said_in("vi").rung(dropped, "m1").said


def test_the_question_about_a_clock_leads_to_the_form_with_the_answer_filled_in() -> None:
    asked = said_in("en").rung(ladder(replace(WELL, **TABLE["clock-asked-about"][0])).headline, "m 1")
    assert asked.said.startswith("is its clock about 7\u00a0hours behind?")
    assert "confirm clock_offset = -7h" in asked.advice
    assert asked.link == "/register/m%201?clock_offset=-7h"
    assert said_in("en").rung(ladder(replace(WELL, offset_ms=-17 * 365 * 86_400_000)).headline, "m1").link == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_finding_in_a_message_is_said_where_there_is_a_sentence_for_it(language: str) -> None:
    detail = "no profile takes this message; tried were a, b"
    found = ladder(replace(WELL, **setback("unknown_topic", detail)))
    said = said_in(language).rung(found.headline, "m1").detail
    assert said == (detail if language == "en" else "không hồ sơ nào nhận bản tin này; đã hỏi: a, b")


def test_programs_get_codes_and_arguments() -> None:
    document = ladder_document(ladder(replace(WELL, **setback("bad_json", "not JSON"))))
    assert document["level"] == "trouble"
    assert document["headline"]["code"] == "bad_json"
    assert [rung["rung"] for rung in document["rungs"]] == list(RungName)
    assert document["rungs"][4] == {
        "rung": "values",
        "state": "not_reached",
        "level": "good",
        "code": "not_reached",
        "args": {},
    }
