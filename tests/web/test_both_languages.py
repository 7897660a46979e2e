"""Both languages are complete, and no page holds a sentence of the other one."""

import re
from html.parser import HTMLParser

import pytest

from gateway.support.i18n.languages import LANGUAGES, words
from gateway.web.http.pages import TEMPLATES
from tests.rows import each_row
from tests.web.pages.languages import foreign, is_todo
from tests.web.rendering import ADMIN, page_text

NAMES = sorted(path.stem for path in TEMPLATES.glob("*.html") if "{% extends" in path.read_text())
SAME = re.compile(r"(?:InfluxDB|MQTT|Topic|Alertmanager|QR|CSV|OK|Base64|\W|\d|{\w*})*", re.IGNORECASE)
"""Names that both languages share."""


class _Text(HTMLParser):
    """The text of a page without what is marked as another language, as a program's or as a device's."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language
        self._around: list[tuple[str, bool]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for key in ("aria-label", "placeholder", "title", "data-done", "data-sure"):
            if (text := given.get(key)) and not given.get("lang"):
                self.texts.append(text)
        if tag not in {"input", "meta", "link", "br", "hr", "img", "wbr"}:
            hidden = tag in {"script", "style", "pre", "code", "q"} or given.get("lang", self._language) != self._language
            self._around.append((tag, hidden))

    def handle_endtag(self, tag: str) -> None:
        while self._around and self._around.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(hidden for _, hidden in self._around):
            self.texts.append(data)


def test_each_text_is_there_in_both_languages_with_the_same_holes() -> None:
    vietnamese, english = (words(language) for language in LANGUAGES)
    assert vietnamese.keys() == english.keys()
    holes = re.compile(r"{\w*}")
    for key, text in vietnamese.items():
        assert text, key
        assert english[key], key
        assert sorted(holes.findall(text)) == sorted(holes.findall(english[key])), key


def test_no_text_stands_in_the_table_of_the_other_language() -> None:
    for language in LANGUAGES:
        assert [text for text in words(language).values() if foreign(text, language)] == [], language
    both = {key: text for key, text in words("vi").items() if words("en")[key] == text}
    assert [key for key, text in both.items() if not SAME.fullmatch(text) and not is_todo(text)] == []


@each_row("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_is_in_one_language(name: str, language: str) -> None:
    found = _Text(language)
    found.feed(page_text(name, language, account=ADMIN))
    assert [text for text in found.texts if foreign(text, language)] == []
