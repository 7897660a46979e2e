"""The devices of the demo's story measure what dashboards ask about."""

from collections import defaultdict
from collections.abc import Iterator

from firmware_sim.fleet import build_fleet
from firmware_sim.scenarios.events import incidents_of
from firmware_sim.scenarios.loader import scenario
from firmware_sim.signals import DAY_S
from firmware_sim.stories.cast import cast
from firmware_sim.stories.plan import SimulatedSpan
from firmware_sim.stories.table import STORIES
from grafana.ask import Ask, asks
from grafana.tables import DASHBOARDS
from schemas.quantities import COUNTERS, DOMAINS, HEALTH, QUANTITIES, SPREAD_OF, USED_OF
from tests.firmware_sim.storied import BEGIN_S

TURNS = 5
"""A counter of classes tells of one of five in each reading."""


def measured() -> dict[str, set[str]]:
    """Domain → the quantities that some device of the story sends; the state of batteries as a domain of its own."""
    story = scenario("province")
    span = SimulatedSpan(BEGIN_S, BEGIN_S + 2 * DAY_S, 900.0)
    fleet = build_fleet(story.fleet, span.interval_s, 1, story.sites)
    found: dict[str, set[str]] = defaultdict(set)
    for role in cast(fleet, incidents_of(story, fleet, span, 1), STORIES, span):
        for turn in range(TURNS):
            sample = role.witness.source.sample(BEGIN_S + DAY_S / 2, turn)
            found[role.device.domain] |= sample.values.keys()
            found[HEALTH] |= sample.health.keys()
    return found


def rolled(found: dict[str, set[str]]) -> set[str]:
    """The fields of roll-ups that come of these."""
    fields = {USED_OF[name] for domain in DOMAINS for name in found[domain] & COUNTERS.keys()}
    return fields | {
        name for domain in DOMAINS for gauge in found[domain] & SPREAD_OF[domain].keys() for name in SPREAD_OF[domain][gauge]
    }


def asked_of_devices() -> Iterator[tuple[str, Ask]]:
    """Yield the questions of all panels about many devices, but those where nothing found is a 0."""
    for board in DASHBOARDS:
        if not any(variable.is_single for variable in board.variables):
            for section in board.sections:
                for panel in (panel for panel in section.panels if panel.without_data != "0"):
                    for question in panel.questions:
                        yield from ((f"{board.name}: {panel.title}", ask) for ask in asks(question))


def test_the_devices_of_the_story_measure_what_dashboards_ask_about() -> None:
    found = measured()
    known = rolled(found)
    every = {name for domain in DOMAINS for names in SPREAD_OF[domain].values() for name in names} | set(USED_OF.values())
    missing = [
        f"{panel}: {ask.field}"
        for panel, ask in asked_of_devices()
        if (ask.measurement in found and ask.field in QUANTITIES[ask.measurement] and ask.field not in found[ask.measurement])
        or (ask.measurement not in found and ask.field in every and ask.field not in known)
    ]
    assert missing == []
