"""The pages: whole in themselves, and every word there in both languages."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.core.message import WaitCause
from gateway.core.status.verdict import Finding, Level
from gateway.explain.steps import _FIXED_BY
from gateway.i18n.findings import FINDINGS, sentence
from gateway.i18n.languages import LANGUAGES, WORDS, words
from gateway.web import pages
from gateway.web.device_documents import fate_of
from schemas import glossary
from schemas.quantities import QUANTITIES, Quality
from schemas.rejects import DropCause, IgnoreCause, RejectReason

FOLDER = Path(pages.__file__).parent
FILES = ["device.html", "devices.html", "login.html", "status.html"]
QUALITY_BITS = {bit for name, bit in vars(Quality).items() if name.isupper()}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("logged_in", [True, False])
def test_a_page_is_filled_and_needs_nothing_from_elsewhere(
    file: str,
    language: str,
    logged_in: bool,  # noqa: FBT001
) -> None:
    text, _ = pages.filled(file, language, logged_in=logged_in)
    assert re.findall(r"/\*(?:style|script)\*/|\"\{\w+\}\"", text) == []
    assert re.findall(r"<(?:link|img|iframe)\b|<script [^>]*src|https?://|@import|url\(", text) == []
    assert f'const language = "{language}";' in text
    assert f"const loggedIn = {str(logged_in).lower()};" in text
    assert f'<html lang="{language}">' in text
    assert text.count("</script>") == 1, "no word ends the script"


@pytest.mark.parametrize("file", FILES)
def test_a_page_runs_only_the_script_and_style_it_was_made_with(file: str) -> None:
    text, policy = pages.filled(file, "vi", logged_in=False)
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert f"{tag}-src 'sha256-{b64encode(sha256(inside.encode()).digest()).decode()}'" in policy
    assert re.findall(r"\s(?:style|on\w+)=", text.partition("<script>")[0]) == [], "a hash does not let these run"


@pytest.mark.parametrize("file", [*FILES, "pages.js"])
def test_a_page_uses_only_words_that_there_are(file: str) -> None:
    text = (FOLDER / file).read_text()
    used = re.findall(r"\bwords\.(\w+)|data-(?:word|hint|label)=\"(\w+)\"", text)
    assert {one or other for one, other in used} <= WORDS.keys()


def test_nothing_a_device_sends_can_become_markup() -> None:
    for file in (*FILES, "pages.js"):
        text = (FOLDER / file).read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text), file


def test_a_page_keeps_nothing_in_the_browser_and_takes_no_messages() -> None:
    for file in (*FILES, "pages.js"):
        text = (FOLDER / file).read_text()
        kept = r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.|serviceWorker"
        assert not re.search(rf"{kept}|postMessage|window\.|addEventListener\([\"']message|\bopener\b|WebSocket", text), file


def test_the_form_hides_the_token_takes_it_pasted_and_asks_for_nothing_else() -> None:
    text = (FOLDER / "login.html").read_text()
    fields = re.findall(r"<input [^>]*>", text)
    (token,) = [field for field in fields if 'type="hidden"' not in field]
    assert 'type="password"' in token
    assert 'autocomplete="current-password"' in token
    assert not re.search(r"maxlength|pattern=|onpaste|[\"']paste[\"']", text)
    assert '<form method="post"' in text, "it would stand in the address"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_closed_lists_are_told_in_words(language: str) -> None:
    found = words(language)
    wanted = [*RejectReason, *(f"advice_{reason}" for reason in RejectReason), *DropCause, *IgnoreCause]
    wanted += [*(f"waits_{cause}" for cause in WaitCause), *(f"quality_{bit}" for bit in QUALITY_BITS)]
    assert [key for key in wanted if not found.get(key)] == []


def test_everything_the_verdict_can_say_is_said_in_both_languages() -> None:
    gateway_folder = FOLDER.parent
    sources = [
        gateway_folder / name for name in ("core/status/verdict.py", "status/troubles.py", "events.py", "status/status.py")
    ]
    keys = {key for file in sources for key in re.findall(r'Finding\(\s*"(\w+)"', file.read_text())}
    assert keys | {"journal_filling", "quarantine_filling"} == FINDINGS.keys()
    for key, said in FINDINGS.items():
        assert sorted(re.findall(r"{\w+}", said.vi)) == sorted(re.findall(r"{\w+}", said.en)), key
        assert said.vi != said.en, key


def test_a_trouble_is_worded_with_its_numbers_and_what_the_server_said() -> None:
    refused = Finding("subscription_refused", Level.TROUBLE, {"filter": "a/+/b"}, "not authorized")
    assert sentence(refused) == "MQTT broker: it refused the subscription a/+/b: not authorized"
    rejects = Finding("rejects_lately", Level.ATTENTION, {"count": 1200, "minutes": 10, "reason": "bad_json"})
    assert sentence(rejects) == "Rejects of the last 10 minutes: 1200, most of them: broken JSON"


def test_every_page_offers_both_languages() -> None:
    shared = (FOLDER / "pages.js").read_text()
    assert re.search(r'Object\.entries\(\{vi: "Tiếng Việt", en: "English"\}\)', shared)
    assert [file for file in FILES if "/*script*/" not in (FOLDER / file).read_text()] == []


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_quantity_has_a_name_of_its_own_within_its_measurement(language: str) -> None:
    found = glossary.quantities(language)
    for measurement, rows in QUANTITIES.items():
        names = [found[field].name for field in rows]
        assert [field for field in rows if found[field].name == field] == [], measurement
        assert len(set(names)) == len(names), measurement


def test_phases_tariffs_and_units_are_written_as_people_write_them() -> None:
    found = glossary.quantities("en")
    assert found["active_power_l1_w"] == ("Active power L1", "W", False)
    assert found["energy_import_t2_kwh"] == ("Energy import T2", "kWh", False)
    assert found["volume_m3"] == ("Volume", "m³", False)
    assert found["alarm_leak"] == ("Leak alarm", "", True)
    assert [row.unit for row in found.values() if re.search(r"[\[{.]", row.unit)] == []
