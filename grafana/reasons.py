"""The reasons why a panel may be empty: the text that stands in it then."""

from typing import Final

from grafana.ask import Ask, Step, first
from grafana.model import Kind, Panel, Prom
from grafana.text import both

_WHOLE: Final = {"hourly": ("giờ", "hour"), "daily": ("ngày", "day"), "monthly": ("tháng", "month")}
_PERIODS: Final = {"1h": "hourly", "1d": "daily"}


def without_data(panel: Panel) -> str:
    """The text of a panel in which nothing was found: its own, or the reason that lies in its question."""
    if panel.without_data:
        return panel.without_data
    target = panel.targets[0]
    if isinstance(target, Prom):
        return both("Prometheus chưa thu thập /metrics của cổng thu thập", "Prometheus does not collect the gateway's /metrics")
    asked = first(target)
    return _of_a_figure(asked) if panel.kind in (Kind.STAT, Kind.PEAK, Kind.NEWEST, Kind.WORST) else _of_a_panel(asked)


def _of_a_figure(asked: Ask) -> str:
    """A few words, since they stand in large letters."""
    period = _period(asked)
    return both(f"chưa có {period[0]}", f"no {period[1]} yet") if period else both("chưa gửi", "not sent")


def _of_a_panel(asked: Ask) -> str:
    period = _period(asked)
    if period:
        vi, en = period
        return both(
            f"Chưa có {vi} trọn vẹn, hoặc không thiết bị nào gửi đại lượng này", f"No whole {en} yet, or no device sends this"
        )
    if asked.measurement in ("gateway", "build"):
        return both("Cổng thu thập không ghi gì trong thời gian này: đã dừng?", "The gateway wrote nothing: has it stopped?")
    if asked.step is Step.NOW:
        return both("Không thiết bị nào gửi đại lượng này gần đây", "No device sent this lately")
    return both("Không thiết bị nào gửi đại lượng này trong thời gian này", "No device sent this in this time")


def _period(asked: Ask) -> tuple[str, str] | None:
    """The period that must have ended before there is a point."""
    name = asked.measurement.partition("_")[0]
    return _WHOLE.get(name if name in _WHOLE else _PERIODS.get(asked.points.period, ""))
