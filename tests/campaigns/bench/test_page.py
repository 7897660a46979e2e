"""The bench's page and picture: what people read must be what was measured, and a stopped run must keep what it has."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.campaigns.bench import __main__ as bench
from tests.campaigns.bench import chart, latency, page, record, saturation
from tests.campaigns.bench.chart import Line, Panel
from tests.campaigns.bench.children import Plan
from tests.campaigns.bench.contest import GATEWAY, ROUNDS, Contest, Samples
from tests.campaigns.bench.figures import Bar, Baseline, Figure
from tests.campaigns.bench.picture import picture
from tests.campaigns.bench.record import Measured, Occasion

SVG = "{http://www.w3.org/2000/svg}"
OCCASION = Occasion("a board", "3.13.5", "2026-11-26", "abc1234", 0.2)


def plan(folder: Path, *, quick: bool = False) -> Plan:
    return Plan(folder, quick=quick, long=False, say=lambda _: None)


def contest(calls: list[str], stopped_at: int | None = None) -> Contest:
    def contender(name: str) -> Mapping[str, float]:
        calls.append(name)
        if len(calls) - 1 == stopped_at:
            raise KeyboardInterrupt
        return {"cost": float(len(calls))}

    def figures(samples: Samples) -> list[Figure]:
        return [samples.figure("part", "cost", "s", "other", Bar(1.0))]

    names = (GATEWAY, "other")
    return Contest({name: lambda _, name=name: contender(name) for name in names}, figures)  # type: ignore[misc]


def test_contenders_take_turns_and_a_figure_is_the_median_of_the_rounds(tmp_path: Path) -> None:
    calls: list[str] = []
    *_, (figure,) = contest(calls).rounds(plan(tmp_path))
    assert calls[:4] == [GATEWAY, "other", "other", GATEWAY]
    assert len(calls) == 2 * ROUNDS
    assert (figure.value, figure.least, figure.runs) == (5.0, 1.0, ROUNDS)  # 1, 4, 5, 8, 9
    assert figure.baseline == Baseline("other", 6.0)  # 2, 3, 6, 7, 10


def test_a_stopped_run_keeps_its_whole_rounds_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, shown = tmp_path / "figures.json", tmp_path / "figures.md"
    shown.write_text(f"Before.\n{page.BEGIN}\nold\n{page.END}\nAfter.\n")
    monkeypatch.setattr(record, "FILE", file)
    monkeypatch.setattr(page, "PAGE", shown)
    monkeypatch.setattr(bench, "_CONTESTS", {"start": contest([], stopped_at=5)})
    assert bench.main(["start", "--write", "--machine", "a board", "--dir", str(tmp_path)]) == 1
    (figure,) = record.read(file)["start"].figures
    assert (figure.runs, figure.value) == (2, 2.5)
    assert "| cost | 2.50 s | 2.50 (1.00): other | ≤ 1, missed |" in shown.read_text()
    assert "stopped by Ctrl-C, the figures are of the rounds before" in capsys.readouterr().out


def test_what_is_on_record_reads_back_as_it_was(tmp_path: Path) -> None:
    figure = Figure(
        "start", "to SUBSCRIBE", "s", 0.3, Baseline("imports", 0.15), Bar(0.8, at_least=True, of_ratio=True), 5, 0.2
    )
    parts = {"start": Measured(OCCASION, [figure, Figure("start", "alone", "", 1.0)])}
    record.write(parts, tmp_path / "figures.json")
    assert record.read(tmp_path / "figures.json") == parts


def test_what_is_written_by_hand_around_the_tables_stays() -> None:
    parts = {"start": Measured(OCCASION, [Figure("start", "to SUBSCRIBE", "s", 0.3)])}
    text = page.with_tables(f"Before.\n{page.BEGIN}\nold\n{page.END}\nAfter.\n", parts)
    assert text.startswith(f"Before.\n{page.BEGIN}\n")
    assert text.endswith(f"{page.END}\nAfter.\n")
    assert "| to SUBSCRIBE | 0.30 s | | |" in text
    assert "a board; Python 3.13.5; 2026-11-26 at abc1234; one run" in text
    assert "old" not in text
    with pytest.raises(ValueError, match="lacks one of its two marks"):
        page.with_tables(f"Before.\n{page.BEGIN}\n", parts)


def test_page_and_picture_are_those_of_the_record() -> None:
    assert page.main(["--check"]) == 0


def test_a_value_stands_at_its_place_between_powers_of_ten() -> None:
    drawn = chart.draw([Panel("", "", "", [Line(0, [(1.0, 10.0), (10.0, 100.0), (100.0, 1000.0)])])], ["a <name>"], "words")
    discs = list(ET.fromstring(drawn).iter(f"{SVG}circle"))[1:]  # noqa: S314 - ours; the first one is the legend's
    across, down = ([float(disc.attrib[key]) for disc in discs] for key in ("cx", "cy"))
    assert across[1] - across[0] == pytest.approx(across[2] - across[1])
    assert down[0] - down[1] == pytest.approx(down[1] - down[2])
    assert down[2] < down[1]


def made_up(contest: Contest, *what: str) -> Measured:
    samples = Samples()
    for name in contest.contenders:
        samples.add(name, dict.fromkeys(what, 20.0))
    return Measured(OCCASION, contest.figures(samples))


def test_the_picture_shows_every_rate_of_every_contender() -> None:
    rates = [latency.at(rate, what) for rate in latency.SECONDS for what in (latency.CPU, latency.P50, latency.P99)]
    backlog = (saturation.CPU, saturation.SPEED, saturation.DISK)
    parts = {"latency": made_up(latency.CONTEST, *rates), "saturation": made_up(saturation.CONTEST, *backlog)}
    drawn = picture(parts)
    assert drawn is not None
    shown = Counter(mark.get("class") for mark in ET.fromstring(drawn).iter())  # noqa: S314 - ours
    assert [shown[kind] for kind in ("m0", "m1", "m2")] == [len(rates) + 2, len(rates) + 2, len(rates) + 1]
    assert picture({"latency": parts["latency"]}) is None
