"""Members: a gateway that cannot tell what it hears makes its devices unknown, not silent, and nobody else's."""

from typing import Any

from gateway.core.devices.device import Device
from gateway.core.status.health import health_lines
from gateway.core.status.members import Member, MemberReport, Members, Reception, ShareReader
from gateway.core.status.silence import Membership, NewestReadings, Presence, Silence
from schemas.registry import RegisteredDevice
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS

ONLINE, SILENT, NEW, UNKNOWN = Presence
DAY_MS = 24 * HOUR_MS
SITES = {"at-b": ShareReader("b", 0), "at-c": ShareReader("c", 0), "here": ShareReader("", 0)}


class Leader:
    """The leader ``a``, which asks once a minute, and the two others, ``b`` and ``c``, of which each may be cut off.

    :ivar unbroken_ms: gateway → since when all that it hears reaches the database; one that is not here does not report.
    """

    def __init__(self) -> None:
        self.members = Members()
        self.elsewhere = NewestReadings(self.members)
        self.silence = Silence(membership=Membership(self.elsewhere))
        self.unbroken_ms = {"a": 0, "b": 1, "c": 1}
        self.newest_ms: dict[str, int] = {}
        self.reports: dict[str, MemberReport] = {}
        self.now_ms = NOW_MS - MINUTE_MS
        self.members.share_out(SITES, [], self.now_ms)
        self.pass_minutes(1)

    def device(self, site: str, heard_ms: int, **state: Any) -> Device:  # noqa: ANN401 - of any slot
        """A device that sends every quarter of an hour, heard by whoever reads its site."""
        name = f"d-{site}-{len(self.newest_ms)}"
        made = Device(name, RegisteredDevice(id=name, interval="15min", site=site, domain="water"))  # type: ignore[arg-type]
        for slot, value in state.items():
            setattr(made, slot, value)
        self.newest_ms[name] = heard_ms
        self.ask()
        return made

    def pass_minutes(self, minutes: int) -> None:
        """Let time pass; who is not cut off reports each minute, and the database is asked."""
        for _ in range(minutes):
            self.now_ms += MINUTE_MS
            self.reports |= {name: MemberReport(self.now_ms, since_ms) for name, since_ms in self.unbroken_ms.items()}
            self.ask()

    def ask(self) -> None:
        """Ask the database."""
        self.members.report(self.reports)
        self.elsewhere.take(self.newest_ms, set(self.newest_ms), self.now_ms)

    def cut_off(self, name: str) -> None:
        """Cut a gateway off."""
        del self.unbroken_ms[name]

    def back(self, name: str) -> None:
        """Let its readings reach the database again."""
        self.unbroken_ms[name] = self.now_ms

    def finds(self, *devices: Device) -> list[Presence]:
        """Return how devices stand."""
        return [self.silence.presence(device, self.now_ms) for device in devices]

    def overdue(self, *devices: Device) -> list[bool]:
        """Return which devices alarms are raised about."""
        return [self.silence.is_overdue(device, self.now_ms) for device in devices]

    def missing(self) -> list[str]:
        """Return the gateways that people are told of."""
        return [member.name for member in self.members.missing(self.now_ms)]


def test_devices_of_a_gateway_that_is_cut_off_are_unknown_and_those_of_others_are_judged() -> None:
    leader = Leader()
    of_b, of_c, own = (leader.device(site, NOW_MS - MINUTE_MS) for site in ("at-b", "at-c", "here"))
    own.last_seen_ms = NOW_MS - MINUTE_MS
    leader.cut_off("b")
    leader.pass_minutes(30)
    assert leader.finds(of_b, of_c, own) == [ONLINE] * 3, "within its span nothing is doubtful"
    leader.pass_minutes(60)
    assert leader.finds(of_b, of_c, own) == [UNKNOWN, SILENT, SILENT]
    assert leader.overdue(of_b, of_c, own) == [False, True, True]
    assert leader.missing() == ["b"]


def test_no_health_point_is_written_of_a_device_that_is_unknown() -> None:
    leader = Leader()
    was_here = leader.device("at-b", NOW_MS - MINUTE_MS, last_seen_ms=NOW_MS - MINUTE_MS, newest_ms=NOW_MS - MINUTE_MS)
    never = leader.device("at-b", 0)
    leader.cut_off("b")
    leader.pass_minutes(90)
    assert list(health_lines([was_here, never], leader.silence, leader.now_ms)) == []
    leader.back("b")
    leader.pass_minutes(60)
    (lines,) = health_lines([was_here, never], leader.silence, leader.now_ms)
    assert [line.rpartition(",")[2].split(" ")[0] for line in lines] == ["up=False", "up=False"]


def test_what_is_silent_before_a_gateway_is_cut_off_stays_so_and_is_judged_no_further() -> None:
    leader = Leader()
    before, since = leader.device("at-b", NOW_MS - HOUR_MS), leader.device("at-b", NOW_MS - MINUTE_MS)
    assert leader.overdue(before, since) == [True, False]
    leader.cut_off("b")
    leader.pass_minutes(600)
    assert leader.overdue(before, since) == [True, False], "the alarm that stands does not end, and none begins"
    assert leader.finds(before) == [UNKNOWN]


def test_a_device_has_its_whole_span_once_its_gateway_is_back() -> None:
    """Readings of the break wait in the journal or at the broker, and new ones go ahead of them."""
    leader = Leader()
    device = leader.device("at-b", NOW_MS - 14 * MINUTE_MS)
    leader.cut_off("b")
    leader.pass_minutes(120)
    leader.back("b")
    leader.pass_minutes(44)
    assert (leader.finds(device), leader.overdue(device), leader.missing()) == ([UNKNOWN], [False], [])
    leader.pass_minutes(2)
    assert (leader.finds(device), leader.overdue(device)) == ([SILENT], [True])


def test_a_gateway_that_has_a_short_break_each_night_still_finds_a_meter_that_sends_once_a_day() -> None:
    leader = Leader()
    device = leader.device("at-b", NOW_MS)
    device.registered = RegisteredDevice(id=device.name, site="at-b", interval="1d", domain="water")  # type: ignore[arg-type]
    for _ in range(3):
        assert leader.overdue(device) == [False]
        leader.pass_minutes(24 * 60)
        leader.cut_off("b")
        leader.pass_minutes(2)
        leader.back("b")
    leader.pass_minutes(59)
    assert leader.overdue(device) == [False]
    leader.pass_minutes(3)
    assert leader.overdue(device) == [True]


def test_a_gateway_whose_clock_or_word_is_minutes_late_is_judged_as_of_then() -> None:
    leader = Leader()
    device = leader.device("at-b", NOW_MS - 44 * MINUTE_MS)
    leader.cut_off("b")
    leader.pass_minutes(4)
    assert leader.finds(device) == [ONLINE], "at its newest report it was"


def test_a_site_that_moves_away_from_a_gateway_that_is_cut_off_is_judged_from_then_on() -> None:
    leader = Leader()
    device = leader.device("at-b", NOW_MS - MINUTE_MS)
    leader.cut_off("b")
    leader.pass_minutes(120)
    for reads_since_ms in (None, leader.now_ms):
        leader.members.share_out(SITES | {"at-b": ShareReader("c", reads_since_ms)}, [], leader.now_ms)
        leader.pass_minutes(44)
        assert (leader.finds(device), leader.overdue(device)) == ([UNKNOWN], [False])
        leader.now_ms -= 44 * MINUTE_MS
    leader.pass_minutes(46)
    assert leader.finds(device) == [SILENT]
    leader.members.share_out(SITES | {"at-b": ShareReader("", leader.now_ms)}, [], leader.now_ms)
    assert leader.finds(device) == [UNKNOWN], "it came here just now"


def test_after_a_start_the_first_answer_tells_how_long_each_has_listened() -> None:
    leader = Leader()
    silent, waiting = leader.device("at-c", NOW_MS - 30 * HOUR_MS), leader.device("at-b", NOW_MS - 2 * HOUR_MS)
    leader.members = leader.elsewhere.members = Members()
    leader.members.share_out(SITES, [], leader.now_ms)
    assert (leader.finds(silent), leader.missing()) == ([UNKNOWN], []), "all may have been started together"
    leader.back("b")
    leader.pass_minutes(3)
    assert leader.finds(silent, waiting) == [SILENT, UNKNOWN]


def test_a_device_that_comes_by_an_application_waits_for_each_gateway_that_reads_one() -> None:
    leader = Leader()
    readers = {
        **SITES,
        "at-d/water": ShareReader("c", 0),
        "at-d/power": ShareReader("b", 0),
        "application/7/#": ShareReader("c", 0),
    }
    leader.members.share_out(readers, ["application/7/#"], leader.now_ms)
    devices = [leader.device(site, NOW_MS - MINUTE_MS) for site in ("at-b", "here", "at-d", "nowhere")]
    leader.cut_off("c")
    leader.pass_minutes(90)
    assert leader.finds(*devices) == [UNKNOWN] * 4
    leader.members.share_out(readers | {"application/7/#": ShareReader("b", 0)}, ["application/7/#"], leader.now_ms)
    assert leader.finds(*devices) == [SILENT, SILENT, UNKNOWN, SILENT], "of the site that is split its water comes to c"


def test_a_report_that_is_not_newer_changes_nothing() -> None:
    leader = Leader()
    device = leader.device("at-b", NOW_MS - HOUR_MS)
    assert leader.finds(device) == [SILENT]
    leader.members.report({"b": MemberReport(NOW_MS, NOW_MS), "stranger": MemberReport(NOW_MS, 0)})
    assert leader.finds(device) == [SILENT]


def test_time_in_which_the_broker_was_away_is_left_out_whatever_the_clock_did() -> None:
    heard = Reception()
    heard.regain(10)
    heard.regain(20)
    assert (heard.began_ms, heard.since_ms) == (10, 10), "it was there all the time"
    heard.lose(100)
    assert (heard.since_ms, heard.heard_ms(50, 130)) == (None, 50)
    assert heard.heard_ms(90, 100) == heard.heard_ms(80, 90) == 10, "it had not been lost by then"
    heard.regain(150)
    assert (heard.since_ms, heard.heard_ms(50, 200), heard.heard_ms(150, 200)) == (150, 100, 50)
    heard.lose(220)
    heard.regain(140)
    assert heard.heard_ms(120, 300) == 150, "the clock was set back: that is no span"


def test_the_newest_hundred_spans_are_remembered() -> None:
    heard = Reception()
    for turn in range(101):
        heard.lose(10 * turn)
        heard.regain(10 * turn + 1)
    assert heard.heard_ms(0, 2000) == 1900


def test_a_report_vouches_for_the_time_since_the_one_before_if_nothing_broke_in_between() -> None:
    unbroken = Member("b")
    for report in (MemberReport(100, 50), MemberReport(160, 100), MemberReport(120, 110)):
        unbroken.take(report)
    assert (unbroken.told_ms, unbroken.listened_ms(0, 160, 100)) == (160, 110), "an older report tells nothing"
    broken = Member("b", told_ms=100)
    broken.take(MemberReport(300, 200))
    assert broken.listened_ms(0, 300, 50) == 200
    assert [broken.listened_ms(0, until_ms, 50) for until_ms in (249, 250)] == [0, 150]
    broken.take(MemberReport(4 * HOUR_MS, 200))
    settled_ms = 200 + HOUR_MS
    assert [broken.listened_ms(0, until_ms, DAY_MS) > 0 for until_ms in (settled_ms - 1, settled_ms)] == [False, True]
    assert [broken.is_missing(4 * HOUR_MS + later_ms) for later_ms in (5 * MINUTE_MS - 1, 5 * MINUTE_MS)] == [False, True]


def test_a_device_whose_domain_nobody_knows_may_be_heard_by_each_gateway_of_its_site() -> None:
    members = Members()
    assert (members.are_any, members.missing(NOW_MS)) == (False, [])
    members.share_out({"s1/water": ShareReader("b", 5), "s1/power": ShareReader("", 7)}, [], NOW_MS)
    assert members.are_any
    found = Device("d", RegisteredDevice(id="d", site="s1"))
    home = members.home_of(found)
    assert ([member.name for member in home.members], home.since_ms) == (["b"], 7)
    found.domain = "power"
    assert [member.name for member in members.home_of(found).members] == [], "it was heard since"
    found.domain = "water"
    assert (members.home_of(found).since_ms, len(members.home_of(found).members)) == (5, 1)
    assert members.home_of(Device("e", RegisteredDevice(id="e"))).members == ()
