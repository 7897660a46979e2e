"""The questions of alerts: to the points that the gateway writes about itself and its alarms, and to its metrics.

A window of a question to points slides with the clock. Buckets of fixed minutes would empty at each of their beginnings: an
alert would end and be told again, or come where nothing is wrong.
"""

from typing import Final

from grafana.alerts.model import Bound, Condition, StoreConditions, above, below

_OWN: Final = 'FROM "gateway" WHERE $timeFilter GROUP BY "gateway"'
"""The gateway writes each minute, so five minutes have it in any case."""
_MINUTE_S: Final = 60
_WEEK_S: Final = 7 * 86_400
_ALARM_TAGS: Final = '"alarm", "area", "device", "domain", "site"'
_ALARM_S: Final = 900
"""An active alarm is written every five minutes."""


def newest(field: str, bound: Bound) -> StoreConditions:
    """The newest value of a field of the gateway's own point."""
    return StoreConditions(
        Condition(f'SELECT last("{field}") {_OWN}', bound), Condition(f"last_over_time(gateway_{field}[5m])", bound)
    )


def distance(field: str, bound: Bound) -> StoreConditions:
    """The newest value without its sign."""
    return StoreConditions(
        Condition(f'SELECT abs(last("{field}")) {_OWN}', bound), Condition(f"abs(last_over_time(gateway_{field}[5m]))", bound)
    )


def is_false(field: str) -> StoreConditions:
    """A state that is false. InfluxQL counts states and cannot compute with them."""
    last = f'SELECT last("{field}") AS "state" {_OWN}'
    return StoreConditions(
        Condition(f'SELECT count("state") FROM ({last}) WHERE "state" = false GROUP BY "gateway"', above(0)),  # noqa: S608
        Condition(f"last_over_time(gateway_{field}[5m])", below(1)),
    )


def grown(field: str, window_s: int, bound: Bound) -> StoreConditions:
    """The growth of a count within a window. It starts at 0 with each start of the gateway."""
    steps = f'SELECT non_negative_difference("{field}") AS "step" {_OWN}'
    return StoreConditions(
        Condition(f'SELECT sum("step") FROM ({steps}) GROUP BY "gateway"', bound, window_s),  # noqa: S608
        Condition(f"increase(gateway_{field}[{window_s}s])", bound),
    )


def silent(after_s: int) -> StoreConditions:
    """A gateway that wrote nothing about itself for a while, and did within the week.

    InfluxQL does not know how old a point is, so points are counted by the minute. The newest minute has just begun: the whole
    ones before it make up the while.
    """
    minutes = after_s // _MINUTE_S + 1
    counts = f'SELECT moving_average(count("pending"), {minutes}) AS "points" FROM "gateway" WHERE $timeFilter'  # noqa: S608
    each = f'{counts} GROUP BY time({_MINUTE_S}s), "gateway" fill(0)'
    return StoreConditions(
        Condition(f'SELECT last("points") FROM ({each}) GROUP BY "gateway"', below(1 / (2 * minutes)), _WEEK_S),  # noqa: S608
        Condition("time() - tlast_over_time(gateway_pending[7d])", above(after_s)),
    )


def complete_days(bound: Bound) -> StoreConditions:
    """The share of the expected readings that arrived, by domain: of the newest day of each device, simulated ones left out."""
    window_s = 3 * 86_400
    days = (
        'SELECT last("received") AS "received", last("expected") AS "expected" FROM "completeness" WHERE $timeFilter'
        ' AND "device" !~ /^sim-/ GROUP BY "device", "domain"'
    )
    share = 'sum("received") / sum("expected")'
    each = {name: f'last_over_time(completeness_{name}{{device!~"sim-.*"}}[3d])' for name in ("received", "expected")}
    sums = {name: f"sum by (domain) ({last})" for name, last in each.items()}
    return StoreConditions(
        Condition(f'SELECT {share} FROM ({days}) GROUP BY "domain"', bound, window_s),  # noqa: S608 - our own
        Condition(f"{sums['received']} / {sums['expected']}", bound),
        ("domain",),
    )


def active_alarms(severity: str) -> StoreConditions:
    """The active alarms of devices and sites, without simulated ones and those under planned work."""
    states = ("active", "silenced", "simulated")
    lasts = ", ".join(f'last("{state}") AS "{state}"' for state in states)
    newest_states = f'SELECT {lasts} FROM "alarm" WHERE $timeFilter AND "severity" = \'{severity}\' GROUP BY {_ALARM_TAGS}'  # noqa: S608
    told = '"active" = true AND "silenced" = false AND "simulated" = false'
    metrics = {state: f'last_over_time(alarm_{state}{{severity="{severity}"}}[15m])' for state in states}
    return StoreConditions(
        Condition(
            f'SELECT count("active") FROM ({newest_states}) WHERE {told} GROUP BY {_ALARM_TAGS}',  # noqa: S608 - our own
            above(0),
            _ALARM_S,
        ),
        Condition(f"{metrics['active']} * (1 - {metrics['silenced']}) * (1 - {metrics['simulated']})", above(0)),
        ("alarm", "device", "site"),
    )


def metric_grown(series: str, window: str, limit: int = 0) -> str:
    """The growth of a counter of the metrics. One that appears with its first count did not grow, as Prometheus sees it."""
    by = "sum by (job, instance)"
    return f"{by} (increase({series}[{window}])) > {limit} or {by} ({series} unless {series} offset {window}) > {limit}"
