"""The judge itself: hand-made dashboards, a fault in some of their panels and none in those beside them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import pytest

from tests.campaigns.grafana.driver import Judge, judge
from tests.campaigns.grafana.server import SOURCES, listening, serve
from tests.campaigns.grafana.world import CACHE

CASES: Final = sorted((Path(__file__).parent / "page" / "cases").glob("*.json"))
VERSIONS: Final = ("13", "11")

pytestmark = pytest.mark.slow


@contextmanager
def answering(answers: Mapping[str, Any]) -> Iterator[str]:
    """A database that answers each path as it is told."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said = json.dumps(answers[SOURCES + self.path.lstrip("/")]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", f"{len(said)}")
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Say nothing."""

    with listening(Handler) as address:
        yield address


@contextmanager
def judging(version: str, case: Mapping[str, Any]) -> Iterator[Judge]:
    """The page of a version, and the databases of a case behind it."""
    bundle = CACHE / f"v{version}" / "bundle"
    if not bundle.is_dir():
        pytest.skip("the judge's page is not there: .ci/judge-grafana fetch makes it (it needs Node.js)")
    with answering(case["answers"]) as url:
        databases = {source["uid"]: f"{url}/{source['uid']}" for source in case["job"]["sources"]}
        with serve(bundle, databases) as address, judge(address, "en") as judged:
            yield judged


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_judge_finds_each_fault_and_no_other(path: Path, version: str) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    with judging(version, case) as judged, judged.judged(case["job"]) as (report, _):
        found = {(panel["id"], fault["kind"]) for panel in report["panels"] for fault in panel["faults"]}
        assert found == {(expected["panel"], expected["kind"]) for expected in case["expect"]}
        assert report["faults"] == []
        assert report["version"].startswith(version)
        sent = {panel["id"]: panel["queries"][0]["text"] for panel in report["panels"] if panel["queries"]}
        for panel, text in case.get("texts", {}).items():
            assert text in sent[int(panel)]
        assert judged.complaints == []


def test_there_is_a_case_for_each_kind_of_fault() -> None:
    kinds = {expected["kind"] for path in CASES for expected in json.loads(path.read_text(encoding="utf-8"))["expect"]}
    assert kinds == {"cut", "error", "legend", "red-nothing", "unit", "variable", "wide", "zero"}
