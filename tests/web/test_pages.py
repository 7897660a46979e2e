"""The pages: whole in themselves, and every word there in both languages."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.core.gateways.waits import WaitKind
from gateway.core.message import WaitCause
from gateway.core.status.verdict import Finding, Level
from gateway.onboarding.explain.steps import _FIXED_BY
from gateway.support.config.model import Config
from gateway.support.i18n.alarm_words import ALARM_WORDS
from gateway.support.i18n.findings import FINDINGS, sentence
from gateway.support.i18n.handling import HANDLING
from gateway.support.i18n.languages import LANGUAGES, WORDS, words
from gateway.support.i18n.registry_words import REGISTRY_WORDS
from gateway.support.i18n.reports import REPORT_PAGE_WORDS
from gateway.web.devices.device_documents import fate_of
from gateway.web.http import pages
from gateway.web.http.handlers import LANGUAGE_COOKIE
from gateway.web.http.pages import TEMPLATES, PageRenderer
from schemas import glossary
from schemas.quantities import Quality
from schemas.rejects import DropCause, IgnoreCause, RejectReason
from tests.rows import each_row
from tests.web.pages.languages import is_todo
from tests.web.rendering import ADMIN, TECHNICIAN, page_text, rendered

SOURCES = Path(pages.__file__).parents[2]
NAMES = sorted(path.stem for path in TEMPLATES.glob("*.html") if "{% extends" in path.read_text())
SCRIPTS = sorted(path.name for path in TEMPLATES.glob("*.js"))
QUALITY_BITS = {bit for name, bit in vars(Quality).items() if name.isupper()}


@each_row("name", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_is_whole_and_needs_nothing_from_elsewhere(name: str, language: str) -> None:
    text = page_text(name, language, account=ADMIN)
    elsewhere = (
        r"<link (?!rel=\"icon\" href=\"data:)|<img (?!src=\"/)|<iframe|<script [^>]*src|https?://(?!www.w3.org/)|@import|url\("
    )
    assert re.findall(elsewhere, text) == [], "a page takes nothing from another server: files lie in gateway/web/templates"
    assert f'<html lang="{language}">' in text
    assert len(re.findall(r"<h1\b", text)) == 1
    assert text.count("</script>") == text.count("<script"), "no word ends a script"


@each_row("name", NAMES)
def test_a_page_runs_only_the_scripts_and_styles_it_was_made_with(name: str) -> None:
    response = rendered(name)
    text, policy = response.text or "", response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        for inside in re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL):
            assert f"'sha256-{b64encode(sha256(inside.encode()).digest()).decode()}'" in policy
    assert re.findall(r"<[^>]*\s(?:style|on\w+)=", text.partition("<body>")[2].partition("<script>")[0]) == []


@each_row("name", [path.name for path in TEMPLATES.iterdir()])
def test_a_page_uses_only_words_that_there_are(name: str) -> None:
    text = (TEMPLATES / name).read_text()
    used = re.findall(r"\bwords\.(\w+)|\bt\([\"'](\w+)[\"'][),]", text)
    missing = {one or other for one, other in used} - words("vi").keys()
    assert missing == set(), f"write {', '.join(sorted(missing))} in both languages, in gateway/support/i18n"


def test_a_text_that_nobody_has_written_says_where_to_write_it() -> None:
    texts = PageRenderer(Config()).texts("en")
    assert texts.text("sum") == "sum"
    with pytest.raises(KeyError, match=r"there is no text nobodys: write it into WORDS of gateway/support/i18n/languages\.py"):
        texts.text("nobodys")


def test_nothing_a_device_sends_can_become_markup() -> None:
    for name in SCRIPTS:
        text = (TEMPLATES / name).read_text()
        assert not re.search(r"innerHTML|outerHTML =|insertAdjacentHTML|document\.write|eval\(|new Function", text), name
    unescaped = [
        found for path in TEMPLATES.glob("*.html") for found in re.findall(r"\w+\|\s*safe\b|autoescape", path.read_text())
    ]
    assert sorted(set(unescaped)) == ["chart|safe", "script|safe", "spark|safe", "style|safe", "svg|safe"], (
        "our own files, in base.html, and our own charts"
    )


def test_a_page_keeps_nothing_in_the_browser_and_takes_no_messages() -> None:
    for name in SCRIPTS:
        text = (TEMPLATES / name).read_text()
        kept = r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.|serviceWorker"
        assert not re.search(rf"{kept}|postMessage|window\.|addEventListener\([\"']message|\bopener\b|WebSocket", text), name


def test_the_form_hides_the_token_takes_it_pasted_and_asks_for_nothing_else() -> None:
    text = (TEMPLATES / "login.html").read_text()
    fields = re.findall(r"<input [^>]*>", text)
    (token,) = [field for field in fields if 'type="hidden"' not in field]
    assert 'type="password"' in token
    assert 'autocomplete="current-password"' in token
    assert not re.search(r"maxlength|pattern=|onpaste|[\"']paste[\"']", text)
    assert ' method="post"' in text, "it would stand in the address"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        pytest.param("en-GB,en;q=0.9", "en", id="english"),
        pytest.param("vi-VN,vi;q=0.9,en;q=0.8", "vi", id="vietnamese"),
        pytest.param("fr-FR,en;q=0.2", "en", id="second-choice"),
        pytest.param("vi;q=0,en;q=0.1", "en", id="never-vietnamese"),
        pytest.param("fr", "vi", id="neither-so-as-configured"),
        pytest.param("en;q=abc, ;;, \x1b[2J", "vi", id="nonsense"),
    ],
)
def test_the_first_visit_is_in_the_language_of_the_browser(accepted: str, language: str) -> None:
    assert f'<html lang="{language}">' in (rendered("start", Accept_Language=accepted).text or "")


def test_the_language_that_was_chosen_is_kept() -> None:
    chosen = rendered("start", "/?language=en", Accept_Language="vi")
    assert '<html lang="en">' in (chosen.text or "")
    kept = chosen.cookies[LANGUAGE_COOKIE]
    assert (kept.value, kept["httponly"], kept["samesite"]) == ("en", True, "Lax")
    later = rendered("start", Accept_Language="vi", Cookie=f"{LANGUAGE_COOKIE}=en")
    assert '<html lang="en">' in (later.text or "")
    assert not later.cookies, "nothing was chosen now"
    assert not rendered("start", "/?language=xx").cookies


def test_the_switch_keeps_what_else_was_asked_for() -> None:
    text = rendered("devices", "/devices?search=a%26b&language=vi").text or ""
    assert 'href="?search=a%26b&amp;language=en" lang="en"' in text


def test_the_navigation_marks_the_page_and_the_one_it_stands_under() -> None:
    for path, current in (("/", "/"), ("/devices", "/devices"), ("/devices/m1", "/devices"), ("/login", None)):
        found = re.findall(r'<a href="([^"]*)" aria-current="page">', rendered("start", path).text or "")
        assert found == ([current] if current else []), path


def test_who_is_signed_in_stands_on_the_page_and_may_sign_out() -> None:
    text = page_text("start", "en", account=TECHNICIAN)
    assert "Lan · technician" in text
    assert 'action="/logout"' in text
    assert 'href="/login?to=/devices%3Fsearch%3Dm1"' in (rendered("start", "/devices?search=m1").text or "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_closed_lists_are_told_in_words(language: str) -> None:
    found = words(language)
    wanted = [*RejectReason, *(f"advice_{reason}" for reason in RejectReason), *DropCause, *IgnoreCause]
    wanted += [*(f"waits_{cause}" for cause in WaitCause), *(f"quality_{bit}" for bit in QUALITY_BITS)]
    untold = [key for key in wanted if not found.get(key)]
    assert untold == [], "write them in both languages, in schemas/glossary.py"


def test_everything_the_verdict_can_say_is_said_in_both_languages() -> None:
    gateway_folder = SOURCES
    files = (
        "core/status/verdict.py",
        "monitoring/status/troubles.py",
        "monitoring/status/troubles.py",
        "ingest/events.py",
        "monitoring/status/status.py",
        "runtime/jobs/salvage.py",
    )
    sources = [gateway_folder / name for name in files]
    keys = {key for file in sources for key in re.findall(r'\(\s*"(\w+)",\s+(?:Level\.|level)', file.read_text())}
    chosen = {"journal_filling", "quarantine_filling", "heard_elsewhere_unknown", "heard_elsewhere_untold"}
    assert keys | chosen | set(WaitKind) == FINDINGS.keys(), (
        "FINDINGS of gateway/support/i18n/findings.py has the words of each finding in `files`, and of no other"
    )
    for key, said in FINDINGS.items():
        assert sorted(re.findall(r"{\w+}", said.vi)) == sorted(re.findall(r"{\w+}", said.en)), key
        assert said.vi != said.en or is_todo(said.en), key


def test_a_trouble_is_worded_with_its_numbers_and_what_the_server_said() -> None:
    refused = Finding("subscription_refused", Level.TROUBLE, {"filter": "a/+/b"}, "not authorized")
    assert sentence(refused) == "MQTT broker: it refused the subscription a/+/b: not authorized"
    rejects = Finding("rejects_lately", Level.ATTENTION, {"count": 1200, "minutes": 10, "reason": "bad_json"})
    assert sentence(rejects) == "Rejects of the last 10 minutes: 1200, most of them: broken JSON"


@pytest.mark.parametrize(
    ("result", "quarantined", "refused", "fate"),
    [
        pytest.param({"points": [1], "duplicates": 0, "reject": None}, False, False, "taken", id="taken"),
        pytest.param({"points": [1], "duplicates": 0, "reject": None}, True, False, "waiting", id="for-a-registration"),
        pytest.param({"points": [], "duplicates": 0, "reject": None, "waits": {}}, False, False, "waiting", id="for-a-codec"),
        pytest.param({"points": [1], "duplicates": 0, "reject": {}}, False, False, "taken", id="no-reject"),
        pytest.param({"points": [1], "duplicates": 0, "reject": {"reason": "x"}}, False, False, "rejected", id="a-part"),
        pytest.param({"points": [], "duplicates": 1, "reject": None}, False, False, "duplicate", id="twice"),
        pytest.param({"points": [], "duplicates": 0, "reject": None}, False, False, "ignored", id="ignored"),
        pytest.param(None, False, True, "rejected", id="all-refused"),
        pytest.param(None, False, False, None, id="not-kept"),
    ],
)
def test_the_heading_knows_what_became_of_the_last_message(
    result: dict[str, object] | None,
    quarantined: bool,  # noqa: FBT001
    refused: bool,  # noqa: FBT001
    fate: str | None,
) -> None:
    assert fate_of(result, quarantined=quarantined, refused=refused) == fate


def test_every_reason_that_commands_can_fix_has_advice_on_the_page() -> None:
    assert _FIXED_BY.keys() <= glossary.REASONS.keys()


def test_a_text_of_several_lines_keeps_them_and_nothing_in_it_steers_the_screen() -> None:
    text = page_text("import", "en", account=ADMIN)
    assert text.count(">\nid,site\nm1,s1\\u001b</textarea>") == 1


def test_no_word_stands_in_two_tables() -> None:
    tables = (WORDS, ALARM_WORDS, HANDLING, REGISTRY_WORDS, REPORT_PAGE_WORDS)
    names = [name for table in tables for name in table]
    assert sorted(names) == sorted(set(names)), "the last table would win"
