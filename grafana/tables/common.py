"""Parts of every domain's dashboard: the choices at its head, the figures on data and devices."""

from typing import Final

from grafana import influxql
from grafana.model import (
    GREEN,
    HALF,
    RED,
    STAT_SIZE,
    THIRD,
    WHOLE,
    YELLOW,
    Column,
    Influx,
    Kind,
    Panel,
    Section,
    Steps,
    Variable,
    Word,
)
from grafana.units import AGO, COUNT, DURATION, PER_CENT, unit_of

BY_SITE: Final = "$tag_site"
BY_DEVICE: Final = " ".join(f"$tag_{tag}" for tag in influxql.SERIES)

ALARMED: Final = {"0": Word("không · none", "transparent"), "1+": Word("báo động · alarm", RED)}

FLAGS: Final = (
    Column("flag_1", "Dùng giờ của cổng thu thập", "Gateway's time"),
    Column("flag_2", "Có giá trị bị bỏ", "A value was dropped"),
    Column("flag_4", "Chỉ số nhảy bất thường", "Counter step suspect"),
    Column("flag_8", "Số liệu gửi muộn", "Historic"),
    Column("flag_16", "Thiết bị ước tính", "Estimated by the device"),
    Column("flag_32", "Giờ của cổng bị nghi ngờ", "Gateway's clock doubted"),
    Column("flag_64", "Có thể bị trùng", "May stand twice"),
    Column("flag_128", "Mô phỏng", "Simulated"),
)

DOMAIN_NAMES: Final = {
    "water": ("Nước", "Water"),
    "power": ("Điện", "Power"),
    "traffic": ("Giao thông", "Traffic"),
    "urban": ("Đô thị", "Urban"),
}

NONE_IS_GOOD: Final = ((None, GREEN), (1.0, RED))


def variables(measurement: str) -> tuple[Variable, ...]:
    """Area, site and device, each narrowing the next."""
    here = f"{influxql.IN_AREA} AND {influxql.IN_SITE}"
    return (
        Variable("area", "Khu vực", "Area", influxql.tag_values("area", measurement)),
        Variable("site", "Địa điểm", "Site", influxql.tag_values("site", measurement, influxql.IN_AREA)),
        Variable("device", "Thiết bị", "Device", influxql.tag_values("device", measurement, here)),
    )


def domain_variables(domain: str) -> tuple[Variable, ...]:
    """The choices, and the list of the domain's devices by which ``device_health`` is narrowed."""
    known = Variable("known", "Đã biết", "Known", influxql.tag_values("device", domain), listed=True, hidden=True)
    return (*variables(domain), known)


def devices_stat(domain: str) -> Panel:
    """The number of devices that sent data."""
    return Panel(
        "Thiết bị có số liệu",
        "Devices with data",
        Kind.STAT,
        (Influx(influxql.devices_with_data(domain)),),
        COUNT,
        STAT_SIZE,
        "Số thiết bị đã gửi ít nhất một số đo trong khoảng thời gian đang xem.",
        "Devices that sent at least one reading in the time shown.",
        without_data="0",
    )


def flagged_stat(domain: str, *, named: bool = False) -> Panel:
    """The number of readings that are not good; ``named``: the title names the domain."""
    vi, en = DOMAIN_NAMES[domain] if named else ("", "")
    return Panel(
        f"Bị gắn cờ: {vi}" if named else "Số đo bị gắn cờ",
        f"Flagged: {en}" if named else "Flagged readings",
        Kind.STAT,
        (Influx(influxql.flagged_share(domain)),),
        PER_CENT,
        STAT_SIZE,
        "Tỉ lệ số đo có ít nhất một cờ chất lượng (không kể cờ mô phỏng). Xem từng cờ ở cuối bảng.",
        "Share of readings with any quality flag but 'simulated'. Each flag is shown at the end of the page.",
        steps=((None, GREEN), (1.0, YELLOW), (10.0, RED)),
    )


def now_stat(vi: str, en: str, domain: str, state: str, about_vi: str, about_en: str) -> Panel:
    """The number of devices whose last value is true; red from one on."""
    target = (Influx(influxql.true_now(domain, state)),)
    return Panel(vi, en, Kind.STAT, target, COUNT, STAT_SIZE, about_vi, about_en, steps=NONE_IS_GOOD, without_data="0")


def alarm_panels(domain: str, alarms: tuple[Column, ...]) -> tuple[Panel, ...]:
    """The alarms over time and counted per device. A column's name is the alarm's field."""
    over_time = tuple(
        Influx(influxql.true_over_time(domain, alarm.name), f"{BY_DEVICE} {alarm.vi} · {alarm.en}") for alarm in alarms
    )
    per_device = tuple(Influx(influxql.true_in_all(domain, alarm.name)) for alarm in alarms)
    return (
        Panel(
            "Báo động theo thời gian",
            "Alarms over time",
            Kind.STATES,
            over_time,
            COUNT,
            HALF,
            "Mỗi dải là một thiết bị đã báo động; đỏ: trong giờ đó có báo động. Thiết bị không báo động thì không có dải.",
            "One band per device that raised the alarm; red: a reading of that hour did. Others are not listed.",
            least_interval=influxql.HOUR,
            words=ALARMED,
        ),
        Panel(
            "Số lần báo động theo thiết bị",
            "Alarm readings per device",
            Kind.TABLE,
            per_device,
            COUNT,
            HALF,
            "Số lần đo có báo động trong khoảng thời gian đang xem.",
            "How many readings carried each alarm in the time shown.",
            columns=alarms,
        ),
    )


def data_section(domain: str) -> Section:
    """Quality flags, silent devices, when each device was last heard."""
    return Section(
        "Chất lượng số liệu và thiết bị",
        "Data quality and devices",
        (_flags(domain), _silent(), _last_heard(domain)),
    )


def device_section(*panels: Panel) -> Section:
    """Every device by itself: closed, because a province has thousands of them."""
    return Section("Từng thiết bị (hãy chọn địa điểm trước)", "Each device (choose a site first)", panels, closed=True)


def each_device(domain: str, field: str, vi: str, en: str) -> Panel:
    """One gauge, one line per device."""
    return Panel(
        vi,
        en,
        Kind.LINES,
        (Influx(influxql.over_time(domain, field, by=influxql.SERIES), BY_DEVICE),),
        unit_of(domain, field),
        HALF,
        "Giá trị trung bình của từng thiết bị.",
        "Mean of each device.",
    )


def by_site(  # noqa: PLR0913 - one row of a table
    domain: str,
    field: str,
    vi: str,
    en: str,
    *,
    about_vi: str,
    about_en: str,
    function: str = "mean",
    steps: Steps = (),
) -> Panel:
    """One gauge, one line per site."""
    return Panel(
        vi,
        en,
        Kind.LINES,
        (Influx(influxql.over_time(domain, field, function), BY_SITE),),
        unit_of(domain, field),
        THIRD,
        about_vi,
        about_en,
        steps=steps,
    )


def sum_by_site(domain: str, field: str, vi: str, en: str, about_vi: str, about_en: str) -> Panel:
    """One gauge, added up over the devices of each site."""
    return Panel(
        vi,
        en,
        Kind.AREAS,
        (Influx(influxql.added_up(domain, field), BY_SITE),),
        unit_of(domain, field),
        HALF,
        about_vi,
        about_en,
        least_interval=influxql.SUM_INTERVAL,
    )


def growth_by_site(domain: str, field: str, vi: str, en: str, about_vi: str, about_en: str) -> Panel:
    """The growth of a counter in each hour, a bar per hour and a colour per site."""
    return Panel(
        vi,
        en,
        Kind.BARS,
        (Influx(influxql.growth(domain, field), BY_SITE),),
        unit_of(domain, field),
        HALF,
        about_vi,
        about_en,
        least_interval=influxql.HOUR,
    )


def _flags(domain: str) -> Panel:
    return Panel(
        "Cờ chất lượng",
        "Quality flags",
        Kind.LINES,
        (Influx(influxql.flag_shares(domain), "$col"),),
        PER_CENT,
        WHOLE,
        "Tỉ lệ số đo mang mỗi cờ chất lượng (trường quality). Không cờ nào: số đo tốt.",
        "Share of readings that carry each bit of the field quality. No bit: the reading is good.",
        columns=FLAGS,
        minimum=0.0,
    )


def _silent() -> Panel:
    return Panel(
        "Thiết bị im lặng",
        "Silent devices",
        Kind.TABLE,
        (Influx(influxql.silent_devices(also=influxql.OF_THIS_DOMAIN)),),
        DURATION,
        HALF,
        "Thiết bị đã đăng ký mà cổng thu thập không nhận được số liệu đúng hạn. Kiểm tra pin, sóng, nguồn điện.",
        "Registered devices that the gateway did not hear from in time. Check battery, radio, supply.",
        columns=(Column("silence_s", "Im lặng", "Silent for", DURATION),),
        sort_by="Im lặng · Silent for",
    )


def _last_heard(domain: str) -> Panel:
    return Panel(
        "Số đo gần nhất",
        "Last reading",
        Kind.TABLE,
        (Influx(influxql.last_readings(domain)),),
        COUNT,
        HALF,
        "Thời điểm số đo gần nhất của từng thiết bị trong khoảng thời gian đang xem, và cờ chất lượng của nó (0 là tốt).",
        "When each device's last reading in the time shown was taken, and its quality flags (0 is good).",
        columns=(
            Column("Time", "Lúc", "When", AGO),
            Column("quality", "Cờ chất lượng", "Quality flags", COUNT, steps=((None, "text"), (1.0, YELLOW))),
        ),
    )
