"""The pages as they are sent: one self-contained answer each, for a phone that reaches nothing but the gateway."""

import json
from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from gateway.core.gateways.standby import PairRole, Standby
from gateway.core.status.verdict import Finding
from gateway.support.access.accounts import GUEST, ROLES
from gateway.support.config.model import Config
from gateway.support.i18n.findings import finding_text
from gateway.support.i18n.formats import Formats
from gateway.support.i18n.languages import LANGUAGES, words
from gateway.web.http.handlers import ACCOUNT, KEEP_LIMITS, LANGUAGE_COOKIE, language_of
from schemas.details import in_vietnamese
from schemas.glossary import QuantityWords, quantities
from schemas.printable import printable

NAVIGATION: Final = {
    "/": "start",
    "/alarms": "nav_alarms",
    "/devices": "devices",
    "/consumption": "consumption",
    "/register": "new_devices",
    "/rejects": "nav_rejects",
    "/quarantine": "nav_quarantine",
    "/try": "nav_try",
    "/shift": "nav_shift",
    "/audit": "nav_audit",
    "/coverage": "coverage_short",
}
"""Page → the key of its name in :mod:`gateway.support.i18n.languages`."""
_BESIDE: Final = {"/completeness": "/coverage", "/exports": "/coverage", "/billing": "/consumption", "/steps": "/devices"}
"""Page → the one in the navigation that it is reached from."""


def current_link(path: str) -> str:
    """The path of the link that a page belongs to: its own, or the one it stands under; empty for none."""
    path = _BESIDE.get(path, path)
    under = [link for link in NAVIGATION if path == link or path.startswith(f"{link}/")]
    return max(under, key=len, default="")


TEMPLATES: Final = Path(__file__).parents[1] / "templates"
_YEAR_S: Final = 365 * 86_400
_POLICY: Final = (
    "default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; img-src 'self' data:;"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""A page runs the scripts and styles that it was made with, known by their hashes, and no others."""


class PageFiles(NamedTuple):
    """Style and script of a page: the shared ones, then its own; and the policy that lets them run."""

    styles: list[str]
    scripts: list[str]
    policy: str


class PageRenderer:
    """Renders the pages of a gateway.

    A page is a template in the folder ``templates``, with a style and a script of its own beside it where it needs them. It is
    given ``t`` (a text by its key, with its holes filled), ``f`` (:class:`gateway.support.i18n.formats.Formats`), ``detail``
    (what was found in a message, for people), ``quantity`` (name and unit of a field), ``register`` (a counter of a device by
    its name) and ``may`` (tells if the reader has a role).

    It is compiled when it is first shown, in some hundredths of a second. All at once would hold the loop up for a fifth, and
    many a gateway is only asked for its health and metrics.
    """

    def __init__(self, config: Config, standby: Standby | None = None) -> None:
        self._standby = standby
        self._configured = config.language
        self._gateway = config.mqtt.client_id
        self._others = config.http.others
        self._zone = ZoneInfo(config.time.zone)
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_shown,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["lines"] = _lines
        self._templates.policies["json.dumps_function"] = _json
        self._templates.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}

    def language(self, request: web.Request) -> "tuple[PageTexts, Formats]":
        """The texts and the ways of writing in the language of a request."""
        formats = Formats(language_of(request, self._configured), self._zone)
        return PageTexts(formats.language, formats), formats

    def texts(self, language: str) -> "PageTexts":
        """The texts in a language."""
        return PageTexts(language, Formats(language, self._zone))

    def page(self, request: web.Request, name: str, *, status: int = 200, **given: object) -> web.Response:
        """A template with what is given, in the language of the request, which the browser keeps if it was chosen."""
        texts, formats = self.language(request)
        language, files = texts.language, page_files(name)
        context = self._context(request, texts, formats)
        text = self._templates.get_template(f"{name}.html").render(context, files=files, **given)
        response = web.Response(
            text=text, content_type="text/html", status=status, headers={"Content-Security-Policy": files.policy}
        )
        if request.query.get("language") == language:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR_S, path="/", httponly=True, samesite="Lax")
        response.enable_compression()
        return response

    def _context(self, request: web.Request, texts: "PageTexts", formats: Formats) -> dict[str, Any]:
        account = request.get(ACCOUNT, GUEST)
        return {
            "language": texts.language,
            "t": texts.text,
            "f": formats,
            "detail": texts.detail,
            "quantity": texts.quantity,
            "register": texts.register,
            "may": lambda role: account.role >= ROLES[role],
            "texts": texts,
            "gateway": self._gateway,
            "account": None if account is GUEST else account,
            "navigation": [link for link in NAVIGATION.items() if account.scope is None or link[0] in KEEP_LIMITS],
            "others": self._others,
            "passive": self._standby if self._standby is not None and self._standby.role is PairRole.PASSIVE else None,
            "current": current_link(request.path),
            "here": request.path_qs,
            "in_language": {code: f"?{request.rel_url.update_query(language=code).raw_query_string}" for code in LANGUAGES},
            "languages": LANGUAGES,
        }


class PageTexts:
    """The texts of the pages in one language."""

    def __init__(self, language: str, formats: Formats) -> None:
        self._words = page_words(language)
        self._formats = formats
        self.language = language

    def text(self, key: str, *holes: object) -> str:
        """A text; the holes ``{}`` in it filled in order, numbers as the language writes them."""
        text = self._words.get(key)
        if text is None:
            raise KeyError(f"there is no text {key}: write it into WORDS of gateway/support/i18n/languages.py")
        return text.format(*(self._shown(hole) for hole in holes)) if holes else text

    def detail(self, sentence: str) -> str | Markup:
        """The finding in one message, in the language where there is a sentence for it; else quoted as it is."""
        if self.language == "en" or not sentence:
            return sentence
        said = in_vietnamese(sentence)
        return said if said != sentence else Markup('<q lang="en">{}</q>').format(printable(sentence))

    def known(self, key: str, otherwise: str) -> str:
        """A text by a key that an older version may have written; ``otherwise`` where there is none."""
        return self._words.get(key, otherwise)

    def quantity(self, field: str) -> QuantityWords:
        """Name and unit of a quantity; one that is not in the table keeps its own name."""
        return quantities(self.language).get(field) or QuantityWords(field, "", state=False)

    def register(self, name: str) -> str:
        """A register of a device, named as the core does: its quantity, and its channel where it has one."""
        field, *own = name.split(",")
        return " · ".join([self.quantity(field).name, *own])

    def _shown(self, hole: object) -> object:
        return self._formats.number(hole) if isinstance(hole, int | float) else hole

    def finding(self, finding: Finding) -> str:
        """The sentence of a finding, without what a server said."""
        return finding_text(finding, self.language, self._words, self._formats.number)


def _shown(value: object) -> object:
    """A value as a page shows it: letters that steer a screen, which a device or an address may hold, are written out."""
    return printable(value) if type(value) is str else value


def _json(value: object, **how: Any) -> str:  # noqa: ANN401 - as json has it
    """A document as a page shows it, which nothing in it steers."""
    return printable(json.dumps(value, **how))


def _lines(text: str) -> Markup:
    """A text with its lines, as :func:`_shown` would write each of them."""
    return escape(printable(text.replace("\r\n", "\n"), layout=True))


page_words: Final = lru_cache(maxsize=len(LANGUAGES))(words)
"""All words of a language."""


@lru_cache(maxsize=64)
def page_files(name: str) -> PageFiles:
    """The styles and scripts of a page."""
    styles, scripts = (
        [
            path.read_text(encoding="utf-8")
            for path in (TEMPLATES / f"pages{kind}", TEMPLATES / f"{name}{kind}")
            if path.exists()
        ]
        for kind in (".css", ".js")
    )
    policy = _POLICY.format(style=" ".join(map(_hash, styles)), script=" ".join(map(_hash, scripts)))
    return PageFiles(styles, scripts, policy)


def _hash(text: str) -> str:
    """The hash of what is in an element, as a policy names it."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
